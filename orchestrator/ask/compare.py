"""`normsweep compare`: asks MLflow, in its own filter language, who wins; the ledger answers the same from Parquet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator.store import Store
from orchestrator.store.results import complete, whole
from orchestrator.store.sweeps import name_of
from orchestrator.words import counted
from sweeps.errors import UsageError
from sweeps.probes import PARTS
from sweeps.select import Selector, is_trial_field
from sweeps.words.near import one_of

if TYPE_CHECKING:
    import pandas as pd

    from analysis.findings import Findings
    from analysis.question import Question
    from orchestrator.ask.frame import Progress

SOURCES = ("mlflow", "ledger")


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One line a method, best mean first; `note` says over what, and what the numbers are."""

    source: str
    runs: int
    lines: list[dict[str, Any]]
    note: str
    direction: str = "min"
    below: tuple[str, ...] = ()  # what was not counted, or how: diverged, failed and missing trials

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "runs": self.runs,
            "note": self.note,
            "direction": self.direction,
            "methods": self.lines,
            "below": list(self.below),
        }


def compare(
    store: Store,
    sweeps: Sequence[str] = (),
    *,
    by: Sequence[str] = (),
    query: str = "",
    where: Selector | None = None,
    source: str = "mlflow",
    uri: str | None = None,
    metric: str = "",
    baseline: str = "",
    progress: Progress | None = None,
) -> Comparison:
    """Wins, mean difference with its interval, and mean ranks of methods, over all trials of some sweeps (all: none).

    `by`: the columns that name a method. `where` is the selector of `-w`, asked of this workspace's ledger. `query` is
    in MLflow's filter language, such as `params.dataset = 'adult' and metrics.test_error < 0.2`. What is not given is
    as the first sweep's analysis says.
    Differences are from the baseline, or from the best mean where there is none, paired; their intervals are over seeds
    where there are several, else over rows. Raises UsageError for a bad question, UnavailableError without MLflow.
    """
    from orchestrator.ask.aside import aside

    one_of("source", source, SOURCES)
    if source == "ledger" and uri:
        raise UsageError("a tracking URI says where MLflow is: leave it out, or ask with the source mlflow")
    if source == "mlflow":
        from orchestrator.ask.from_mlflow import from_mlflow

        frame = from_mlflow(store.workspace, uri, sweeps, query, progress)
    else:
        from orchestrator.ask.from_ledger import from_ledger

        frame = from_ledger(store, sweeps, query)
    names = list(sweeps) or store.sweeps.names()
    lacking = _unmirrored(store, names, query, frame) if source == "mlflow" else []
    if where:
        chosen = {trial for name in names for trial in whole(store, name, where=where)["trial_id"].to_pylist()}
        frame = frame.loc[frame["trial_id"].isin(list(chosen))].reset_index(drop=True)
    if frame.empty:
        asked = f"sweep {', '.join(sweeps)}" if sweeps else "any sweep"
        told = f" with {query}" * bool(query) + f" that -w {where} selects" * bool(where)
        hint = "; MLflow compares settings as texts (params.lr = '0.01'): -w lr=1e-2 reads them as numbers"
        raise UsageError(f"{source} has no finished trial of {asked}{told}" + hint * ("params." in query))
    question = _question(store, sweeps, by, metric, baseline)
    frame = _with_columns(frame, store, names, (*by, *question.select, question.metric, question.by))
    below = [*lacking, *aside(store, names, frame, question.diverged, where)]
    try:
        found = answer(frame, question, source, baseline)
    except UsageError as error:
        raise UsageError("; ".join((str(error), *below))) from None
    return replace(found, below=(*found.below, *below))


def _unmirrored(store: Store, sweeps: Sequence[str], query: str, frame: pd.DataFrame) -> list[str]:
    """A line about finished trials of this workspace that the frame, of MLflow's runs, lacks."""
    from orchestrator.ask.from_ledger import from_ledger

    recorded = [name for name in sweeps if name_of(name) in store.sweeps.names()]
    try:
        finished = {*from_ledger(store, recorded, query)["trial_id"]} if recorded else set[str]()
    except UsageError:  # MLflow's filter language is larger
        return []
    number = len(finished - {*frame["trial_id"]})
    return (
        [f"{counted(number, 'finished trial')} not in MLflow yet: `normsweep sync` shows them there"] if number else []
    )


