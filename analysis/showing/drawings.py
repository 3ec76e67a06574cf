"""The figures of a report and of `analyze`: findings drawn, with the numbers behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.findings import Findings
from analysis.showing import figures
from analysis.statistics.curves import mean_curves, thinned
from analysis.statistics.profiles import TAUS
from analysis.statistics.ranks import cliques, critical_difference
from analysis.statistics.scores import CHARGE, listed, short

PANELS = 6  # learning-curve panels on a page; in a file twice as many
LEGIBLE = 12  # methods in one figure of lines
BANDS = 3  # methods with a band


@dataclass(frozen=True)
class Drawing:
    """A figure with its caption; `data` holds every number drawn, `description` is what a screen reader says."""

    name: str
    title: str
    note: str
    figure: Figure
    data: pd.DataFrame
    description: str


def means(findings: Findings) -> Drawing:
    q = findings.question
    nan = float("nan")
    mean = np.array([i.mean for i in findings.means])
    low = np.array([nan if i.low is None else i.low for i in findings.means])
    high = np.array([nan if i.high is None else i.high for i in findings.means])
    axis = f"mean {q.metric_name} over {q.counted_rows(len(findings.scores.rows))}"
    best = findings.order[0]
    note = (
        f"Dots: means; bars: {q.level:.0%} intervals over seeds."
        if findings.replicated
        else "Means; one seed, no interval."
    )
    return Drawing(
        "means",
        f"Mean {q.metric_name}",
        note,
        figures.means(findings.columns, mean, low, high, axis, findings.order),
        pd.DataFrame({"method": findings.names, "mean": mean, "low": low, "high": high}),
        f"Mean {q.metric_name} of {len(mean)} methods; {findings.names[best]} is best with {mean[best]:.4f}.",
    )


def profiles(findings: Findings) -> Drawing:
    q = findings.question
    order = [int(j) for j in np.argsort(-findings.profile_area, kind="stable")]
    shown = sorted(order[:LEGIBLE])
    columns = [findings.columns[j] for j in shown]
    drawn = [shown.index(j) for j in order if j in shown]
    # The best method of each normalizer: equal colours would hide each other.
    first = {findings.columns[shown[k]][-1]: k for k in reversed(drawn)}
    banded = sorted(first.values(), key=drawn.index)[:BANDS]
    shares, band = findings.profile, findings.profile_band
    data = {"tau": TAUS} | {n: shares[:, j] for j, n in enumerate(findings.names)}
    note = (
        f"How often a method comes within a factor tau of the {q.best_name} (Dolan and Moré 2002): at the left edge it "
        "is the best itself, further right it may be up to 5% worse."
    )
    if band is not None:
        for j, name in enumerate(findings.names):
            data |= {f"{name}_low": band.low[:, j], f"{name}_high": band.high[:, j]}
        of = listed([findings.names[shown[k]] for k in banded])
        note += f" Bands, of {of}: {q.level:.0%}, bootstrap of {q.units_name} and of their seeds."
    if len(shown) < len(order):
        note += f" The {LEGIBLE} methods with the largest area are drawn."
    return Drawing(
        "profiles",
        "Performance profile",
        note,
        figures.profiles(
            columns,
            TAUS,
            shares[:, shown],
            drawn,
            q.rows_name,
            "accuracy at least tau times the best" if q.share else f"best {q.metric_name} at least tau times its own",
            bands={} if band is None else {k: (band.low[:, shown[k]], band.high[:, shown[k]]) for k in banded},
        ),
        pd.DataFrame(data),
        f"Performance profiles; {findings.names[order[0]]} has the largest area, {max(findings.profile_area):.2f}.",
    )


def learning_curves(findings: Findings, panels: int = PANELS) -> Drawing | None:
    """Validation error by epoch, mean over seeds, one panel a row; None where the table has no curves."""
    name = next((c for c in ("curve_val_error", "curve_test_error") if c in findings.frame), None)
    if name is None:
        return None
    shown = sorted(findings.order[:LEGIBLE])
    values = mean_curves(findings.frame, findings.scores, name)
    if values.shape[2] < 2:
        return None
    epochs = thinned(values.shape[2])
    titles = [short(r) for r in findings.scores.rows]
    drawn = min(len(titles), panels)
    data = pd.DataFrame(values[:, :, epochs].reshape(-1, len(epochs)), columns=pd.Index([str(e) for e in epochs]))
    data.insert(0, "method", findings.names * len(titles))
    data.insert(0, "row", np.repeat(titles, len(findings.names)))
    what = name.removeprefix("curve_").replace("_", " ")
    what = what.replace("val ", "validation ")
    note = f"{what.capitalize()} of the selected trials, mean over seeds, as measured (not smoothed)."
    if drawn < len(titles):
        note += f" The first {drawn} of {len(titles)} are drawn; the data file holds all."
    columns = [findings.columns[j] for j in shown]
    return Drawing(
        "curves",
        "Learning curves",
        note,
        figures.curves(
            titles[:drawn], columns, epochs.astype(np.float64), values[:drawn][:, shown][:, :, epochs], what
        ),
        data,
        f"Learning curves of {len(columns)} methods on {findings.question.counted_rows(drawn)}.",
    )


def ranks(findings: Findings) -> Drawing | None:
    """The critical-difference diagram; None for fewer than two rows or three methods."""
    rows, columns = findings.ranked.shape
    if rows < 2 or columns < 3:
        return None
    mean = findings.ranked.mean(axis=0)
    difference = critical_difference(rows, columns)
    runs = cliques(mean, difference)
    note = (
        f"Mean ranks over {rows} {findings.question.units_name}, 1 is best. Methods joined by a bar do not differ "
        "significantly (Nemenyi's test at 0.05, Demšar 2006)."
    )
    best = int(mean.argmin())
    return Drawing(
        "ranks",
        "Critical differences",
        note,
        figures.critical_difference(findings.columns, mean, difference, runs),
        pd.DataFrame({"method": findings.names, "mean_rank": mean, "critical_difference": difference}),
        f"Mean ranks of {columns} methods; {findings.names[best]} is best with {mean[best]:.2f}; "
        f"the critical difference is {difference:.2f}.",
    )


def robustness(findings: Findings) -> Drawing | None:
    """Error against batch size; None where the batch size does not vary."""
    found = findings.robustness
    if found is None:
        return None
    q = findings.question
    sign = 1.0 if q.direction == "min" else -1.0
    ends = np.full((*found.mean.shape, 2), np.nan)
    for b, j in np.ndindex(found.mean.shape):
        interval = found.interval(b, j)
        if interval and interval.low is not None and interval.high is not None:
            ends[b, j] = sorted((sign * interval.low, sign * interval.high))
    mean = sign * found.mean
    average = np.nansum(found.mean, axis=0) / (~np.isnan(found.mean)).sum(axis=0).clip(1)
    order = [int(j) for j in np.argsort(average, kind="stable")]
    shape = np.indices(mean.shape).reshape(2, -1)
    data = pd.DataFrame(
        {
            "batch_size": [found.batch_sizes[b] for b in shape[0]],
            "method": [findings.names[j] for j in shape[1]],
            "mean": mean.ravel(),
            "low": ends[..., 0].ravel(),
            "high": ends[..., 1].ravel(),
        }
    )
    return Drawing(
        "robustness-curves",
        "Error against batch size",
        f"Mean over {len(found.rows)} rows and {found.loss.shape[3]} seeds; bars: {q.level:.0%} intervals over seeds. "
        f"A training that diverged is charged with {CHARGE[q.diverged]}.",
        figures.robustness(
            found.columns, found.batch_sizes, mean, ends[..., 0], ends[..., 1], order, f"mean {q.metric_name}"
        ),
        data,
        f"{q.metric_name.capitalize()} of {len(findings.names)} methods at batch sizes {found.batch_sizes}.",
    )
