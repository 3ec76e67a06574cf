"""SGD on R replicas against `torch.optim.SGD` on each alone, in float64."""

from __future__ import annotations

import copy

import pytest
import torch

from trainers.optim.optimizer import decays
from trainers.optim.sgd import SGD

SHAPES = {
    "layer.weight": (4, 3),
    "conv.weight": (4, 2, 3, 3),
    "layer.bias": (4,),
    "norm.weight": (4,),
    "vcl.beta": (4, 2),
}


def run_both(
    lr: list[float], momentum: list[float], nesterov: list[bool], weight_decay: list[float], steps: int = 5
) -> None:
    replicas = len(lr)
    generator = torch.Generator().manual_seed(1)
    ours = {
        name: torch.randn(replicas, *shape, dtype=torch.float64, generator=generator).requires_grad_()
        for name, shape in SHAPES.items()
    }
    theirs = [{name: p[r].detach().clone().requires_grad_() for name, p in ours.items()} for r in range(replicas)]
    optimizer = SGD(ours.items(), momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
    oracles = [
        torch.optim.SGD(
            [
                {"params": [p for n, p in theirs[r].items() if n in DECAYING], "weight_decay": weight_decay[r]},
                {"params": [p for n, p in theirs[r].items() if n not in DECAYING], "weight_decay": 0.0},
            ],
            lr=lr[r],
            momentum=momentum[r],
            nesterov=nesterov[r],
        )
        for r in range(replicas)
    ]
    for step in range(steps):
        rates = [rate / (1 + step) for rate in lr]
        optimizer.set_rates(rates)
        for p in ours.values():
            p.grad = torch.randn(p.shape, dtype=torch.float64, generator=generator)
        for r, oracle in enumerate(oracles):
            for name, p in theirs[r].items():
                gradient = ours[name].grad
                assert gradient is not None
                p.grad = gradient[r].clone()
            for group in oracle.param_groups:
                group["lr"] = rates[r]
            oracle.step()
        optimizer.step()
        optimizer.clear()
        for r in range(replicas):
            for name, p in ours.items():
                torch.testing.assert_close(p[r], theirs[r][name], rtol=1e-13, atol=1e-14)


DECAYING = ("layer.weight", "conv.weight")


def test_weight_decay_acts_on_weights_alone() -> None:
    assert tuple(name for name, shape in SHAPES.items() if decays(name, torch.empty(2, *shape))) == DECAYING


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("momentum", [0.9, 0.5])
def test_one_replica(nesterov: bool, weight_decay: float, momentum: float) -> None:
    run_both([0.1], [momentum], [nesterov], [weight_decay])


def test_plain() -> None:
    run_both([0.1], [0.0], [False], [0.0])


def test_three_replicas_with_values_of_their_own() -> None:
    run_both([0.1, 0.02, 0.3], [0.9, 0.0, 0.5], [False, False, False], [0.0, 0.1, 0.01])
    run_both([0.1, 0.02, 0.3], [0.9, 0.8, 0.5], [True, True, True], [0.0, 0.1, 0.01])
    run_both([0.1, 0.02, 0.3], [0.9, 0.0, 0.5], [True, False, False], [0.0, 0.1, 0.01])


def test_a_replica_does_not_depend_on_the_values_of_its_neighbours() -> None:
    """Bit for bit, a diverged neighbour and one with equal values included."""

    def trained(lr: float, scale: float) -> torch.Tensor:
        generator = torch.Generator().manual_seed(2)
        p = torch.randn(2, 5, 5, generator=generator).requires_grad_()
        optimizer = SGD([("weight", p)], momentum=[0.9, 0.9], nesterov=[False, False], weight_decay=[0.01, 0.01])
        for _ in range(4):
            optimizer.set_rates([0.1, lr])
            p.grad = torch.randn(p.shape, generator=generator)
            p.grad[1] *= scale
            optimizer.step()
        return p.detach()

    assert torch.equal(trained(0.1, 1.0)[0], trained(1e30, float("inf"))[0])


def test_state_goes_on_bit_for_bit() -> None:
    generator = torch.Generator().manual_seed(3)
    gradients = torch.randn(4, 2, 3, 3, generator=generator)

    def fresh() -> tuple[torch.Tensor, SGD]:
        p = torch.ones(2, 3, 3).requires_grad_()
        optimizer = SGD([("weight", p)], momentum=[0.9, 0.5], nesterov=[False, True], weight_decay=[0.0, 0.0])
        optimizer.set_rates([0.1, 0.2])
        return p, optimizer

    def go(p: torch.Tensor, optimizer: SGD, steps: slice) -> None:
        for gradient in gradients[steps]:
            p.grad = gradient.clone()
            optimizer.step()

    p, optimizer = fresh()
    go(p, optimizer, slice(2))
    q, resumed = fresh()
    q.data.copy_(p.data)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    go(p, optimizer, slice(2, 4))
    go(q, resumed, slice(2, 4))
    assert torch.equal(p, q)
