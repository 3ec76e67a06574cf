"""From the trials of a pack to what moves their weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.trial import Trial
from sweeps.words.kinds import arguments
from sweeps.words.optimizers import OPTIMIZERS
from trainers.optim.average import Average
from trainers.optim.clipping import Clipping
from trainers.optim.optimizer import Optimizer
from trainers.plugins.lookup import implementation


def build(trials: Sequence[Trial], parameters: Iterable[tuple[str, Tensor]]) -> Optimizer:
    """The optimizer of all trials, each with its own values. UsageError where they name several."""
    names = sorted({t.optimizer.name for t in trials})
    if len(names) > 1:
        raise UsageError(f"the trials of a pack have one `optimizer`, these have {names}: plan them apart")
    made, entry = implementation("optimizer", names[0]), OPTIMIZERS[names[0]]
    settings = {setting: [getattr(t, setting) for t in trials] for setting in ("weight_decay", *entry.takes)}
    return made(parameters, **settings, **arguments([t.optimizer for t in trials], entry))


def clipping(trials: Sequence[Trial], network: nn.Module) -> Clipping | None:
    """None where no trial clips."""
    largest = [t.clip_norm for t in trials]
    return Clipping(network.parameters(), largest) if any(largest) else None


def average(trials: Sequence[Trial], network: nn.Module) -> Average | None:
    """None where no trial has an average."""
    decays = [t.ema for t in trials]
    return Average(network, decays) if any(decays) else None
