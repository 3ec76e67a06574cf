"""Tables beside the declared comparisons: ranks, other aggregates, and how much the rules matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.findings import Findings
from analysis.showing.tables import Table, ends
from analysis.statistics.bootstrap import bca_interval, iqm_intervals
from analysis.statistics.curves import stability, stacked
from analysis.statistics.intervals import Interval
from analysis.statistics.ranks import friedman, nemenyi
from analysis.statistics.scores import Floats, nanmean

FIRST = 20  # epochs over which stability is judged


def ranking(findings: Findings) -> Table | None:
    """Mean ranks over rows; None for fewer than two rows or methods."""
    q = findings.question
    rows, columns = findings.ranked.shape
    if rows < 2 or columns < 2:
        return None
    mean = findings.ranked.mean(axis=0)
    best = int(mean.argmin())
    posthoc = nemenyi(findings.ranked)
    order = np.argsort(mean, kind="stable")
    data = {
        "method": [findings.names[j] for j in order],
        "mean_rank": mean[order],
        "p_nemenyi": [None if j == best else posthoc[best, j] for j in order],
    }
    note = f"Mean ranks over {rows} {q.units_name}. "
    if columns > 2:
        test = friedman(findings.ranked)
        note += f"Friedman: chi-square {test.chi_square:.2f}, p = {test.p:.3g}; "
        note += f"Iman and Davenport's F: p = {test.p_f:.3g}. "
    note += f"Nemenyi's p, of the difference from {findings.names[best]}, is adjusted for all pairs of methods."
    return Table("ranking", "Ranks", note, pd.DataFrame(data))


def aggregates(findings: Findings) -> Table:
    """Other ways to put one number on a method, each with its interval over seeds."""
    q = findings.question
    middle = iqm_intervals(findings.normalized_ranks, seed=q.seed, level=q.level)
    data: dict[str, list[object]] = {"method": list(findings.names)}
    if findings.replicated:
        means = [bca_interval(seeds, seed=q.seed, level=q.level) for seeds in findings.seed_means]
        data |= {k: list(v) for k, v in ends("mean_bca", means).items()}
    data |= {k: list(v) for k, v in ends("interquartile_mean_rank", middle).items()}
    data |= {k: list(v) for k, v in ends("profile_area", profile_areas(findings)).items()}
    steady = steadiness(findings)
    if steady is not None:
        data["variance_first_epochs"] = list(steady)
    note = (
        "BCa bootstrap of the mean; interquartile mean over rows and seeds of the rank among the methods, from 0, the "
        "best, to 1, so that no row is left out for being hard or easy, with bootstrap of the seeds of each row (both "
        f"are too narrow below some ten seeds); profile area, with bootstrap of {q.units_name} and their seeds."
    )
    if steady is not None:
        note += f" Variance of validation accuracy over the first {FIRST} epochs: smaller is steadier."
    return Table("aggregates", "Other aggregates", note, pd.DataFrame(data).iloc[findings.order], level=q.level)


def profile_areas(findings: Findings) -> list[Interval]:
    band, seeds = findings.profile_band, len(findings.amounts.replicates)
    if band is None:
        return [Interval(float(a), None, None, 1) for a in findings.profile_area]
    ends = zip(findings.profile_area, band.area_low, band.area_high, strict=True)
    return [Interval(float(a), float(low), float(high), seeds) for a, low, high in ends]


def steadiness(findings: Findings) -> Floats | None:
    """Each column's mean, over rows and seeds, of the variance of its selected trials' first validation errors."""
    if "curve_val_error" not in findings.frame:
        return None
    curves = findings.frame["curve_val_error"].to_numpy(dtype=object)
    return np.array(
        [
            float(nanmean(stability(stacked([curves[i] for i in chosen.ravel() if i >= 0]), FIRST), axis=0))
            for chosen in np.moveaxis(findings.scores.chosen, 1, 0)
        ]
    )


def sensitivity(findings: Findings) -> Table | None:
    """Who leads under each rule for diverged trials; None where none diverged."""
    if not findings.states["diverged"]:
        return None
    data: list[dict[str, object]] = []
    for rule in ("loss", "majority", "drop"):
        line: dict[str, object] = {"diverged": rule, "rows": 0, "most_wins": "", "wins": None, "best_mean": ""}
        try:
            found = Findings(findings.frame, replace(findings.question, diverged=rule))
        except ValueError:
            line["most_wins"] = "nothing complete is left"
        else:
            top = max(found.wins.wins)
            leaders = [n for n, w in zip(found.names, found.wins.wins, strict=True) if w == top]
            line |= {"rows": len(found.scores.rows), "most_wins": " and ".join(leaders), "wins": top}
            line["best_mean"] = found.names[found.order[0]]
        data.append(line)
    note = "How the conclusion depends on what a diverged trial counts as. Failed trials are missing under every rule."
    return Table("sensitivity", "If diverged trials counted otherwise", note, pd.DataFrame(data))
