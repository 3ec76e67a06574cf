"""Floating-point operations of a trial, before it is trained."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from sweeps.facts import DatasetFacts
from sweeps.trial import Trial


def steps_per_epoch(trial: Trial, facts: DatasetFacts) -> int:
    """Full batches of the training part (an incomplete one is dropped), at most `Trial.steps_per_epoch` if given."""
    full = facts.sizes(trial.split).train // trial.batch_size
    return min(full, trial.steps_per_epoch) if trial.steps_per_epoch else full


def steps(trial: Trial, facts: DatasetFacts) -> int:
    """Steps of the whole training: epochs times their steps, at most `Trial.steps` if given."""
    most = trial.epochs * steps_per_epoch(trial, facts)
    return min(most, trial.steps) if trial.steps else most


def warmup_steps(trial: Trial, facts: DatasetFacts) -> float:
    """Steps until the learning rate is whole: `Trial.warmup_steps`, or so many epochs'."""
    return trial.warmup_steps or trial.warmup * steps_per_epoch(trial, facts)


Macs = Callable[[Trial, DatasetFacts], tuple[int, int]]


def flops(trial: Trial, facts: DatasetFacts, others: Macs | None = None) -> float | None:
    """2 M per evaluated sample and 6 M - 2 M1 per trained one; None where the model's M is not known here.

    M: multiply-accumulates of one sample's forward pass, M1: those of the first layer, whose input needs no gradient.
    Evaluated are the validation and test parts after each epoch. Normalizers, activations and the optimizer's step are
    left out: they are linear in the width. `others` counts M and M1 of models that are not known here.
    """
    model = MACS.get(trial.model.name, others)
    if model is None:
        return None
    total, first = model(trial, facts)
    sizes, in_epoch, trained = facts.sizes(trial.split), steps_per_epoch(trial, facts), steps(trial, facts)
    epochs = -(-trained // in_epoch) if in_epoch else 0
    return (
        trained * trial.batch_size * (6.0 * total - 2.0 * first)
        + epochs * (sizes.validation + sizes.test) * 2.0 * total
    )


def _mlp(trial: Trial, facts: DatasetFacts) -> tuple[int, int]:
    inputs, width = prod(facts.shape), trial.width
    return inputs * width + (trial.depth - 1) * width**2 + width * facts.classes, inputs * width


# Multiply-accumulates of one sample's forward pass, and of the first layer's, by model.
MACS: dict[str, Macs] = {"mlp": _mlp}
