"""Activations of R replicas, each with its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.words.choice import Choice

Function = Callable[[Tensor], Tensor]


def function(choice: Choice) -> Function:
    """The elementwise function of an activation that learns nothing. UsageError for any other name."""
    match choice.name:
        case "relu":
            return F.relu
        case "lrelu":
            slope = _number(choice, "slope")
            return lambda u: F.leaky_relu(u, slope)
        case "elu":
            alpha = _number(choice, "alpha")
            return lambda u: F.elu(u, alpha)
        case "selu":
            return F.selu
        case "tanh":
            return torch.tanh
        case "sigmoid":
            return torch.sigmoid
        case "abs":
            return torch.abs
        case "own":
            return lambda u: u
        case name:
            raise UsageError(f"'{name}' is not a fixed activation: name one of sweeps.words.vocabulary.ACTIVATIONS")


class Activation(nn.Module):
    """a(u) of each replica, on (R, B, C, *S): neighbours with the same activation are worked on as one slice.

    Learned: `slope` (R,), where a replica has prelu (u above 0, slope u below), one slope a layer and replica; the
    slopes of other replicas stay unused.
    """

    slope: nn.Parameter | None

    def __init__(self, choices: Sequence[Choice], *, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        runs = [(choice, len(list(run))) for choice, run in groupby(choices)]
        self._sizes = [size for _, size in runs]
        self._functions = [None if choice.name == "prelu" else function(choice) for choice, _ in runs]
        self._only = self._functions[0] if len(runs) == 1 else None
        self.slope = None
        if None in self._functions:
            start = [_number(c, "init") if c.name == "prelu" else 0.0 for c in choices]
            self.slope = nn.Parameter(torch.tensor(start, device=device, dtype=dtype))

    def forward(self, u: Tensor) -> Tensor:
        if self._only is not None:
            return self._only(u)
        slopes = [None] * len(self._sizes) if self.slope is None else self.slope.split(self._sizes)
        parts = zip(self._functions, slopes, u.split(self._sizes), strict=True)
        return torch.cat([_apply(*part) for part in parts])


def _apply(function: Function | None, slope: Tensor | None, u: Tensor) -> Tensor:
    if function is not None:
        return function(u)
    assert slope is not None
    return torch.where(u > 0, u, slope.view(-1, *[1] * (u.ndim - 1)) * u)


def _number(choice: Choice, option: str) -> float:
    value = choice[option]
    assert isinstance(value, int | float)
    return float(value)
