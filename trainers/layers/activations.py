"""Activations of R replicas, each with its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.activations import ACTIVATIONS
from sweeps.words.choice import Choice
from trainers.plugins.lookup import implementation

Function = Callable[..., Tensor]

relu, elu, selu, tanh, sigmoid, absolute = F.relu, F.elu, F.selu, torch.tanh, torch.sigmoid, torch.abs


def lrelu(u: Tensor, *, slope: float) -> Tensor:
    return F.leaky_relu(u, slope)


def own(u: Tensor) -> Tensor:
    return u


def prelu(u: Tensor, *, slope: Tensor) -> Tensor:
    return torch.where(u > 0, u, slope * u)


def function(choice: Choice) -> Function:
    """The elementwise function of an activation, what it learns where it begins. UsageError for an unknown name."""
    made, begin = _function(choice)
    start = {name: torch.tensor(value, dtype=torch.float64, device="cpu") for name, value in begin.items()}
    return partial(made, **start) if start else made


def _function(choice: Choice) -> tuple[Function, dict[str, float]]:
    """The function, its options given, and where what it learns begins."""
    made, learns = implementation("activation", choice.name), ACTIVATIONS[choice.name].learns
    fixed = {name: value for name, value in choice.options if name not in learns.values()}
    return partial(made, **fixed) if fixed else made, {name: _number(choice, begin) for name, begin in learns.items()}


class Activation(nn.Module):
    """a(u) of each replica, on (R, B, C, *S): neighbours with the same activation are worked on as one slice.

    Learned, by the names that entries give, as prelu's `slope`: (R,), one value a layer and replica; those of replicas
    whose activation does not learn them stay unused.
    """

    def __init__(self, choices: Sequence[Choice], *, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        runs = [(_function(choice), len(list(run))) for choice, run in groupby(choices)]
        self._sizes = [size for _, size in runs]
        self._functions = [(made, tuple(begin)) for (made, begin), _ in runs]
        self._only = self._functions[0][0] if len(runs) == 1 and not self._functions[0][1] else None
        begins = [begin for (_, begin), size in runs for _ in range(size)]
        for name in dict.fromkeys(name for begin in begins for name in begin):
            start = torch.tensor([begin.get(name, 0.0) for begin in begins], device=device, dtype=dtype)
            self.register_parameter(name, nn.Parameter(start))

    def forward(self, u: Tensor) -> Tensor:
        if self._only is not None:
            return self._only(u)
        parts: list[Tensor] = []
        begin = 0
        for (made, learned), size in zip(self._functions, self._sizes, strict=True):
            parts.append(self._slice(u[begin : begin + size], made, learned, begin))
            begin += size
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _slice(self, u: Tensor, made: Function, learned: tuple[str, ...], begin: int) -> Tensor:
        """Of the replicas from `begin` on, which have one activation."""
        if not learned:
            return made(u)
        ones = [1] * (u.ndim - 1)
        return made(u, **{name: getattr(self, name)[begin : begin + len(u)].view(-1, *ones) for name in learned})


def _number(choice: Choice, option: str) -> float:
    value = choice[option]
    assert isinstance(value, int | float)
    return float(value)
