"""What probes saw, drawn: a panel a layer, a line a method, over epochs or along a curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.findings import Findings
from analysis.showing import figures
from analysis.showing.drawings import LEGIBLE, PANELS, Drawing
from analysis.statistics.scores import Key, short

AXES = {"epoch": "epochs trained", "at": "place on the curve", "layer": "layer"}
# Where a curve's places mean something of their own.
PLACES = {"partition-density": "radius", "histogram": "deviations from the mean", "batch-statistics": "deviations"}


def probed(findings: Findings, readings: pd.DataFrame) -> list[Drawing]:
    """A drawing for each quantity of each probe; of units that are shown one by one the first.

    `readings`: `trial_id`, `probe`, `epoch`, `layer`, `quantity`, `at`, `value`, as `orchestrator.readings` has them.
    """
    q = findings.question
    named = findings.frame[["trial_id", *dict.fromkeys([*q.rows, *q.columns])]]
    whole: Any = readings[["trial_id", "probe", "epoch", "layer", "quantity", "at", "value"]].merge(
        named, on="trial_id"
    )
    found: list[Drawing] = []
    for (probe, quantity), own in whole.groupby(["probe", "quantity"], sort=False):
        if "unit" not in str(quantity) or str(quantity).endswith("unit 1"):
            found += _drawn(findings, str(probe), str(quantity), own)
    return found


def _drawn(findings: Findings, probe: str, quantity: str, own: Any) -> list[Drawing]:
    q = findings.question
    last = int(own["epoch"].max())
    axis = "at" if own["at"].notna().any() else "epoch" if last > own["epoch"].min() else "layer"
    if axis == "at":
        own = own.loc[own["epoch"] == last]
    panels = [*q.rows, *(["layer"] if axis != "layer" else [])]
    means = own.groupby([*panels, *q.columns, axis], sort=False, observed=True)["value"].mean().reset_index()
    if means[axis].nunique() < 2:
        return []
    keys = _thinned(list(dict.fromkeys(map(tuple, means[panels].to_numpy().tolist()))))
    seen = {tuple(map(str, key)) for key in means[list(q.columns)].to_numpy().tolist()}
    columns = [c for c in findings.columns if tuple(map(str, c)) in seen][:LEGIBLE]
    x = np.array(sorted(means[axis].unique()), dtype=np.float64)
    values = np.full((len(keys), len(columns), len(x)), np.nan)
    for row in means.to_dict("records"):
        panel, column = tuple(row[p] for p in panels), tuple(str(row[c]) for c in q.columns)
        at = [i for i, key in enumerate(columns) if tuple(map(str, key)) == column]
        if panel in keys and at:
            values[keys.index(panel), at[0], int(np.searchsorted(x, row[axis]))] = row["value"]
    name = f"probe-{probe}-{quantity}".replace(" ", "-").replace(",", "")
    label = PLACES.get(probe, AXES[axis]) if axis == "at" else AXES[axis]
    when = "" if axis == "epoch" else " before training" if last == 0 else f" after {last} epochs"
    few = f" {len(keys)} of {len(means[panels].drop_duplicates())} panels are drawn; the data file holds all."
    return [
        Drawing(
            name,
            f"{probe}: {quantity}",
            f"What the probe {probe} saw{when}, mean over trials of a method."
            + few * (len(keys) < len(means[panels].drop_duplicates())),
            figures.curves([_title(panels, key) for key in keys], columns, x, values, quantity, label),
            means,
            f"{quantity} of {len(columns)} methods in {len(keys)} panels.",
        )
    ]


def _title(panels: Sequence[str], key: Key) -> str:
    *rows, last = [str(value).partition("(")[0] for value in key]
    if panels[-1] != "layer":
        return short((*rows, last))
    return f"{short(tuple(rows))} {'all layers' if last == '0' else f'layer {last}'}"


def _thinned(keys: list[Key]) -> list[Key]:
    if len(keys) <= PANELS:
        return keys
    return [keys[int(i)] for i in np.linspace(0, len(keys) - 1, PANELS).round()]
