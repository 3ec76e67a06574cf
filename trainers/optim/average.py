"""An exponential running average of a network, which is evaluated in the network's place."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from trainers.optim.optimizer import beside


class Average:
    """a ← d a + (1 − d) p after each step, from a = p after the first one; d is one value a replica, 0 for none.

    p: what the network learns, and the running averages of its methods; its counters stay as they are. As
    `torch.optim.swa_utils.AveragedModel` with `use_buffers`.
    """

    def __init__(self, network: nn.Module, decay: Sequence[float]) -> None:
        followed = {name: t for name, t in network.state_dict().items() if t.is_floating_point()}
        like = next(iter(followed.values()))
        self._followed = followed
        self._fresh = torch.tensor([1.0 - d for d in decay], dtype=like.dtype, device=like.device)
        self._average = {name: tensor.detach().clone() for name, tensor in followed.items()}
        self._begun = False

    @torch.no_grad()
    def follow(self) -> None:
        """After a step."""
        for name, tensor in self._followed.items():
            if self._begun:
                self._average[name].lerp_(tensor, beside(self._fresh.to(tensor.dtype), tensor))
            else:
                self._average[name].copy_(tensor)
        self._begun = True

    @contextmanager
    def in_place(self) -> Generator[None]:
        """Within it the network is the average; afterwards itself again, whatever has changed in between."""
        kept = {name: tensor.detach().clone() for name, tensor in self._followed.items()}
        self._write(self._followed, self._average)
        try:
            yield
        finally:
            self._write(self._followed, kept)

    def state_dict(self) -> dict[str, Tensor]:
        return {**self._average, _BEGUN: torch.tensor(self._begun)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._write(self._average, state)
        self._begun = bool(state[_BEGUN])

    @torch.no_grad()
    def _write(self, to: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
        for name, tensor in to.items():
            tensor.copy_(values[name])


_BEGUN = "begun"  # no tensor of a network: those have a dot in their names
