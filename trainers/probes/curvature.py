"""The largest eigenvalue of the Hessian: the Lipschitz constant of the gradient, where the network is."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.gradient_variance import gradients_of
from trainers.probes.probe import Reading
from trainers.probes.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Curvature:
    """The eigenvalue of the Hessian of the loss with the largest absolute value, by power iteration: v ← Hv/‖Hv‖ from a
    random v, then vᵀHv. H is that of `samples` training samples, taken as one batch, with respect to all that learns.

    Hv = (g(w + εv) − g(w − εv))/2ε, g the gradient and ε = ∛(machine ε) (1 + ‖w‖), which every method has, also one
    whose backward cannot be differentiated. After `iterations`, in units of the loss over squared weights: `eigenvalue`
    λ = vᵀHv; `lipschitz` ‖Hv‖, which rises to |λ| also where two eigenvalues differ in little but their sign;
    `residual`, ‖Hv − λv‖/|λ|, says how far it has converged. Source: POP-Norm, ICLR 2020 submission, Eq. 3.
    """

    samples: int
    iterations: int

    def read(self, subject: Subject) -> Iterator[Reading]:
        subject.network.train()
        drawn = list(subject.drawn(1, self.samples))
        x, y = torch.cat([x for x, _ in drawn], dim=1), torch.cat([y for _, y in drawn], dim=1)
        w = [p.detach() for p in subject.parameters]
        step = torch.finfo(w[0].dtype).eps ** (1 / 3) * (1 + _dot(w, w).sqrt())
        v = [subject.streams.normal("probe/curvature", i, tuple(p.shape[1:])) for i, p in enumerate(w)]
        v = _scaled(v, _dot(v, v).rsqrt())
        eigenvalue = square = torch.zeros_like(step)
        for _ in range(self.iterations):
            after, before = (_moved_gradients(subject, x, y, _scaled(v, sign * step)) for sign in (1, -1))
            image = _scaled([a - b for a, b in zip(after, before, strict=True)], 0.5 / step)
            eigenvalue, square = _dot(v, image), _dot(image, image)
            v = _scaled(image, square.rsqrt())
        yield Reading("eigenvalue", eigenvalue)
        yield Reading("lipschitz", square.sqrt())
        yield Reading("residual", (square - eigenvalue.square()).clamp(min=0).sqrt() / eigenvalue.abs())


def _moved_gradients(subject: Subject, x: Tensor, y: Tensor, by: Sequence[Tensor]) -> list[Tensor]:
    with _moved(subject.parameters, by):
        return gradients_of(subject, x, y)


@contextmanager
def _moved(parameters: Sequence[Tensor], by: Sequence[Tensor]) -> Generator[None]:
    """Within it the parameters are moved; afterwards they are, bit for bit, what they were."""
    kept = [p.detach().clone() for p in parameters]
    try:
        for p, change in zip(parameters, by, strict=True):
            p.add_(change)
        yield
    finally:
        for p, value in zip(parameters, kept, strict=True):
            p.copy_(value)


def _dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """(R,) in float64."""
    products = [(x.double() * y.double()).reshape(len(x), -1).sum(dim=1) for x, y in zip(a, b, strict=True)]
    return torch.stack(products).sum(dim=0)


def _scaled(v: Sequence[Tensor], factor: Tensor) -> list[Tensor]:
    return [x * factor.to(x.dtype).view(-1, *[1] * (x.ndim - 1)) for x in v]
