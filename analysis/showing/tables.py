"""The tables of a report and of `analyze`: findings as data frames with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.comparing.families import untold
from analysis.findings import Findings
from analysis.statistics.intervals import Interval
from analysis.statistics.scores import CHARGE, COUNTED_AS, Floats, short


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
    level: float = 0.95
    # For papers: lines below the last, which cells cannot be told from the row's best, and how many decimals.
    foot: pd.DataFrame = field(default_factory=pd.DataFrame)
    near: pd.DataFrame = field(default_factory=pd.DataFrame)
    digits: int | None = None


def ends(name: str, intervals: Sequence[Interval | None]) -> dict[str, list[object]]:
    return {
        name: [i.mean if i else None for i in intervals],
        f"{name}_low": [i.low if i else None for i in intervals],
        f"{name}_high": [i.high if i else None for i in intervals],
    }


def left_out(values: Floats) -> str:
    """A sentence for a note about what is missing of (..., columns, seeds); nothing where nothing is.

    A seed that no column has in its row is none.
    """
    there = ~np.isnan(values)
    wanted = np.broadcast_to(there.any(axis=-2, keepdims=True), there.shape)
    missing = int((wanted & ~there).sum())
    if not missing:
        return ""
    verb, whose = ("is", "its own mean") if missing == 1 else ("are", "their own means")
    return f" {missing:,} of {int(wanted.sum()):,} results {verb} missing, left out of {whose} alone."


def methods(findings: Findings) -> Table:
    """One line a method, best mean first: everything that ranks methods."""
    q = findings.question
    data: dict[str, list[object]] = {"method": list(findings.names), "wins": [whole(w) for w in findings.wins.wins]}
    if q.select:
        data["candidates"] = list(findings.candidates)
    rest = [c for c in q.columns if c != "normalizer"]
    if 0 < len(rest) < len(q.columns):
        data[f"wins_within_{'_'.join(rest)}"] = [whole(w) for w in findings.wins_within(rest).wins]
    data |= {k: list(v) for k, v in ends(f"mean_{q.metric}", findings.means).items()}
    if any(findings.differences):
        # Where there are no replicates the interval over rows is all there is.
        found = [d and (d.seeds or Interval(d.rows.mean, None, None, 1)) for d in findings.differences]
        data |= {k: list(v) for k, v in ends(f"difference_to_{q.baseline}", found).items()}
    data["profile_area"] = [float(a) for a in findings.profile_area]
    data["ratio_area"] = [float(a) for a in findings.ratio_area]
    ended = findings.outcomes
    shares = [outcome.shares(q.level) for outcome in ended]
    told: list[str] = []
    for place, what in enumerate(("diverged", "failed")):
        if findings.states[what]:
            data |= ends(what, [share[place] for share in shares])
            told.append(what)
    if findings.states["diverged"]:
        data[f"{q.metric}_if_converged"] = [float(m) for m in findings.converged]
    few = "One seed" if len(findings.amounts.replicates) < 2 else "Too few seeds"
    note = f"{q.level:.0%} t intervals over seeds" if findings.replicated else f"{few}: no interval can be given"
    if findings.replicated and len(findings.family) > 1 and any(findings.differences):
        note += f"; those of differences hold together, {len(findings.family)} comparisons"
    note += f". Wins: {q.rows_name} on which the method is the best, of {len(findings.wins.counted)}"
    note += {"shared": "; a tie is a win for each", "split": "; a tie is divided", "none": "; a tie is nobody's"}[
        q.ties
    ]
    note += f". Profile area: 1 is never beaten, 0 is never within 5% of the {q.best_name}."
    note += f" Ratio area: the same of the {'error' if q.share else q.metric_name}, 0 is never below twice the best."
    note += f" Means are of the raw {q.metric_name}: hard {q.rows_name} weigh most."
    if told:
        note += (
            f" Of all trainings (of those that did not fail) the share that {' and that '.join(told)}, with exact "
            "intervals (Clopper and Pearson 1934)."
        )
    if findings.states["diverged"]:
        note += f" Diverged: {COUNTED_AS[q.diverged]}."
    note += left_out(findings.scores.values)
    if any(findings.differences):
        note += " Differences are taken on the seeds that both methods have."
    return Table("methods", "Methods", note, pd.DataFrame(data).iloc[findings.order], level=q.level)


def candidates(findings: Findings) -> Table | None:
    """What each method would score with equally many candidates; None where all have equally many."""
    equal = findings.equal_candidates
    if equal is None:
        return None
    q, fewest = findings.question, min(findings.candidates)
    data = {
        "method": findings.names,
        "candidates": findings.candidates,
        f"mean_{q.metric}": [mean.mean for mean in findings.means],
        f"mean_of_the_best_of_{fewest}": equal,
    }
    note = (
        f"Selected by {q.by.replace('_', ' ')} among the values of {' and '.join(q.select)}. The last column is the "
        f"expected {q.metric_name} of the best of {fewest} candidates drawn at random (Dodge et al. 2019): the best of "
        "more candidates is better by chance alone."
    )
    return Table("candidates", "At equal numbers of candidates", note, pd.DataFrame(data).iloc[findings.order])


def whole(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number


def by_row(findings: Findings) -> Table:
    """Each row's mean of every method, wide: the form of a paper's table."""
    q = findings.question
    data: dict[str, list[object]] = {name: [row[i] for row in findings.scores.rows] for i, name in enumerate(q.rows)}
    data |= {name: list(findings.row_means[:, j]) for j, name in enumerate(findings.names)}
    note = f"Mean {q.metric_name} over seeds; the best of each row is bold."
    loss = findings.row_means if q.direction == "min" else -findings.row_means
    near = untold(findings.amounts.values, np.nanargmin(loss, axis=1), q.level)
    if near.any():
        note += (
            f" In print, what cannot be told from it by its seeds is italic: {q.level:.0%} t intervals that hold "
            "together for all pairs of a row."
        )
    if findings.states["diverged"]:
        note += (
            " Diverged trials are left out."
            if q.diverged == "drop"
            else f" A diverged trial enters with {CHARGE[q.diverged]}."
        )
    note += left_out(findings.scores.values)
    halves = [i.half for line in findings.cells for i in line if i.half is not None]
    foot = [findings.row_means.mean(axis=0).tolist(), [whole(w) for w in findings.wins.wins]]
    lines = [[word, *[""] * (len(q.rows) - 1), *cells] for word, cells in zip(("average", "wins"), foot, strict=True)]
    return Table(
        "by_row",
        f"All {q.rows_name}",
        note,
        pd.DataFrame(data),
        q.direction,
        findings.names,
        foot=pd.DataFrame(lines, columns=pd.Index(list(data)), dtype=object),
        near=pd.DataFrame(near, columns=pd.Index(findings.names)),
        digits=decimals(np.array(halves)),
    )


def decimals(halves: Floats) -> int | None:
    """How many show two digits of the median half width; None where there is none."""
    known = halves[np.isfinite(halves) & (halves > 0)]
    return min(6, max(0, 1 - int(np.floor(np.log10(np.median(known)))))) if known.size else None


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
    return Table("cells", "Means and intervals of every cell", note, pd.DataFrame(lines), level=q.level)


def completeness(findings: Findings) -> Table:
    """One line a block (row and replicate): trials by state, and how many methods have a result that is compared."""
    q = findings.question
    blocks = [*q.rows, *q.average]
    scores = findings.scores
    there = scores.there.sum(axis=1)
    known = {(*r, *s): int(there[i, k]) for i, r in enumerate(scores.rows) for k, s in enumerate(scores.replicates)}
    frame = findings.frame
    state = frame["state"] if "state" in frame else pd.Series("done", index=frame.index, name="state")
    counts = pd.crosstab([frame[b] for b in blocks], state)
    counts = counts.reindex(columns=["done", "diverged", "failed", *sorted(set(counts.columns) - STATES)], fill_value=0)
    counts.columns.name = None
    used = [key if isinstance(key, tuple) else (key,) for key in counts.index]
    counts["compared"] = [known.get(key, 0) for key in used]
    note = (
        f"Compared: methods, of {len(findings.columns)}, whose result counts. A missing one is left out of its own "
        f"mean alone; one of {q.rows_name} on which a method has none at all is left out of every number above."
    )
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
