"""Activations of a standard normal variable z: mean and deviation of a(z), and the scale that keeps gradients' size."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import erfc, exp, inf, pi, sqrt
from typing import cast

import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from torch import Tensor

from sweeps.words.choice import Choice
from trainers.layers.activations import function

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
PRECISION = 1e-12


def leaky_moments(slope: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of z above 0, slope z below. Source: Arpit et al. 2016, Remark 2."""
    return (1 - slope) / sqrt(2 * pi), ((1 + slope**2 - (1 - slope) ** 2 / pi) / 2).sqrt()


@cache
def moments(activation: Choice) -> tuple[float, float]:
    """Mean and standard deviation of a(z): in closed form, for other activations by quadrature to 1e-10.

    A learned slope counts with its initial value.
    """
    slope = _slope(activation)
    if slope is not None:
        mean, deviation = leaky_moments(torch.tensor(slope, dtype=torch.float64, device="cpu"))
        return mean.item(), deviation.item()
    match activation.name:
        case "elu":
            return _exponential_moments(1.0, _number(activation, "alpha"))
        case "selu":
            return _exponential_moments(SELU_SCALE, SELU_ALPHA)
        case _:
            a = _of_number(activation)
            mean = expectation(a)
            return mean, sqrt(expectation(lambda z: (a(z) - mean) ** 2))


@cache
def isometric_scale(activation: Choice) -> float:
    """γ with γ² E[a'(γz)²] = var a(z): orthonormal rows before, a(z)/deviation after keep gradients' size."""
    _, deviation = moments(activation)
    slope = _slope(activation)
    if slope is not None:
        return deviation * sqrt(2 / (1 + slope**2))
    derivative = _derivative(activation)

    def excess(scale: float) -> float:
        return scale**2 * expectation(lambda z: derivative(scale * z) ** 2) - deviation**2

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return cast(float, brentq(excess, 0.0, high, xtol=PRECISION))


def expectation(f: Callable[[float], float]) -> float:
    """E[f(z)] by adaptive quadrature on either side of 0, where activations have their kinks."""

    def weighted(z: float) -> float:
        return f(z) * exp(-(z**2) / 2) / sqrt(2 * pi)

    halves = ((-inf, 0.0), (0.0, inf))
    return sum(float(quad(weighted, *half, epsabs=PRECISION, epsrel=PRECISION)[0]) for half in halves)


def _exponential_moments(scale: float, alpha: float) -> tuple[float, float]:
    """Of scale z above 0, scale alpha (exp(z) - 1) below."""
    once, twice = (exp(k * k / 2) * erfc(k / sqrt(2)) / 2 for k in (1, 2))  # E[exp(kz); z < 0]
    mean = 1 / sqrt(2 * pi) + alpha * (once - 0.5)
    square = 0.5 + alpha**2 * (twice - 2 * once + 0.5)
    return scale * mean, scale * sqrt(square - mean**2)


def _slope(activation: Choice) -> float | None:
    """Below 0, of an activation that is z above; None for others."""
    match activation.name:
        case "relu":
            return 0.0
        case "abs":
            return -1.0
        case "lrelu":
            return _number(activation, "slope")
        case "prelu":
            return _number(activation, "init")
        case _:
            return None


def _of_number(activation: Choice) -> Callable[[float], float]:
    a = function(activation)
    return lambda z: a(torch.tensor(z, dtype=torch.float64, device="cpu")).item()


def _derivative(activation: Choice) -> Callable[[float], float]:
    a = function(activation)

    def derivative(z: float) -> float:
        with torch.enable_grad():
            x = torch.tensor(z, dtype=torch.float64, device="cpu", requires_grad=True)
            return torch.autograd.grad(a(x), x)[0].item()

    return derivative


def _number(activation: Choice, option: str) -> float:
    value = activation[option]
    assert isinstance(value, int | float)
    return float(value)
