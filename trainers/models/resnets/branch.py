"""Random numbers of a shortcut, which shares its layer's number with the last layer of its block."""

from __future__ import annotations

from torch import Tensor

from trainers.seeding import Streams


class Branch(Streams):
    """The streams of `trunk` for purposes of its own: "noise" is drawn as "noise/shortcut"."""

    def __init__(self, trunk: Streams, name: str) -> None:
        super().__init__(trunk.seeds, device=str(trunk.device), dtype=trunk.dtype)
        self._trunk, self._name = trunk, name

    def uniform(self, purpose: str, layer: int, shape: tuple[int, ...], *, samples: bool = False) -> Tensor:
        return self._trunk.uniform(f"{purpose}/{self._name}", layer, shape, samples=samples)

    def normal(self, purpose: str, layer: int, shape: tuple[int, ...], *, samples: bool = False) -> Tensor:
        return self._trunk.normal(f"{purpose}/{self._name}", layer, shape, samples=samples)

    def initial(self, layer: int, shape: tuple[int, ...], purpose: str = "init") -> Tensor:
        return self._trunk.initial(layer, shape, f"{purpose}/{self._name}")
