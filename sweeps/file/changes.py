"""What changed between two versions of a sweep, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweeps.file.spec import SweepSpec
from sweeps.identity import canonical
from sweeps.trial import younger

_ABSENT = "nothing"


def changes(old: SweepSpec, new: SweepSpec) -> list[str]:
    """One line for each key that says something else: `depth: adds 8; drops 2`, `run.pack: 32 becomes 16`."""
    before, after = old.as_json(), new.as_json()
    lines = _changes("", before.pop("trial"), after.pop("trial"), _usual())
    for section in ("run", "analysis"):
        lines += _changes(f"{section}.", before.pop(section), after.pop(section))
    versions = [
        {"plugins": [str(plugin) for plugin in spec.plugins]} for spec in (old, new) if old.plugins or new.plugins
    ]
    for data in (before, after):
        data.pop("plugins", None)
    return _changes("", before, after) + (_changes("", *versions) if versions else []) + lines


def _usual() -> dict[str, list[Any]]:
    """The settings that `SweepSpec.as_json` leaves out at their defaults."""
    lists = {name: value if isinstance(value, list) else [value] for name, value in younger().items()}
    return {name: [{v["name"]: {}} if isinstance(v, dict) else v for v in values] for name, values in lists.items()}


def _changes(
    prefix: str, old: Mapping[str, Any], new: Mapping[str, Any], usual: Mapping[str, Any] | None = None
) -> list[str]:
    absent: dict[str, Any] = {**dict.fromkeys((*old, *new), _ABSENT), **(usual or {})}
    pairs = {key: (old.get(key, absent[key]), new.get(key, absent[key])) for key in (*old, *new)}
    return [
        f"{prefix}{key}: {_change(one, other)}"
        for key, (one, other) in pairs.items()
        if canonical(one) != canonical(other)
    ]


def _change(old: Any, new: Any) -> str:
    if not isinstance(old, list) or not isinstance(new, list) or (len(old) == 1 and len(new) == 1):
        return f"{_text(old)} becomes {_text(new)}"
    before, after = [_text(v) for v in old], [_text(v) for v in new]
    added, dropped = [v for v in after if v not in before], [v for v in before if v not in after]
    said = [f"{verb} {', '.join(v)}" for verb, v in (("adds", added), ("drops", dropped)) if v]
    return "; ".join(said) or "the order changes"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return _text(value[0]) if len(value) == 1 else "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(inner := next(iter(value.values())), dict):
            return next(iter(value)) + (f"({', '.join(f'{k}={_text(v)}' for k, v in inner.items())})" if inner else "")
        return "{" + ", ".join(f"{k}: {_text(v)}" for k, v in value.items()) + "}"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
