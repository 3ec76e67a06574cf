"""Optimizers for one replica, written from their papers as plainly as can be: `torch.optim` has none of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

DECAYING = ("stem.weight", "layer.weight", "conv.weight", "head.weight")


class Lion:
    """Chen et al. 2023, Algorithm 2."""

    def __init__(self, parameters: dict[str, Tensor], *, betas: tuple[float, float], weight_decay: float) -> None:
        self.parameters, self.betas, self.decay = parameters, betas, weight_decay
        self.m = {name: torch.zeros_like(p) for name, p in parameters.items()}

    def step(self, lr: float, gradients: dict[str, Tensor]) -> None:
        first, second = self.betas
        for name, theta in self.parameters.items():
            g, m = gradients[name], self.m[name]
            c = first * m + (1 - first) * g
            decay = self.decay if name in DECAYING else 0.0
            self.m[name] = second * m + (1 - second) * g
            theta.data = theta - lr * (torch.sign(c) + decay * theta)


class LARS:
    """You et al. 2017, Algorithm 1."""

    def __init__(self, parameters: dict[str, Tensor], *, trust: float, momentum: float, weight_decay: float) -> None:
        self.parameters, self.trust, self.momentum, self.decay = parameters, trust, momentum, weight_decay
        self.v = {name: torch.zeros_like(p) for name, p in parameters.items()}

    def step(self, lr: float, gradients: dict[str, Tensor]) -> None:
        for name, w in self.parameters.items():
            g, local, decay = gradients[name], 1.0, 0.0
            if name in DECAYING:
                decay, weight, gradient = self.decay, float(w.detach().norm()), float(g.norm())
                if weight and gradient:
                    local = self.trust * weight / (gradient + decay * weight)
            self.v[name] = self.momentum * self.v[name] + lr * local * (g + decay * w)
            w.data = w - self.v[name]


class Muon:
    """Jordan et al. 2024; `torch.optim.AdamW` for what is no hidden weight."""

    def __init__(
        self,
        parameters: dict[str, Tensor],
        *,
        hidden: tuple[str, ...],
        momentum: float,
        nesterov: bool,
        rest: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        self.parameters, self.hidden, self.decay = parameters, hidden, weight_decay
        self.momentum, self.nesterov, self.share = momentum, nesterov, rest
        self.b = {name: torch.zeros_like(parameters[name]) for name in hidden}
        others = {name: p for name, p in parameters.items() if name not in hidden}
        self.rest = torch.optim.AdamW(
            [{"params": [p], "weight_decay": weight_decay if name in DECAYING else 0.0} for name, p in others.items()],
            betas=betas,
            eps=eps,
        )

    def step(self, lr: float, gradients: dict[str, Tensor]) -> None:
        for name, p in self.parameters.items():
            p.grad = gradients[name]
        for group in self.rest.param_groups:
            group["lr"] = lr * self.share
        self.rest.step()
        for name in self.hidden:
            g, theta = gradients[name], self.parameters[name]
            self.b[name] = self.momentum * self.b[name] + g
            update = g + self.momentum * self.b[name] if self.nesterov else self.b[name]
            o = newton_schulz(update.flatten(1)).reshape(theta.shape)
            rows, columns = update.flatten(1).shape
            theta.data = theta - lr * self.decay * theta - lr * math.sqrt(max(1, rows / columns)) * o


def newton_schulz(g: Tensor) -> Tensor:
    """The quintic iteration on the singular values themselves."""
    u, s, vh = torch.linalg.svd(g, full_matrices=False)
    s = s / (math.sqrt(g.square().sum()) + 1e-7)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ torch.diag(s) @ vh
