"""The tables of a report and of `analyze`: findings as data frames with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.findings import Findings
from analysis.statistics.intervals import Interval
from analysis.statistics.scores import short


@dataclass(frozen=True)
class Table:
    """A data frame to show: `name` is its file's stem, `note` says what its numbers are.

    Columns `x_low` and `x_high` are the ends of x's interval and are shown as one. `best` names columns of which the
    best cell of each row is marked: "min" or "max" over them.
    """

    name: str
    title: str
    note: str
    frame: pd.DataFrame
    best: str = ""
    best_of: Sequence[str] = ()
    missing: str = "–"


def ends(name: str, intervals: Sequence[Interval | None]) -> dict[str, list[float | None]]:
    return {
        name: [i.mean if i else None for i in intervals],
        f"{name}_low": [i.low if i else None for i in intervals],
        f"{name}_high": [i.high if i else None for i in intervals],
    }


def methods(findings: Findings) -> Table:
    """One line a method, best mean first: everything that ranks methods."""
    q = findings.question
    data: dict[str, list[object]] = {"method": list(findings.names), "wins": [whole(w) for w in findings.wins.wins]}
    rest = [c for c in q.columns if c != "normalizer"]
    if 0 < len(rest) < len(q.columns):
        data[f"wins_within_{'_'.join(rest)}"] = [whole(w) for w in findings.wins_within(rest).wins]
    data |= {k: list(v) for k, v in ends(f"mean_{q.metric}", findings.means).items()}
    if any(findings.differences):
        # Where there are no replicates the interval over rows is all there is.
        found = [d and (d.seeds or Interval(d.rows.mean, None, None, 1)) for d in findings.differences]
        data |= {k: list(v) for k, v in ends(f"difference_to_{q.baseline}", found).items()}
    data["profile_area"] = [float(a) for a in findings.profile_area]
    note = (
        f"{q.level:.0%} t intervals over seeds. " if findings.replicated else "One seed: no interval can be given. "
    ) + f"Wins: {q.rows_name} on which the method is the best, of {len(findings.wins.counted)}"
    note += {"shared": "; a tie is a win for each", "split": "; a tie is divided", "none": "; a tie is nobody's"}[
        q.ties
    ]
    note += ". Profile area: 1 is never beaten, 0 is never within 5% of the best accuracy."
    return Table("methods", "Methods", note, pd.DataFrame(data).iloc[findings.order])


def whole(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number


def by_row(findings: Findings) -> Table:
    """Each row's mean of every method, wide: the form of a paper's table."""
    q = findings.question
    data: dict[str, list[object]] = {name: [row[i] for row in findings.scores.rows] for i, name in enumerate(q.rows)}
    data |= {name: list(findings.row_means[:, j]) for j, name in enumerate(findings.names)}
    note = f"Mean {q.metric_name} over seeds; the best of each row is bold."
    if findings.states["diverged"]:
        note += " A diverged trial enters with the majority-class error."
    return Table("by_row", f"All {q.rows_name}", note, pd.DataFrame(data), q.direction, findings.names)


def cells(findings: Findings) -> Table:
    """Each row's mean of every method with its interval, long: the form for further computing."""
    q = findings.question
    lines: list[dict[str, Any]] = []
    for row, intervals in zip(findings.scores.rows, findings.cells, strict=True):
        for column, i in zip(findings.columns, intervals, strict=True):
            lines.append(
                dict(zip((*q.rows, *q.columns), (*row, *column), strict=True))
                | {q.metric: i.mean, f"{q.metric}_low": i.low, f"{q.metric}_high": i.high, "seeds": i.n}
            )
    note = f"Mean over seeds with {q.level:.0%} t interval."
    return Table("cells", "Means and intervals of every cell", note, pd.DataFrame(lines))


def completeness(findings: Findings) -> Table:
    """One line a block (row and replicate): trials by state, and whether the comparison uses the block."""
    q = findings.question
    blocks = [*q.rows, *q.average]
    every = findings.every
    known = {
        (*r, *s): bool(every.complete[i, k]) for i, r in enumerate(every.rows) for k, s in enumerate(every.replicates)
    }
    frame = findings.frame
    state = frame["state"] if "state" in frame else pd.Series("done", index=frame.index, name="state")
    counts = pd.crosstab([frame[b] for b in blocks], state)
    counts = counts.reindex(columns=["done", "diverged", "failed", *sorted(set(counts.columns) - STATES)], fill_value=0)
    counts.columns.name = None
    used = [key if isinstance(key, tuple) else (key,) for key in counts.index]
    counts["compared"] = ["yes" if known.get(key) else "no" for key in used]
    note = "A block is compared when every method has a result in it; the others are left out of every number above."
    return Table("completeness", "Completeness", note, counts.reset_index())


STATES = {"done", "diverged", "failed"}


def cost(findings: Findings) -> Table | None:
    """Seconds of training of each method: all trials that were trained, compared or not."""
    if "seconds" not in findings.trained:
        return None
    q = findings.question
    timed = findings.trained.loc[findings.trained["seconds"].notna()]
    grouped = timed.groupby(list(q.columns), sort=False)["seconds"]
    data = {(key if isinstance(key, tuple) else (key,)): part.to_numpy() for key, part in grouped}
    lines = [
        {"method": short(c), "trials": len(data[c]), "seconds_per_trial": data[c].mean(), "hours": data[c].sum() / 3600}
        for c in findings.columns
    ]
    return Table("cost", "Cost", "Training time, a trial's share of its pack's.", pd.DataFrame(lines))
