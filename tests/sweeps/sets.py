"""Data sets that are only facts, and sweeps in a few words."""

from __future__ import annotations

from typing import Any

from sweeps.facts import DatasetFacts, SplitSizes
from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from sweeps.trial import Trial


def facts(name: str) -> DatasetFacts:
    """Two published splits of equal sizes and one that is smaller; `tiny` has 10 training samples."""
    if name == "absent":
        raise ValueError("absent is not here: run `normsweep data fetch absent`")
    train = 10 if name == "tiny" else 100
    sizes = SplitSizes(train=train, validation=30, test=50)
    splits = (sizes, sizes, SplitSizes(train=train - 1, validation=31, test=50))
    return DatasetFacts(name=name, digest="0" * 64, n=train + 80, shape=(5,), classes=3, splits=splits)


def sweep(**trial: Any) -> SweepSpec:
    return SweepSpec.from_json({"trial": {"dataset": "some", **trial}})


def trials(**trial: Any) -> list[Trial]:
    return expand(sweep(**trial), facts)
