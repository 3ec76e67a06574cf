"""Parts of past schemas: how each is brought to the next, so that what was once recorded stays readable.

A new schema is a new `PART_SCHEMA` in `sweeps.records`, one function here, and one golden workspace in `tests/golden`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from sweeps.records import PART_SCHEMA

# By the number of a past schema: makes a whole table of it one of the next number.
PAST: Mapping[int, Callable[[pa.Table], pa.Table]] = {}


def newest(table: pa.Table, number: int) -> pa.Table:
    """A whole table of schema `number` as one of this program's schema."""
    for past in range(number, PART_SCHEMA):
        table = PAST[past](table)
    return table
