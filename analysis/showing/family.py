"""The table of the declared comparisons: what is tested, all of it with one error rate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.findings import Findings
from analysis.showing.shown import plural
from analysis.showing.tables import Table, ends
from analysis.statistics.bayes import signed_rank
from analysis.statistics.ranks import wilcoxon_holm
from analysis.statistics.scores import Floats
from sweeps.file.sections import ALL, BASELINE

CHANCES = ("better", "equivalent", "worse")
MOST = 200  # comparisons with a Bayesian test each: it takes some 20 ms


def family(findings: Findings) -> Table | None:
    """A line a comparison; None where there is one method only."""
    q, pairs, family = findings.question, findings.family.pairs, findings.family
    if not pairs:
        return None
    units = len(findings.unit_means)
    data: dict[str, list[object]] = {
        "method": [findings.names[j] for j, _ in pairs],
        "against": [findings.names[b] for _, b in pairs],
    }
    differences = [c.difference for c in findings.comparisons]
    by_unit = [findings.unit_differences(j, b) for j, b in pairs]
    note = f"{plural(len(family), 'comparison')} ({declared(findings)}): all intervals hold together at {q.level:.0%}, "
    note += f"each at {family.each:.2%}. Equivalent: two one-sided tests place it within {q.rope:g}. "
    if findings.replicated:
        data |= {k: list(v) for k, v in ends("difference", [d.seeds for d in differences]).items()}
        data["on_these"] = [c.here for c in findings.comparisons]
        note += f"On these: {q.rows_name}, intervals over seeds. "
    if units > 1:
        data |= {k: list(v) for k, v in ends("difference_over_rows", [d.rows for d in differences]).items()}
        data["on_others"] = [c.elsewhere for c in findings.comparisons]
        note += f"On others: {q.units_name} like these {units}, intervals over them"
        note += "; better or worse there only if it is so on these. " if findings.replicated else ". "
        note += signed_rank_note(findings)
        if units >= family.least_rows:
            data["p_wilcoxon_holm"] = list(wilcoxon_holm(by_unit))
        if len(family) <= MOST:
            chances = [probabilities(findings, difference) for difference in by_unit]
            data |= {f"probability_{word}": [c[k] for c in chances] for k, word in enumerate(CHANCES)}
            note += f"Probabilities: Bayesian signed-rank, better or worse by more than {q.rope:g}."
    return Table("comparisons", "Comparisons", note.strip(), pd.DataFrame(data), level=q.level)


def declared(findings: Findings) -> str:
    """What the question declares to be compared, in words."""
    q = findings.question
    words = {BASELINE: f"with {q.baseline}" if any(b is not None for b in findings.baselines) else "all pairs"}
    return ", ".join(words.get(word, "all pairs" if word == ALL else word) for word in q.compare)


def signed_rank_note(findings: Findings) -> str:
    """What is tested by ranks, or why it is not: a p that cannot be small says nothing."""
    q, family, units = findings.question, findings.family, len(findings.unit_means)
    if units >= family.least_rows:
        return f"Wilcoxon signed-rank p, adjusted by Holm for all {len(family)}. "
    return (
        f"No signed-rank test: with {units} {q.units_name} no p can be below {2.0 ** (1 - units):.3g}, adjusted for "
        f"{len(family)} below {min(1.0, len(family) * 2.0 ** (1 - units)):.3g}; it takes {family.least_rows}. "
    )


def probabilities(findings: Findings, difference: Floats) -> tuple[float | None, ...]:
    """That the method is better, equivalent, worse."""
    q = findings.question
    difference = difference[~np.isnan(difference)]
    if not difference.size or not np.isfinite(difference).all():
        return None, None, None
    sign = 1.0 if q.direction == "min" else -1.0
    verdict = signed_rank(sign * difference, q.rope, q.seed)
    return verdict.below, verdict.within, verdict.above
