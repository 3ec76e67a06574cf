"""A rehearsal without numbers: would the trials' networks be built, and would they take their batches?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch

from sweeps.facts import Facts
from sweeps.trial import Trial
from sweeps.words.rules import share
from trainers import augment
from trainers.models.build import build
from trainers.normalizers.plugin import raised
from trainers.seeding import Streams


def refusals(trials: Iterable[Trial], facts: Facts) -> list[str]:
    """Why trials cannot be trained, one sentence each: one training pass of each distinct network on the meta device.

    Finds what needs shapes of inner layers: too small images, statistics over one value, groups of one value.
    """
    found: dict[str, None] = {}
    seen: set[object] = set()
    for trial in trials:
        streams = Streams([trial.seed], device="meta")
        known = facts(trial.dataset)
        batch = share(trial)
        try:
            shape = augment.build([trial], streams, None).shape(known.shape)
            key = trial.dataset, shape, trial.model, trial.depth, trial.width, trial.normalizer, batch
            if key not in seen:
                seen.add(key)
                network = build([trial], replace(known, shape=shape), streams).train()
                streams.at(0, 0)
                network(network.input(torch.empty(1, batch, *shape, device="meta")))
        except (Exception, SystemExit) as error:
            where = f"{trial.model.name} with {trial.normalizer.name} on {trial.dataset}"
            if isinstance(error, ValueError):
                found[f"{where}: {error}"] = None
            elif trial.normalizer.plugin:
                found[f"{where}: {raised(error)}"] = None
            else:
                raise
    return list(found)