def _with_columns(frame: pd.DataFrame, store: Store, sweeps: Sequence[str], wanted: Sequence[str]) -> pd.DataFrame:
    """The frame with the settings, options and metrics of plug-ins that are wanted and that it lacks, as the ledger has
    them."""
    from analysis.frame import with_column

    for name in wanted:
        setting = is_trial_field(name)
        if name in frame or not (setting or name.startswith(tuple(f"{part}_" for part in PARTS))):
            continue
        values: dict[str, Any] = {}
        for sweep in sweeps if setting else [each for each in sweeps if name_of(each) in store.sweeps.names()]:
            rows = complete(store, sweep)[0]
            if name in rows.column_names:
                values |= zip(rows["trial_id"].to_pylist(), rows[name].to_pylist(), strict=True)
        column = [values.get(trial) for trial in frame["trial_id"]]
        if setting:
            frame = with_column(frame, name, column)
        elif values:
            frame = frame.assign(**{name: [math.nan if value is None else value for value in column]})
    return frame


def _question(store: Store, sweeps: Sequence[str], by: Sequence[str], metric: str, baseline: str) -> Question:
    from analysis.question import Question

    version = store.sweeps.newest(name_of(sweeps[0])) if sweeps else None
    asked = Question.of(version.analysis) if version else Question()
    return replace(
        asked,
        columns=tuple(by) or asked.columns,
        metric=metric or asked.metric,
        baseline=baseline or asked.baseline,
    )


def answer(frame: pd.DataFrame, question: Question, source: str, baseline: str = "") -> Comparison:
    """`baseline`: one that must be among the methods."""
    from analysis.comparing.families import Family, all_pairs
    from analysis.findings import Findings
    from analysis.showing.summary import alike, unequal

    found = Findings(frame, question)
    q = found.question
    below = [*alike(found), *unequal(found)]
    if baseline:
        _refuse_absent(baseline, q, found.columns)
    mean_ranks = found.ranked.mean(axis=0)
    best = found.order[0]
    references = found.baselines
    family = Family([(j, b) for j, b in enumerate(references) if b is not None], q.level)
    # Without a baseline among the methods, the best one is what the others are compared with.
    if all(b is None for b in references):
        references = [None if j == best else best for j in range(len(found.columns))]
        family = all_pairs(len(found.columns), q.level)
        if q.baseline and len(found.columns) > 1:
            below.append(f"no method has the baseline {q.baseline}: differences are from the best mean")
    lines: list[dict[str, Any]] = []
    for j in found.order:
        line: dict[str, Any] = {
            "method": found.names[j],
            "wins": found.wins.wins[j],
            "mean": found.means[j].mean,
            "rank": float(mean_ranks[j]),
        }
        lines.append(line | _difference(found, j, references[j], family.each))
    rows = len(found.scores.rows)
    if len(family) > 1:
        below.append(f"{len(family)} comparisons are tested: all intervals hold together at {q.level:.0%}")
    note = f"{q.metric_name} over {rows} {q.rows_name}, {len(found.amounts.replicates)} seeds; {q.better} is better"
    return Comparison(source=source, runs=len(frame), lines=lines, note=note, direction=q.direction, below=tuple(below))


def _refuse_absent(baseline: str, question: Question, columns: Sequence[tuple[Any, ...]]) -> None:
    if "normalizer" not in question.columns:
        raise UsageError(
            f"the baseline {baseline} is a normalizer, and these methods differ in {', '.join(question.columns)}: "
            "leave the baseline out, or name normalizer in --by"
        )
    one_of("baseline", baseline, (str(column[question.columns.index("normalizer")]) for column in columns))


def _difference(found: Findings, j: int, reference: int | None, level: float) -> dict[str, Any]:
    against = None if reference is None else found.names[reference]
    difference = None if reference is None else found.difference(j, reference, level)
    if difference is None or not difference.rows.n:  # no seed that both have
        return {"against": against} | dict.fromkeys(("difference", "low", "high", "over"))
    interval = difference.seeds or difference.rows
    return {
        "against": against,
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "over": "seeds" if difference.seeds else "rows",
    }
