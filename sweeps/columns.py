"""A trial's settings as columns: one a setting, by its own name, and one an option, `normalizer.n`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sweeps.identity import canonical
from sweeps.trial import completed
from sweeps.words.settings import CHOICES, LISTS, setting_names


def settings(trials: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """A column a setting, and one for each option that some of the trials (`Trial.as_json`) have, None where one has
    none. A choice is its name; a value that is a list is its JSON, choices in it as sweep files name them, and so are
    all of its column."""
    trials = [completed(trial) for trial in trials]
    columns: dict[str, list[Any]] = {}
    for name in setting_names():
        values = [trial.get(name) for trial in trials]
        if name not in CHOICES:
            columns[name] = _alike(map(named, values)) if name in LISTS else values
            continue
        columns[name] = [value["name"] if value else None for value in values]
        options: list[Mapping[str, Any]] = [value["options"] if value else {} for value in values]
        for option in sorted({key for own in options for key in own}):
            columns[f"{name}.{option}"] = _alike(own.get(option) for own in options)
    return columns


def named(value: Any) -> Any:
    """What a trial holds (`Trial.as_json`), choices as sweep files name them: by name, or by name with options."""
    if isinstance(value, list):
        return list(map(named, cast("list[Any]", value)))
    if isinstance(value, dict):
        choice = cast("dict[str, Any]", value)
        return {choice["name"]: choice["options"]} if choice["options"] else choice["name"]
    return value


def _alike(values: Iterable[Any]) -> list[Any]:
    column = list(values)
    if any(isinstance(value, list) for value in column):
        return [value if value is None else canonical(value) for value in column]
    return column
