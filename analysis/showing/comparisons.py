"""Tables that compare methods by tests: ranks, pairs, other aggregates, and how much the rules matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.findings import Findings
from analysis.showing.tables import Table, ends
from analysis.statistics.bayes import Verdict, signed_rank
from analysis.statistics.bootstrap import bca_interval, iqm_intervals
from analysis.statistics.curves import stability, stacked
from analysis.statistics.intervals import Interval, t_interval
from analysis.statistics.ranks import friedman, nemenyi, pairs_with, wilcoxon_holm
from analysis.statistics.scores import Floats, nanmean

FIRST = 20  # epochs over which stability is judged


def ranking(findings: Findings) -> Table | None:
    """Every method against the one with the best mean rank, over rows; None for fewer than two rows or methods."""
    q = findings.question
    rows, columns = findings.ranked.shape
    if rows < 2 or columns < 2:
        return None
    mean = findings.ranked.mean(axis=0)
    best = int(mean.argmin())
    pairs = pairs_with(best, columns)
    holm = dict(zip(pairs, wilcoxon_holm(findings.unit_means, pairs), strict=True))
    posthoc = nemenyi(findings.ranked)
    data: list[dict[str, object]] = []
    for j in np.argsort(mean, kind="stable"):
        line: dict[str, object] = {"method": findings.names[j], "mean_rank": float(mean[j])}
        difference = None if j == best else findings.unit_differences(int(j), best)
        interval = None if difference is None else t_interval(difference, q.level)
        line |= {k: v[0] for k, v in ends("difference_to_best", [interval]).items()}
        line |= {"p_wilcoxon_holm": holm.get((best, int(j))), "p_nemenyi": None if j == best else posthoc[best, j]}
        line |= chances(verdict(findings, difference))
        data.append(line)
    note = f"Against {findings.names[best]}, the best mean rank, over {rows} {q.units_name}. "
    if columns > 2:
        test = friedman(findings.ranked)
        note += f"Friedman: chi-square {test.chi_square:.2f}, p = {test.p:.3g}; "
        note += f"Iman and Davenport's F: p = {test.p_f:.3g}. "
    note += (
        f"Intervals: t over {q.units_name}. The last three columns: Bayesian signed-rank probabilities that the best "
        f"is better by more than {q.rope:g}, that both are within {q.rope:g}, and that the best is worse by more."
    )
    return Table("ranking", "Ranks and tests", note, pd.DataFrame(data))


def verdict(findings: Findings, difference: Floats | None) -> Verdict | None:
    if difference is None or not np.isfinite(difference).all():
        return None
    sign = 1.0 if findings.question.direction == "min" else -1.0
    return signed_rank(sign * difference, findings.question.rope, findings.question.seed)


def chances(found: Verdict | None) -> dict[str, float | None]:
    values = (found.above, found.within, found.below) if found else (None, None, None)
    return dict(zip(("best_better", "equivalent", "best_worse"), values, strict=True))


def aggregates(findings: Findings) -> Table:
    """Other ways to put one number on a method, each with its interval over seeds."""
    q = findings.question
    middle = iqm_intervals(findings.amounts.values, seed=q.seed, level=q.level)
    data: dict[str, list[object]] = {"method": list(findings.names)}
    if findings.replicated:
        means = [bca_interval(seeds, seed=q.seed, level=q.level) for seeds in findings.seed_means]
        data |= {k: list(v) for k, v in ends("mean_bca", means).items()}
    data |= {k: list(v) for k, v in ends("interquartile_mean", middle).items()}
    data |= {k: list(v) for k, v in ends("profile_area", profile_areas(findings)).items()}
    steady = steadiness(findings)
    if steady is not None:
        data["variance_first_epochs"] = list(steady)
    note = (
        "BCa bootstrap of the mean (too narrow below some ten seeds); interquartile mean over rows and seeds, with "
        f"bootstrap of the seeds of each row; profile area, with bootstrap of {q.units_name} and their seeds."
    )
    if steady is not None:
        note += f" Variance of validation accuracy over the first {FIRST} epochs: smaller is steadier."
    return Table("aggregates", "Other aggregates", note, pd.DataFrame(data).iloc[findings.order])


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
