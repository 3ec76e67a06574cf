"""The summary in words: what was compared, the answer, how sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.comparing.families import Answer, all_pairs
from analysis.comparing.needs import needs
from analysis.findings import Comparison, Findings
from analysis.showing.robustness import outward
from analysis.showing.shown import plural, signed
from analysis.showing.tables import left_out
from analysis.statistics.intervals import Interval
from analysis.statistics.robustness import Robustness
from analysis.statistics.scores import COUNTED_AS, Key, listed, short
from sweeps.words.vocabulary import NORMALIZERS

NAMED = 4  # comparisons that it lists of one answer
VERBS: dict[Answer, str] = {
    "better": "is better than",
    "worse": "is worse than",
    "equivalent": "is equivalent to",
    "open": "may be better or worse than",
}
EXPLAINED = 4  # normalizers that a summary explains
LISTED = 8  # values of an axis that it lists
MEANING = {"test_error": ", the share of wrong answers on data kept back"}


@dataclass(frozen=True)
class Summary:
    compared: list[str]
    answer: list[str]
    sure: list[str]


def summary(findings: Findings) -> Summary:
    return Summary(compared(findings), answer(findings), sure(findings))


def compared(findings: Findings) -> list[str]:
    q, scores = findings.question, findings.scores
    seeds = len(findings.amounts.replicates)
    lines = [
        f"Networks trained with {plural(len(findings.columns), 'method')} on {q.counted_rows(len(scores.rows))} "
        f"({'; '.join(values(findings, i) for i in range(len(q.rows)))}), from {plural(seeds, 'random seed')} each, by "
        f"their {q.metric_name}{MEANING.get(q.metric, '')}; {q.better} is better.",
        "A method is "
        + " with ".join(axis_words(findings, i, c) for i, c in enumerate(q.columns))
        + (f"; {findings.names[0]} is short for such a pair." if len(q.columns) == 2 else "."),
    ]
    if q.select:
        lines.append(f"Of several values of {' and '.join(q.select)}, the one with the best {spoken(q.by)} counts.")
    results = findings.states["done"] + findings.states["diverged"]
    total = findings.states.total()
    others = [f"{n:,} {spoken(s)}" for s, n in findings.states.items() if s not in ("done", "diverged")]
    lines.append(f"{results:,} of {total:,} trials have a result" + (f" ({', '.join(others)})." if others else "."))
    if findings.states["diverged"]:
        lines.append(f"{plural(findings.states['diverged'], 'trial')} diverged: {COUNTED_AS[q.diverged]}.")
    if findings.wins.incomplete:
        lines.append(f"Left out because a method has no result there: {plural(len(findings.wins.incomplete), 'row')}.")
    missing = left_out(findings.scores.values)
    if missing:
        lines.append(missing.strip())
    return lines + alike(findings) + unequal(findings)


def unequal(findings: Findings) -> list[str]:
    """Sentences about methods that had more choice than others: on validation, or on what they are compared by."""
    q, lines = findings.question, list[str]()
    counts = dict(zip(findings.names, findings.candidates, strict=True))
    if len(set(counts.values())) > 1:
        said = listed([f"{name} {count}" for name, count in counts.items()], LISTED)
        lines.append(
            f"Methods are selected among unequal numbers of candidates ({said}): more of them favour a method."
        )
    variants: dict[Key, list[str]] = {}
    if "normalizer" in q.columns:
        place = q.columns.index("normalizer")
        for key, name in zip(findings.columns, findings.names, strict=True):
            base = str(key[place]).partition("(")[0]
            variants.setdefault((*key[:place], base, *key[place + 1 :]), []).append(name)
    sizes = {short(key): len(names) for key, names in variants.items()}
    if len(set(sizes.values())) > 1:
        said = listed([f"{name} {size}" for name, size in sizes.items()], LISTED)
        lines.append(
            f"Some methods are there with more settings than others ({said}), each a method of its own, so that the "
            f"best is picked by its {q.metric_name}: `select` over their options picks it by {spoken(q.by)}."
        )
    return lines


def alike(findings: Findings) -> list[str]:
    """A sentence for each group of methods that cannot be told apart."""
    return [
        f"{', '.join(findings.names[j] for j in first)} and {findings.names[last]} agree in every cell to the last "
        "digit: they computed the same, or the errors are too coarse to tell them apart."
        for *first, last in findings.alike
    ]


def values(findings: Findings, place: int) -> str:
    """The values of one of the rows' axes."""
    return listed(list(dict.fromkeys(row[place] for row in findings.scores.rows)), LISTED)


