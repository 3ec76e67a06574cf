"""What training costs in memory: parameters, gradients, momentum and activations, and little else."""

from __future__ import annotations

import pytest
import torch

from sweeps.trial import Trial
from tests.trainers.factory import blobs, trial
from tests.trainers.trials import method
from trainers.pack import PackTrainer

DATA = blobs()


def peak(trials: list[Trial], steps: int) -> int:
    """Bytes that torch holds at most, from the building of the pack to the end of so many steps."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        trainer = PackTrainer(trials, DATA)
        for _ in range(steps):
            trainer.advance(0.0)
    assert profile.profiler is not None
    held = most = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def parameters_and_activations(one: Trial) -> int:
    """Three times the parameters and what a forward pass keeps for the backward pass, in bytes."""
    trainer = PackTrainer([one], DATA)
    parameters = {p.data_ptr(): p.nbytes for p in trainer.network.parameters()}
    kept: dict[int, int] = {}

    def keep(x: torch.Tensor) -> torch.Tensor:
        kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    x = torch.zeros(1, one.batch_size, *DATA.facts.shape)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        logits = trainer.network(x)
    assert logits.grad_fn is not None
    return 3 * sum(parameters.values()) + sum(n for at, n in kept.items() if at not in parameters)


@pytest.mark.parametrize("name", ["none", "bn", "vcl"])
def test_replicas_cost_what_they_must(name: str) -> None:
    replicas = 6
    trials = [
        trial(DATA, width=128, depth=4, batch_size=20, momentum=0.9, normalizer=method(name), seed=seed)
        for seed in range(replicas)
    ]
    expected = replicas * parameters_and_activations(trials[0])
    assert peak(trials, 2) <= 1.15 * expected
    assert peak(trials, 6) <= 2 * expected, "the step that is recorded keeps all that it makes, once"
