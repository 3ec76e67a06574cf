"""The same table from the ledger, with MLflow's filter language read by MLflow's own parser."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from orchestrator.ask.frame import INTEGERS, NAMES, frame_of
from orchestrator.mirror.run_data import HIDDEN, options, setting_text
from orchestrator.store import Store
from orchestrator.store.results import whole
from sweeps.errors import UsageError
from sweeps.records import COUNTS, LABELS, METRICS
from sweeps.select import is_trial_field
from sweeps.trial import completed
from sweeps.words.near import unknown

_TAGS = ("trial_id", *LABELS)
_NUMBERS = (*METRICS, *COUNTS)
_COLUMNS = list(dict.fromkeys((*NAMES, *INTEGERS, *_NUMBERS, *_TAGS, "trial", "digest")))


def from_ledger(store: Store, sweeps: Sequence[str], query: str) -> pd.DataFrame:
    """The finished trials of the sweeps (all: none) that the filter selects. Raises UsageError for a bad filter."""
    names = list(sweeps) or store.sweeps.names()
    tables = [whole(store, name, more=["trial", "digest", "host"]).select(_COLUMNS) for name in names]
    # Whole numbers stay whole where some are missing.
    frame = pa.concat_tables(tables).to_pandas(integer_object_nulls=True) if tables else pd.DataFrame(columns=_COLUMNS)
    rows = frame.drop_duplicates("trial_id", ignore_index=True)
    settings = _settings(rows)
    keep = pd.Series(True, index=rows.index)
    for clause in _clauses(query):
        keep &= _selected(clause, _column(clause, rows, settings))
    kept = rows[keep]
    others = {
        name: [v for v, k in zip(values, keep, strict=True) if k]
        for name, values in settings.items()
        if "." not in name  # options
    }
    return frame_of({name: kept[name].tolist() for name in (*NAMES, *INTEGERS, *METRICS, "state")}, others)


def _settings(rows: pd.DataFrame) -> dict[str, list[str | None]]:
    """Every field of the trials that is no column of its own, and every option, as the text that MLflow has."""
    recorded: list[dict[str, Any]] = json.loads(f"[{','.join(rows['trial'])}]")  # at once: three times as fast
    trials: list[dict[str, Any]] = [{**completed(trial)} for trial in recorded]
    names = {name for trial in trials[:1] for name in trial} - HIDDEN
    trials = [trial | options(trial) for trial in trials]
    names |= {name for trial in trials for name in trial if "." in name}
    found: dict[str, list[str | None]] = {}
    for name in names:
        values = [trial.get(name) for trial in trials]
        if values.count(values[0]) == len(values):
            found[name] = [_text(values[0])] * len(values)
        else:
            found[name] = [_text(value) for value in values]
    return found


def _text(value: object) -> str | None:
    return None if value is None else setting_text(value)


def _clauses(query: str) -> list[dict[str, str]]:
    if not query:
        return []
    from mlflow.exceptions import MlflowException
    from mlflow.utils.search_utils import SearchUtils

    try:
        return SearchUtils.parse_search_filter(query)
    except MlflowException as error:
        raise UsageError(f"MLflow does not take the filter {query!r}: {str(error).splitlines()[0]}") from None


def _column(clause: dict[str, str], rows: pd.DataFrame, settings: dict[str, list[str | None]]) -> pd.Series:
    """What a clause is about, as MLflow has it: numbers for metrics, text for params and tags; missing where absent."""
    kind, key = clause["type"], clause["key"]
    if kind == "metric" and key in _NUMBERS:
        return pd.Series(rows[key], dtype="float64")
    if kind == "parameter" and key in (*NAMES[1:], *INTEGERS):
        return pd.Series(rows[key], dtype="str")
    if kind == "parameter" and (key in settings or ("." in key and is_trial_field(key))):
        return pd.Series(settings.get(key, [None] * len(rows)), index=rows.index, dtype="object")
    tag = {"normsweep.data": "digest"}.get(key, key.removeprefix("normsweep."))
    if kind == "tag" and tag in (*_TAGS, "digest"):
        return pd.Series([None if v is None else str(v) for v in rows[tag]], index=rows.index, dtype="object")
    known = {
        "metric": _NUMBERS,
        "parameter": [*NAMES[1:], *INTEGERS, *settings],
        "tag": [f"normsweep.{t}" for t in _TAGS],
    }
    raise UsageError(f"the ledger cannot answer this: {unknown(kind, key, known.get(kind, ()))}")


def _selected(clause: dict[str, str], column: pd.Series) -> pd.Series:
    """A missing value satisfies nothing but IS NULL, as in MLflow."""
    comparator, value = clause["comparator"].upper(), clause.get("value", "")
    if comparator in ("IS NULL", "IS NOT NULL"):
        return column.isna() if comparator == "IS NULL" else column.notna()
    if comparator in ("LIKE", "ILIKE"):
        wildcards = {"%": ".*", "_": "."}
        pattern = "".join(wildcards.get(c, re.escape(c)) for c in value)
        like = re.compile(pattern, re.DOTALL | (re.IGNORECASE if comparator == "ILIKE" else 0))
        found = [isinstance(text, str) and like.fullmatch(text) is not None for text in column]
        return pd.Series(found, index=column.index)
    number = clause["type"] == "metric"
    other = float(value) if number else value
    compared = {
        "=": column.eq,
        "!=": column.ne,
        "<": column.lt,
        "<=": column.le,
        ">": column.gt,
        ">=": column.ge,
    }[comparator](other)
    return compared & column.notna()