def axis_words(findings: Findings, place: int, axis: str) -> str:
    """One axis of the methods in words; a few normalizers are explained by their vocabulary's summary."""
    words = list(dict.fromkeys(str(key[place]) for key in findings.columns))
    if axis == "normalizer" and len(words) <= EXPLAINED and all(v in NORMALIZERS for v in words):
        words = [v if v == "none" else f"{v} ({NORMALIZERS[v].summary.split(';')[0]})" for v in words]
    article = "an" if axis[0] in "aeiou" else "a"
    return f"{article} {axis.replace('_', ' ')}, one of {listed(words, 12)}"


def answer(findings: Findings) -> list[str]:
    q = findings.question
    table = findings.wins
    if len(findings.columns) < 2:
        return [f"There is one method only: its mean {q.metric_name} is {findings.means[0].mean:.4f}."]
    if len(table.constant) == len(table.counted):
        every = "the one row" if len(table.counted) == 1 else f"every one of the {len(table.counted)} {q.rows_name}"
        return [f"No method wins: on {every} all methods are equal."]
    best = findings.order[0]
    top = max(table.wins)
    winners = [n for n, w in zip(findings.names, table.wins, strict=True) if w == top]
    lead = listed(winners)
    share = f"on {top:g} of {q.counted_rows(len(table.counted))}"
    verb = "wins most often" if len(winners) == 1 else "win equally often"
    between = gap(findings)
    lines = ["No method is clearly the best."] if between is not None and not apart(between) else []
    lines.append(f"{lead} {verb}: {share}.")
    mean = findings.means[best].mean
    extreme = "lowest" if q.direction == "min" else "highest"
    spread = f" ({bounds(findings.means[best], q.level)})" if findings.means[best].low is not None else ""
    whose = "It also has" if winners == [findings.names[best]] else f"{findings.names[best]} has"
    lines.append(f"{whose} the {extreme} mean {q.metric_name}, {mean:.4f}{spread}{against(findings, best)}.")
    return lines + small_batches(findings)


def small_batches(findings: Findings) -> list[str]:
    """Who is best at the smallest batch size that all share, and how far each comes down there; who diverges."""
    found = findings.robustness
    if found is None:
        return []
    if len(found.common) < 2:
        return ["The methods do not share two batch sizes: how they bear small ones cannot be compared."]
    lines: list[str] = []
    steady = np.flatnonzero(found.steady)
    if steady.size:
        best = int(steady[np.argmin(found.mean[found.least, steady])])
        others = [j for j in (findings.baselines[best],) if j is not None and found.steady[j]]
        lines.append(
            f"At batch size {found.batch_sizes[found.least]}, the smallest that all methods share, "
            f"{findings.names[best]} has the best mean {findings.question.metric_name}"
            + " of the methods that never diverged" * (not found.steady.all())
            + f", {'; '.join(borne(findings, found, j) for j in (best, *others))}."
        )
    shares = np.nanmax(found.shares[found.common], axis=0)
    gone = [f"{findings.names[j]} ({shares[j]:.0%})" for j in np.flatnonzero(~found.steady)]
    if gone:
        lines.append(
            f"Not robust, as trainings diverged at one of the batch sizes (at worst, of all): {listed(gone, LISTED)}."
        )
    lacking = [f"{n} at {listed(found.lacks(j), LISTED)}" for j, n in enumerate(findings.names) if found.lacks(j)]
    if lacking:
        lines.append(f"Without results, so that these sizes are not compared: {listed(lacking, LISTED)}.")
    return lines


