"""What a run in MLflow says about a trial: pure functions of its row in the ledger."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeps.identity import canonical
from sweeps.records import AXES, COUNTS, CURVES, IDENTITY, LABELS, METRICS
from sweeps.words.choice import Choice

TRIAL_TAG = "normsweep.trial_id"
PACK_TAG = "normsweep.pack_id"
SWEEP_TAG = "normsweep.sweep"  # the sweep whose experiment the run lives in
MEMBER_TAG = "normsweep.sweep."  # + a sweep's name: the trial belongs to it; the value is the plan's hash
POINTS = 100  # of a curve, at most
HIDDEN = {"schema", "revision", *AXES}
_TEXT = 500  # characters of a failure; MLflow's tags end at 8,000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """Metrics are (key, value, timestamp in ms, step). All times come from the row: to write twice changes nothing."""

    trial: str
    name: str
    start_ms: int
    end_ms: int
    status: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: list[tuple[str, float, int, int]]


def run_data(row: Mapping[str, Any], plans: Mapping[str, str], written: float) -> RunData:
    """`plans`: plan hash by sweep, of the sweeps that the trial belongs to; `written`: when its part was (s)."""
    finished = row["finished"] or written
    seconds = row["seconds"] or 0.0
    end = int(1000 * finished)
    final = [(key, float(row[key]), end, 0) for key in (*METRICS, *COUNTS) if _finite(row[key])]
    tags = {f"normsweep.{key}": str(row[key]) for key in LABELS if row[key] is not None}
    tags |= {TRIAL_TAG: row["trial_id"], "normsweep.data": row["digest"]}
    tags |= {member_tag(sweep): plan for sweep, plan in plans.items()}
    if row["failure"]:
        tags["normsweep.failure"] = row["failure"].strip().splitlines()[-1][:_TEXT]
    return RunData(
        trial=row["trial_id"],
        name=f"{row['dataset']} {row['normalizer']} {row['activation']} depth {row['depth']} seed {row['seed']}",
        start_ms=end - int(1000 * seconds),
        end_ms=end,
        status="FAILED" if row["state"] == "failed" else "FINISHED",
        params=params(row),
        tags=tags,
        metrics=final + [point for key in CURVES for point in curve(key, row[key] or (), end, seconds)],
    )


def member_tag(sweep: str) -> str:
    return MEMBER_TAG + sweep


def params(row: Mapping[str, Any]) -> dict[str, str]:
    """The axes of the row and every other field of the trial, as text."""
    settings = {key: row[key] for key in AXES if key not in IDENTITY}
    settings |= {key: value for key, value in json.loads(row["trial"]).items() if key not in HIDDEN}
    return {key: setting_text(value) for key, value in settings.items()}


def curve(column: str, values: Sequence[float], end_ms: int, seconds: float) -> list[tuple[str, float, int, int]]:
    """At most `POINTS` points of a curve, first and last among them; what is not finite is left out."""
    key = column.replace("curve_", "curve/")
    count = len(values)
    epochs = range(count) if count <= POINTS else [i * (count - 1) // (POINTS - 1) for i in range(POINTS)]
    step = 1000 * seconds / max(count, 1)
    return [(key, float(values[e]), end_ms - int(step * (count - 1 - e)), e) for e in epochs if _finite(values[e])]


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def setting_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(Choice.from_json(value)) if isinstance(value, dict) else canonical(value)
