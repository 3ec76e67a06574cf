"""Several methods at one site, each at points of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from torch import Tensor, nn

from trainers.layers.activations import Activation
from trainers.normalizers.method import Method

LAYER = ("weight", "bias")  # what the layer itself learns; all parts see it


class Composite(Method):
    """At every point what its part for that point does; the layer keeps its bias if all parts leave it."""

    def __init__(self, methods: Sequence[Method]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(methods)
        self.bias = all(method.bias for method in methods)
        self.compiles = all(method.compiles for method in methods)
        self.calibrated = max((method.calibrated for method in methods), key=lambda when: when != "never")

    @property
    def edits_gradients(self) -> bool:
        return any(part.edits_gradients for part in self._parts())

    def input(self, x: Tensor) -> Tensor:
        return self._chain(x, "input")

    def attach(self, activation: Activation) -> None:
        for part in self._parts():
            part.attach(activation)

    def start(self, w: Tensor) -> None:
        for part in self._parts():
            part.start(w)

    def end_branch(self) -> None:
        for method in self._parts():
            method.end_branch()

    def before(self, x: Tensor) -> Tensor:
        return self._chain(x, "before")

    def weight(self, w: Tensor) -> Tensor:
        return self._chain(w, "weight")

    def after(self, u: Tensor) -> Tensor:
        return self._chain(u, "after")

    def activated(self, a: Tensor) -> Tensor:
        return self._chain(a, "activated")

    def penalty(self, u: Tensor) -> Tensor | None:
        return next((penalty for part in self._parts() if (penalty := part.penalty(u)) is not None), None)

    def gradients(self, named: dict[str, Tensor]) -> None:
        for i, part in enumerate(self._parts()):
            if part.edits_gradients:
                part.gradients(_own(named, i))

    def project(self, named: dict[str, Tensor]) -> None:
        for i, part in enumerate(self._parts()):
            part.project(_own(named, i))

    def calibrate_input(self, batches: Iterable[Tensor]) -> None:
        for part in self._parts():
            part.calibrate_input(batches)

    def calibrate(self, batches: Iterable[Tensor]) -> None:
        for part in self._parts():
            if part.calibrated != "never":
                part.calibrate(batches)

    def _chain(self, x: Tensor, point: str) -> Tensor:
        for part in self._parts():
            x = cast(Callable[[Tensor], Tensor], getattr(part, point))(x)
        return x

    def _parts(self) -> list[Method]:
        return [cast(Method, part) for part in self.parts]


def _own(named: dict[str, Tensor], i: int) -> dict[str, Tensor]:
    """The layer's parameters and those of part i, by the names that it gave them."""
    prefix = f"parts.{i}."
    layer = {name: tensor for name, tensor in named.items() if name in LAYER}
    return layer | {name.removeprefix(prefix): t for name, t in named.items() if name.startswith(prefix)}
