"""What the tests of probes share: choices of the vocabulary, and readings as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sweeps.probes import PROBES
from sweeps.trial import Trial
from sweeps.words.choice import Choice, OptionValue
from trainers.data.dataset import Dataset
from trainers.pack import PackTrainer
from trainers.probes.subject import Subject
from trainers.probes.subject import subject_of as made


def probe(name: str, **options: OptionValue) -> Choice:
    defaults = {option: spec.default for option, spec in PROBES[name].options.items()}
    assert options.keys() <= defaults.keys()
    return Choice.of(name, defaults | options)


def subject_of(trials: Sequence[Trial], data: Dataset) -> Subject:
    """What a probe is shown of these trials before they are trained."""
    trainer = PackTrainer(trials, data)
    trainer.network.eval()
    pool: Any = trainer._pool  # pyright: ignore[reportPrivateUsage]
    return made(trainer.network, trainer.trials, pool, lambda x: x)


def read(choice: Choice, subject: Subject) -> dict[tuple[str, int], Tensor]:
    """The readings (R,) or (R, K) by quantity and layer, in float64."""
    from trainers.probes.recorder import build

    with torch.no_grad():
        found = build(choice).read(subject)
        return {(reading.quantity, reading.layer): reading.values.double() for reading in found}