def borne(findings: Findings, found: Robustness, j: int) -> str:
    """A method's level at the smallest common batch size and its change from the reference."""
    level, change = (outward(findings, i) for i in (found.interval(found.least, j), found.change(j)))
    assert level is not None
    assert change is not None
    whose = "" if change.low is None or change.high is None else f" ({signed(change.low)} to {signed(change.high)})"
    reference = found.batch_sizes[found.reference]
    return f"{findings.names[j]} {level.mean:.4f}, which is {signed(change.mean)}{whose} from batch size {reference}"


def against(findings: Findings, best: int) -> str:
    """How far the best is from its baseline or, where it has none, from the next best."""
    baseline = findings.baselines[best]
    other = findings.order[1] if baseline is None else baseline
    return f"; {findings.names[other]} has {findings.means[other].mean:.4f}"


def bounds(interval: Interval, level: float) -> str:
    return f"{level:.0%} interval {interval.low:.4f} to {interval.high:.4f}"


def gap(findings: Findings) -> Interval | None:
    """The difference between the best two means, over seeds; None without replicates.

    The results picked both, so that it is an interval that holds together with those of all pairs.
    """
    if not findings.replicated:
        return None
    best, second = findings.order[:2]
    level = all_pairs(len(findings.columns), findings.question.level).each
    return findings.difference(best, second, level).seeds


def apart(between: Interval) -> bool:
    """Whether the interval leaves out zero."""
    return between.low is not None and between.high is not None and not between.low <= 0 <= between.high


def sure(findings: Findings) -> list[str]:
    q = findings.question
    if len(findings.columns) < 2:
        return ["Nothing is compared."]
    seeds, units = len(findings.amounts.replicates), len(findings.unit_means)
    lines: list[str] = []
    if findings.replicated:
        lines += answers(findings, "here", f"On these {q.rows_name}, over {seeds} seeds")
    else:
        why = (
            "There is one seed only"
            if len(findings.amounts.replicates) < 2
            else "No two seeds have results of one method"
        )
        lines.append(f"{why}, so chance cannot be told from effect on these {q.rows_name}: no interval is given.")
    if units > 1:
        lines += answers(findings, "elsewhere", f"On other {q.units_name} like these {units}")
    lines += more(findings)
    if seeds < 5 or units < 5:
        few = [plural(seeds, "seed")] * (seeds < 5) + [q.counted_units(units)] * (units < 5)
        lines.append(f"These are only {' and '.join(few)}: read this as a first look.")
    return lines


def more(findings: Findings) -> list[str]:
    """What would decide the comparisons that are open."""
    q, found = findings.question, needs(findings)
    seeds, units = ([n for n in counts if n] for counts in ([n.seeds for n in found], [n.units for n in found]))
    lines: list[str] = []
    if seeds:
        lines.append(
            f"{max(seeds):,} seeds in all decide what is open on these {q.rows_name}, better, worse or equivalent "
            f"within {q.rope:g}: `normsweep power` writes the sweep."
        )
    if units:
        lines.append(f"{max(units):,} {q.units_name} like these, with as many seeds, decide what is open on others.")
    return lines


def answers(findings: Findings, where: Literal["here", "elsewhere"], start: str) -> list[str]:
    """The declared comparisons by their answer, all held together at the question's level."""
    q, family = findings.question, findings.comparisons
    by_answer: dict[Answer, list[Comparison]] = {}
    for comparison in family:
        by_answer.setdefault(getattr(comparison, where), []).append(comparison)
    parts = [
        listed([f"{findings.names[c.column]} {verb} {findings.names[c.against]}" for c in by_answer[kind]], NAMED)
        for kind, verb in VERBS.items()
        if kind in by_answer
    ]
    return [f"{start}, {q.level:.0%} sure of {'all of it together' if len(family) > 1 else 'it'}: {'; '.join(parts)}."]


def spoken(column: str) -> str:
    return column.replace("val_", "validation_").replace("_", " ")
