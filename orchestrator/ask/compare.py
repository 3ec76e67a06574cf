"""`normsweep compare`: asks MLflow, in its own filter language, who wins; the ledger answers the same from Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator.store import Store
from sweeps.errors import UsageError
from sweeps.words.near import unknown

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

    def as_json(self) -> dict[str, Any]:
        return {"source": self.source, "runs": self.runs, "note": self.note, "methods": self.lines}


def compare(
    store: Store,
    sweeps: Sequence[str] = (),
    *,
    by: Sequence[str] = (),
    query: str = "",
    source: str = "mlflow",
    uri: str | None = None,
    metric: str = "",
    baseline: str = "",
    progress: Progress | None = None,
) -> Comparison:
    """Wins, mean difference with its interval, and mean ranks of methods, over all trials of some sweeps (all: none).

    `by`: the columns that name a method. `query` is in MLflow's filter language, such as
    `params.dataset = 'adult' and metrics.test_error < 0.2`. What is not given is as the first sweep's analysis says.
    Differences are from the baseline, or from the best mean where there is none, paired; their intervals are over seeds
    where there are several, else over rows. Raises UsageError for a bad question, UnavailableError without MLflow.
    """
    if source not in SOURCES:
        raise UsageError(unknown("source", source, SOURCES))
    if source == "mlflow":
        from orchestrator.ask.from_mlflow import from_mlflow

        frame = from_mlflow(store.workspace, uri, sweeps, query, progress)
    else:
        from orchestrator.ask.from_ledger import from_ledger

        frame = from_ledger(store, sweeps, query)
    if frame.empty:
        asked = f"sweep {', '.join(sweeps)}" if sweeps else "any sweep"
        raise UsageError(f"{source} has no finished trial of {asked}" + (f" with {query}" if query else ""))
    return answer(frame, _question(store, sweeps, by, metric, baseline), source)


def _question(store: Store, sweeps: Sequence[str], by: Sequence[str], metric: str, baseline: str) -> Question:
    from analysis.question import Question

    version = store.sweeps.newest(sweeps[0].partition("@")[0]) if sweeps else None
    asked = Question.of(version.sweep.analysis) if version else Question()
    return replace(
        asked,
        columns=tuple(by) or asked.columns,
        metric=metric or asked.metric,
        baseline=baseline or asked.baseline,
    )


def answer(frame: pd.DataFrame, question: Question, source: str) -> Comparison:
    from analysis.findings import Findings

    found = Findings(frame, question)
    q = found.question
    mean_ranks = found.ranked.mean(axis=0)
    best = found.order[0]
    references = [q.baseline_of(column, found.columns) for column in found.columns]
    # Without a baseline among the methods, the best one is what the others are compared with.
    if not any(references):
        references = [None if j == best else found.columns[best] for j in range(len(found.columns))]
    lines: list[dict[str, Any]] = []
    for j in found.order:
        line: dict[str, Any] = {
            "method": found.names[j],
            "wins": found.wins.wins[j],
            "mean": found.means[j].mean,
            "rank": float(mean_ranks[j]),
        }
        lines.append(line | _difference(found, j, references[j]))
    rows = len(found.scores.rows)
    note = f"{q.metric_name} over {rows} {q.rows_name}, {len(found.amounts.replicates)} seeds; {q.better} is better"
    return Comparison(source=source, runs=len(frame), lines=lines, note=note)


def _difference(found: Findings, j: int, reference: tuple[Any, ...] | None) -> dict[str, Any]:
    difference = found.difference(j, reference)
    if difference is None:
        return dict.fromkeys(("against", "difference", "low", "high", "over"))
    interval = difference.seeds or difference.rows
    return {
        "against": found.names[found.columns.index(difference.baseline)],
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "over": "seeds" if difference.seeds else "rows",
    }
