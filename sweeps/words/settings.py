"""The settings of a trial by kind, as `Trial` declares them, and what follows from others."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.trial import Trial
from sweeps.words.choice import Choice, OptionValue
from sweeps.words.declared import Entry, Option, options

Value = OptionValue | Choice | tuple[Choice, ...]

DECLARED: dict[str, Option] = options(Trial)
SETTINGS: dict[str, Option] = {name: option for name, option in DECLARED.items() if option.kind != "choice"}
CHOICES: dict[str, Mapping[str, Entry]] = {n: option.entries for n, option in DECLARED.items() if n not in SETTINGS}
LISTS = tuple(name for name, option in DECLARED.items() if option.kind == "choices")  # whose value is a list

# `init: auto` of methods whose papers state theirs, whatever the activation.
AUTO_INIT_OF_NORMALIZER = {"normprop": "glorot"}

# Linear scaling: a trial's lr is lr * batch_size / this; 0 = lr as given.
LR_REFERENCE_BATCH = Option("int", 0, low=0, help="scales lr with batch_size / lr_reference_batch; 0: lr as given")


def setting_names() -> tuple[str, ...]:
    """All that a sweep file may set, in the order of a trial's fields."""
    return tuple(DECLARED)
