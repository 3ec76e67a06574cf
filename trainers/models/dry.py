"""A rehearsal without numbers: would the trials' networks be built, and would they take their batches?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from sweeps.cost import steps
from sweeps.errors import UsageError
from sweeps.facts import Facts
from sweeps.probes import own
from sweeps.trial import Trial
from sweeps.words.choice import Choice
from sweeps.words.rules import share
from trainers import augment
from trainers.models.build import build
from trainers.models.network import Network
from trainers.optim import build as optim
from trainers.plugins.declare import raised
from trainers.plugins.measured import value
from trainers.probes.probe import misshapen
from trainers.probes.recorder import build as build_probe
from trainers.probes.recorder import unchanged
from trainers.probes.subject import subject_of
from trainers.schedule import Position, factor, is_factor
from trainers.seeding import Streams


def refusals(trials: Iterable[Trial], facts: Facts) -> list[str]:
    """Why trials cannot be trained, one sentence each: one training pass of each distinct network on the meta device.

    Finds what needs shapes of inner layers: too small images, statistics over one value, groups of one value. What
    plug-ins declare is rehearsed as well: augmentations, optimizers, schedules, metrics, probes.
    """
    found: dict[str, None] = {}
    seen: set[object] = set()
    for trial in trials:
        streams = Streams([trial.seed], device="meta")
        known = facts(trial.dataset)
        batch = share(trial)
        try:
            shape = augment.build([trial], streams, None).shape(known.shape)
            recorded = (*trial.metrics, *trial.record)
            named = (trial.activation, trial.augment, trial.optimizer, trial.schedule, *recorded)
            declared = [choice for choice in named if choice.plugin]
            key = trial.dataset, shape, trial.model, trial.depth, trial.width, trial.normalizer, batch, *declared
            if key not in seen:
                seen.add(key)
                network = build([trial], replace(known, shape=shape), streams).train()
                streams.at(0, 0)
                if trial.augment.plugin:
                    _augment(trial, (1, batch, *known.shape))
                logits = network(network.input(torch.empty(1, batch, *shape, device="meta")))
                if trial.model.plugin:
                    _check_logits(logits, (1, batch, known.classes))
                if trial.optimizer.plugin:
                    _step(trial, network, logits)
                if trial.schedule.plugin:
                    _check_factors(trial, steps(trial, known))
                for metric in own(trial.metrics):
                    _measure(metric, known.classes)
                for probe in own(trial.record):
                    _look(probe, network, trial, (batch, *shape))
        except (Exception, SystemExit) as error:
            where = f"{trial.model.name} with {trial.normalizer.name} on {trial.dataset}"
            if isinstance(error, ValueError):
                found[f"{where}: {error}"] = None
            elif trial.plugins:
                found[f"{where}: {raised(error)}"] = None
            else:
                raise
    return list(found)


def _augment(trial: Trial, shape: tuple[int, ...]) -> None:
    """On the CPU: what is done to samples may depend on their values."""
    streams = Streams([trial.seed])
    streams.at(0, 0)
    augmentation = augment.build([trial], streams, None)
    expected = (*shape[:2], *augmentation.shape(shape[2:]))
    made = tuple(augmentation.training(torch.zeros(shape)).shape)
    if made != expected:
        raise UsageError(f"augment {trial.augment.name} makes {made}, its `shape` says {expected}")


def _check_logits(logits: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(logits.shape) != shape:
        raise UsageError(f"the model's output is {tuple(logits.shape)}, it must be (R, B, classes) = {shape}")


def _measure(metric: Choice, classes: int) -> None:
    """On the CPU: what it is may depend on values. On two replicas, of which it says one number each."""
    labels = torch.arange(2 * classes).expand(2, -1) % classes
    value(metric, torch.randn(*labels.shape, classes, generator=torch.Generator().manual_seed(0)), labels)


class _Samples:
    """A batch for each part, without numbers."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.train = self.validation = self.test = torch.empty(1, shape[0], dtype=torch.int64, device="meta")
        self._shape = shape[1:]

    def batches(self, part: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        yield torch.empty(*part.shape, *self._shape, device="meta"), torch.zeros_like(part)


def _look(choice: Choice, network: Network, trial: Trial, shape: tuple[int, ...]) -> None:
    """As far as the probe asks for no values, which are not there."""
    subject = subject_of(network, [trial], _Samples(shape), lambda x: x)
    try:
        with torch.no_grad(), unchanged(network):
            wrong = [told for reading in build_probe(choice).read(subject) if (told := misshapen(reading, 1))]
    except RuntimeError as error:
        if isinstance(error, NotImplementedError) or "meta tensors" in str(error):
            return
        raise
    if wrong:
        raise UsageError(f"probe {choice.name}: {wrong[0]}")


def _step(trial: Trial, network: Network, logits: Tensor) -> None:
    optimizer = optim.build([trial], network.named_parameters())
    logits.sum().backward()
    optimizer.set_rates([trial.lr])
    optimizer.step()
    optimizer.clear()


def _check_factors(trial: Trial, count: int) -> None:
    """At the beginning of every epoch, and at the last step."""
    last = max(trial.epochs - 1, 0)
    for epoch in range(trial.epochs):
        step = max(count - 1, 0) if epoch == last else epoch * count // trial.epochs
        value = factor(trial.schedule, Position(epoch=epoch, epochs=trial.epochs, step=step, steps=count))
        if not is_factor(value):
            raise UsageError(
                f"schedule {trial.schedule}: its factor in epoch {epoch} is {value!r}, no number from 0 on"
            )
