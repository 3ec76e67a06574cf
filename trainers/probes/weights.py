"""Weights and their gradients, as they are learned and as the layer uses them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.probe import Reading
from trainers.probes.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """For each layer, w its learned weights and ŵ those that it uses, which a method makes of them (Eq. 15):

    `norm`: the mean over output units of ‖w_i‖; `mean`: of |μ_{w_i}|, μ the mean of a unit's weights; `used-norm` of
    ‖ŵ_i‖; `gradient`: ‖∂L/∂w‖ of the whole layer; `used-gradient`: ‖∂L/∂ŵ‖. Where weights are reparametrized the
    former grows as 1/σ(w) (Eq. 19). L is the loss of a drawn batch of the trial's size; the network trains.

    Source: Ikami et al., section 3.5.
    """

    def read(self, subject: Subject) -> Iterator[Reading]:
        subject.network.train()
        used: dict[int, Tensor] = {}

        def look(layer: int, _x: Tensor, weight: Tensor, _u: Tensor) -> None:
            used[layer] = weight

        learned = {i: block.weight for i, block in enumerate(subject.network.blocks, 1)}
        x, y = next(subject.drawn(1, subject.trials[0].batch_size))
        with torch.enable_grad(), subject.operations(look):
            loss = subject.descended(x, y).sum()
            tensors = [w for layer in learned for w in (learned[layer], used[layer])]
            gradients = iter(torch.autograd.grad(loss, tensors, materialize_grads=True))
        for layer, w in learned.items():
            rows = w.double().flatten(2)
            yield Reading("norm", rows.norm(dim=2).mean(dim=1), layer)
            yield Reading("mean", rows.mean(dim=2).abs().mean(dim=1), layer)
            yield Reading("used-norm", used[layer].detach().double().flatten(2).norm(dim=2).mean(dim=1), layer)
            yield Reading("gradient", next(gradients).double().flatten(1).norm(dim=1), layer)
            yield Reading("used-gradient", next(gradients).double().flatten(1).norm(dim=1), layer)
