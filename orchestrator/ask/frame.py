"""The table that a comparison is made from: the same whether MLflow or the ledger filled it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from sweeps.records import ALIASES, AXES, IDENTITY, METRICS

Progress = Callable[[int], None]  # how many runs have been read

INTEGERS = tuple(name for name, kind in AXES.items() if kind == "int64")
NAMES = tuple(name for name, kind in AXES.items() if kind == "string" and name not in {*IDENTITY} - {"trial_id"})


def frame_of(columns: Mapping[str, Sequence[object]], others: Mapping[str, Sequence[str | None]]) -> pd.DataFrame:
    """`columns`: `NAMES`, `INTEGERS`, `METRICS` and state, one value a trial; `others`: settings as text.

    Settings that vary become columns. In the order of the trials' ids: so sums do not depend on who is asked.
    """
    frame = pd.DataFrame(
        {
            **{name: columns[name] for name in (*NAMES, "state")},
            **{name: pd.Series(columns[name], dtype="int64") for name in INTEGERS},
            **{name: pd.Series(columns[name], dtype="float64") for name in METRICS},
            **{alias: pd.Series(columns[name], dtype="float64") for alias, name in ALIASES.items()},
            **{name: values for name, values in sorted(others.items()) if len(set(values)) > 1},
        }
    )
    return frame.drop_duplicates("trial_id").sort_values("trial_id", ignore_index=True)
