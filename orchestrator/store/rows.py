"""Rows of a part: a trial's axes, its results, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.store.roster import RosterPack
from sweeps.choice import Choice
from sweeps.identity import canonical
from sweeps.settings import CHOICES
from sweeps.trial import Trial
from sweeps.vocabulary import resolved


def part_rows(
    pack: RosterPack, results: Sequence[Mapping[str, Any]], circumstances: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """One row per trial of the pack, in its order, with the columns of `sweeps.records`."""
    return [
        {**axes(pack.id, trial_id, trial), **result, **circumstances}
        for trial_id, trial, result in zip(pack.trial_ids, pack.trials, results, strict=True)
    ]


def axes(pack: str, trial_id: str, trial: Trial) -> dict[str, Any]:
    return {
        "trial_id": trial_id,
        "pack_id": pack,
        "trial": trial.canonical(),
        "dataset": trial.dataset,
        "digest": trial.digest,
        "split": trial.split,
        "model": shown("model", trial.model),
        "depth": trial.depth,
        "width": trial.width,
        "activation": shown("activation", trial.activation),
        "normalizer": trial.normalizer.name,
        "normalizer_options": canonical(dict(trial.normalizer.options)),
        "batch_size": trial.batch_size,
        "seed": trial.seed,
    }


def shown(kind: str, choice: Choice) -> str:
    """The name, and the options that are not at their defaults: `relu`, `lrelu(slope=0.2)`."""
    options = CHOICES[kind][choice.name].options
    filled = resolved(options, choice.as_dict() | {name: None for name, option in options.items() if option.by})
    usual = {name: filled[name] if option.by else option.default for name, option in options.items()}
    return str(Choice(choice.name, tuple((k, v) for k, v in choice.options if v != usual[k])))
