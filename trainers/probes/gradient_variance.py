"""The variance of the gradient over batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.probe import Reading
from trainers.probes.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class GradientVariance:
    """V = mean over batches of ‖g_b − ḡ‖², g_b the gradient of the loss of a batch of the trial's size with respect to
    all that learns, ḡ their mean; the network trains, so that batch statistics are the batch's.

    `variance` V, `square` ‖ḡ‖², and `relative` V/‖ḡ‖², without a unit of measure, which does not depend on the scale of
    the loss. Source: POP-Norm, ICLR 2020 submission, Theorem 1.
    """

    batches: int

    def read(self, subject: Subject) -> Iterator[Reading]:
        subject.network.train()
        sums: list[Tensor] = []
        squares = torch.zeros(subject.replicas, dtype=torch.float64, device=subject.streams.device)
        for x, y in subject.drawn(self.batches, subject.trials[0].batch_size):
            gradients = [g.double() for g in gradients_of(subject, x, y)]
            squares += _square(gradients)
            sums = [a + b for a, b in zip(sums, gradients, strict=True)] if sums else gradients
        square = _square([total / self.batches for total in sums])
        variance = (squares / self.batches - square).clamp(min=0)
        yield Reading("variance", variance)
        yield Reading("square", square)
        yield Reading("relative", variance / square)


def gradients_of(subject: Subject, x: Tensor, y: Tensor) -> list[Tensor]:
    """The gradients of each replica's own loss with respect to `Subject.parameters`, zero where one has none."""
    with torch.enable_grad():
        losses = subject.descended(x, y)
        given = torch.autograd.grad(losses.sum(), subject.parameters, materialize_grads=True)
    return list(given)


def _square(gradients: list[Tensor]) -> Tensor:
    return torch.stack([g.reshape(len(g), -1).square().sum(dim=1) for g in gradients]).sum(dim=0)
