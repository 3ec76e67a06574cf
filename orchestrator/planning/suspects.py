"""Which trials of a pack an error names: by their replica, or by the value of a setting or of an option."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from sweeps.errors import UsageError
from sweeps.select import Selector
from sweeps.trial import Trial

_REPLICA = re.compile(r"\breplica (\d+)")
_VALUE = re.compile(r"\b([a-z][a-z_.]*) ?= ?([-\w.+]+)")


def suspects(trials: Sequence[Trial], message: str) -> list[Trial]:
    """Some of the trials, in order; none where the message tells no trial from the others."""
    replicas = {int(number) for number in _REPLICA.findall(message)}
    if found := _some(trials, [t for number, t in enumerate(trials) if number in replicas]):
        return found
    for name, value in _VALUE.findall(message):
        with suppress(UsageError):  # no setting of these trials, or no value that it may have
            selector = Selector.parse(f"{name}={value.rstrip('.')}")
            if found := _some(trials, [t for t in trials if selector.matches(t)]):
                return found
    return []


def _some(trials: Sequence[Trial], found: list[Trial]) -> list[Trial]:
    return found if len(found) < len(trials) else []
