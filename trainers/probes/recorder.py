"""When probes look, and what they have seen so far: kept with a pack's state, so that an interruption loses nothing."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch

from sweeps.probes import own
from sweeps.trial import Trial
from sweeps.words.choice import Choice
from trainers.models.network import Network
from trainers.plugins.lookup import implementation
from trainers.plugins.measured import measured
from trainers.probes.probe import Probe, Reading, misshapen
from trainers.probes.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A reading as plain data. `values`: of each replica K numbers, one where `at` is empty; none of one that diverged
    before."""

    probe: str
    epoch: int  # epochs trained
    layer: int
    quantity: str
    at: list[float]
    values: list[list[float]]


class Recorder:
    """The probes of a pack's trials, which all record the same, and the metrics that a plug-in declares."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._choices = trials[0].record
        self._probes = [build(choice) for choice in self._choices]
        self._metrics = own(trials[0].metrics)
        self._replicas = len(trials)
        self._seen: list[Seen] = []

    def due(self, epoch: int, *, finished: bool) -> bool:
        """Whether any probe looks after so many epochs, or a metric is taken: as errors are, after each, or of what is
        never trained."""
        return self._measures(epoch, finished) or any(_due(choice, epoch, finished) for choice in self._choices)

    def look(self, subject: Subject, epoch: int, *, finished: bool, alive: Sequence[bool]) -> None:
        """Has the probes look that are due. Of replicas that are not `alive` nothing is kept."""
        if self._measures(epoch, finished):
            with torch.no_grad(), unchanged(subject.network):
                self._seen += [_plain(name, epoch, r, alive) for name, r in measured(self._metrics, subject)]
        for choice, probe in zip(self._choices, self._probes, strict=True):
            if _due(choice, epoch, finished):
                subject.streams.at(epoch, 0)
                with torch.no_grad(), unchanged(subject.network):
                    self._seen += [_plain(choice.name, epoch, reading, alive) for reading in probe.read(subject)]

    def _measures(self, epoch: int, finished: bool) -> bool:
        return bool(self._metrics) and (epoch > 0 or finished)

    def readings(self) -> list[list[dict[str, object]]]:
        """READINGS of `sweeps.records` of each replica, but for the columns that name the trial."""
        return [
            [
                {
                    "probe": seen.probe,
                    "epoch": seen.epoch,
                    "layer": seen.layer,
                    "quantity": seen.quantity,
                    "at": at,
                    "value": value,
                }
                for seen in self._seen
                for at, value in zip(seen.at or [None], seen.values[r], strict=False)
                if math.isfinite(value)
            ]
            for r in range(self._replicas)
        ]

    def state_dict(self) -> list[dict[str, Any]]:
        return [asdict(seen) for seen in self._seen]

    def load_state_dict(self, state: Sequence[Mapping[str, Any]]) -> None:
        self._seen = [Seen(**seen) for seen in state]


def build(choice: Choice) -> Probe:
    """The probe of a trial's `record`."""
    options = {option: value for option, value in choice.options if option != "when"}
    return implementation("record", choice.name)(**options)


@contextmanager
def unchanged(network: Network) -> Generator[None]:
    """Within it the network evaluates; afterwards its buffers are, bit for bit, what they were before."""
    training = network.training
    kept = {name: (buffer, buffer.clone()) for name, buffer in network.named_buffers()}
    network.eval()
    try:
        yield
    finally:
        network.train(training)
        for name, (buffer, value) in kept.items():
            if buffer.shape == value.shape:
                buffer.copy_(value)
            else:
                raise AssertionError(f"a probe changed the shape of {name}")


def _due(choice: Choice, epoch: int, finished: bool) -> bool:
    when = choice["when"]
    return when == "epoch" or finished or (when == "ends" and epoch == 0)


def _plain(probe: str, epoch: int, reading: Reading, alive: Sequence[bool]) -> Seen:
    if wrong := misshapen(reading, len(alive)):
        raise ValueError(f"{probe}: {wrong}")
    values = reading.values.double().reshape(len(alive), -1)
    return Seen(
        probe=probe,
        epoch=epoch,
        layer=reading.layer,
        quantity=reading.quantity,
        at=[float(at) for at in reading.at],
        values=[row if living else [] for row, living in zip(values.tolist(), alive, strict=True)],
    )
