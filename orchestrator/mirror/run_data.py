"""What a run in MLflow says about a trial: pure functions of its row in the ledger."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.store.parts import shown
from sweeps.columns import named
from sweeps.identity import canonical
from sweeps.records import AXES, COUNTS, CURVES, IDENTITY, LABELS, METRICS
from sweeps.trial import completed, field_names
from sweeps.words.choice import Choice
from sweeps.words.settings import CHOICES

OURS = "normsweep."  # begins the tags that say something of ours
TRIAL_TAG = "normsweep.trial_id"
PACK_TAG = "normsweep.pack_id"
SWEEP_TAG = "normsweep.sweep"  # the sweep whose experiment the run lives in
MEMBER_TAG = "normsweep.sweep."  # + a sweep's name: its latest version wants the trial; the value is a plan's hash
SINCE_TAG = "normsweep.since."  # + a sweep's name: the number of its first version that wants the trial
UNTIL_TAG = "normsweep.until."  # + a sweep's name: of the last one that did, where the latest does not
POINTS = 100  # of a curve, at most
LAYERS = 12  # that probes are shown of, at most
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


def run_data(
    row: Mapping[str, Any],
    sweeps: Mapping[str, str],
    written: float,
    varied: Sequence[str] = (),
    readings: Sequence[Mapping[str, Any]] = (),
) -> RunData:
    """`sweeps`: the tags that say which sweeps want the trial; `written`: when its part was (s); `varied`: the settings
    that name it beside data set and method; `readings`: what its probes saw."""
    finished = row["finished"] or written
    seconds = row["seconds"] or 0.0
    end = int(1000 * finished)
    final = [(key, float(row[key]), end, 0) for key in (*METRICS, *COUNTS) if _finite(row[key])]
    tags = {f"normsweep.{key}": str(row[key]) for key in LABELS if row[key] is not None}
    tags |= {TRIAL_TAG: row["trial_id"], "normsweep.data": row["digest"]}
    tags |= sweeps
    if row["failure"]:
        tags["normsweep.failure"] = row["failure"].strip().splitlines()[-1][:_TEXT]
    return RunData(
        trial=row["trial_id"],
        name=name(completed(json.loads(row["trial"])), varied),
        start_ms=end - int(1000 * seconds),
        end_ms=end,
        status="FAILED" if row["state"] == "failed" else "FINISHED",
        params=params(row),
        tags=tags,
        metrics=[
            *final,
            *(point for key in CURVES for point in curve(key, row[key] or (), end, seconds)),
            *probed(readings, end),
        ],
    )


def name(trial: Mapping[str, Any], varied: Sequence[str]) -> str:
    """`wine bn relu depth 2 seed 0`: data set, method, and the settings `varied`."""
    words = [trial["dataset"], _word("normalizer", trial["normalizer"], "normalizer" in varied)]
    for field in varied:
        if field in CHOICES and field != "normalizer":
            words.append(_word(field, trial[field], True))
        elif field not in ("dataset", "normalizer"):
            words.append(f"{field} {setting_text(trial[field])}")
    return " ".join(words)


def _word(kind: str, choice: Mapping[str, Any], options: bool) -> str:
    return shown(kind, Choice.from_json(choice)) if options else choice["name"]


def varying(trials: Iterable[Mapping[str, Any]]) -> list[str]:
    """The settings in which trials, as plain data, differ; `normalizer` where its options do as well as its name."""
    values: dict[str, set[str]] = {name: set() for name in field_names()}
    for trial in trials:
        for name in values.keys() & trial.keys():
            value = trial[name]
            values[name].add(value if isinstance(value, str) else canonical(value))
    methods = {json.loads(text)["name"] for text in values["normalizer"]}
    if len(methods) == len(values["normalizer"]):
        del values["normalizer"]
    return [name for name, found in values.items() if len(found) > 1 and name not in ("digest", "revision", "dataset")]


def member_tag(sweep: str) -> str:
    return MEMBER_TAG + sweep


def params(row: Mapping[str, Any]) -> dict[str, str]:
    """The axes of the row, every other field of the trial and every option, `normalizer.n`, as text."""
    trial = completed(json.loads(row["trial"]))
    settings = {key: row[key] for key in AXES if key not in IDENTITY}
    settings |= {key: value for key, value in trial.items() if key not in HIDDEN} | options(trial)
    return {key: setting_text(value) for key, value in settings.items()}


def options(trial: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a trial's choices (`Trial.as_json`), named as in selectors and results: `normalizer.n`."""
    return {
        f"{kind}.{name}": value
        for kind in CHOICES
        for name, value in (trial.get(kind) or {"options": {}})["options"].items()
    }


def curve(column: str, values: Sequence[float], end_ms: int, seconds: float) -> list[tuple[str, float, int, int]]:
    """At most `POINTS` points of a curve, first and last among them; what is not finite is left out."""
    key = column.replace("curve_", "curve/")
    count = len(values)
    epochs = _thinned(count, POINTS)
    step = 1000 * seconds / max(count, 1)
    return [(key, float(values[e]), end_ms - int(step * (count - 1 - e)), e) for e in epochs if _finite(values[e])]


def probed(readings: Iterable[Mapping[str, Any]], end_ms: int) -> list[tuple[str, float, int, int]]:
    """What probes saw as metrics `probe/kurtosis/mean/layer 2`, by epochs trained: numbers of their own, not curves, of
    `LAYERS` layers and at `POINTS` epochs at most, the first and the last among them."""
    series: dict[tuple[str, str], dict[int, list[tuple[int, float]]]] = {}
    for row in readings:
        if row["at"] is None:
            layers = series.setdefault((row["probe"], row["quantity"]), {})
            layers.setdefault(row["layer"], []).append((row["epoch"], row["value"]))
    return [
        (f"probe/{probe}/{quantity}" + (f"/layer {layer}" if layer else ""), value, end_ms, epoch)
        for (probe, quantity), layers in series.items()
        for layer in (sorted(layers)[i] for i in _thinned(len(layers), LAYERS))
        for epoch, value in (layers[layer][i] for i in _thinned(len(layers[layer]), POINTS))
    ]


def _thinned(count: int, most: int) -> Sequence[int]:
    """Places of a sequence, the first and the last among them."""
    return range(count) if count <= most else [i * (count - 1) // (most - 1) for i in range(most)]


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def setting_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(Choice.from_json(value)) if isinstance(value, dict) else canonical(named(value))
