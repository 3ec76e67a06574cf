"""The kinds of names that a trial holds: by its field, the type of entry, and where the names are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweeps.errors import UsageError
from sweeps.probes import METRICS, PROBES, Metric, Probe
from sweeps.words.activations import ACTIVATIONS, Activation
from sweeps.words.augmentations import AUGMENTATIONS, Augmentation
from sweeps.words.choice import Choice
from sweeps.words.composition import normalizer
from sweeps.words.declared import Entry
from sweeps.words.models import MODELS, Model
from sweeps.words.near import unknown
from sweeps.words.optimizers import OPTIMIZERS, Optimizer
from sweeps.words.schedules import SCHEDULES, Schedule
from sweeps.words.vocabulary import NORMALIZERS, Normalizer

KINDS: dict[str, type[Entry]] = {
    "normalizer": Normalizer,
    "model": Model,
    "activation": Activation,
    "optimizer": Optimizer,
    "schedule": Schedule,
    "augment": Augmentation,
    "metrics": Metric,
    "record": Probe,
}

# While a plug-in is in use, what it declares is among these.
NAMES: dict[str, dict[str, Any]] = {
    "normalizer": NORMALIZERS,
    "model": MODELS,
    "activation": ACTIVATIONS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augment": AUGMENTATIONS,
    "metrics": METRICS,
    "record": PROBES,
}


def plural(field: str) -> str:
    """`normalizers`, `augmentations`: as lists, records and entry points call a kind."""
    return f"{KINDS[field].kind}s"


def entry_of(field: str, name: str) -> Entry:
    """An entry; a normalizer may be a composition. UsageError, without a place, for an unknown name."""
    if field == "normalizer":
        return normalizer(name)
    if name not in NAMES[field]:
        raise UsageError(unknown(KINDS[field].kind, name, NAMES[field]))
    return NAMES[field][name]


def fixed(choice: Choice, entry: Entry) -> tuple[object, ...]:
    """What a choice shares with those of its pack, beside its name: the plug-in, and options that do not pack."""
    if not choice.options:
        return choice.plugin, ()
    return choice.plugin, tuple([item for item in choice.options if not entry.options[item[0]].packs])


def arguments(choices: Sequence[Choice], entry: Entry) -> dict[str, Any]:
    """The options of the choices of one name, as what computes it takes them: a list with one value a trial where an
    option packs, else the one value that all have."""
    given = [choice.as_dict() for choice in choices]
    return {
        name: [own.get(name, spec.default) for own in given] if spec.packs else given[0].get(name, spec.default)
        for name, spec in entry.options.items()
    }
