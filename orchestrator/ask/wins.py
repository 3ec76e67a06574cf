"""`normsweep wins`: the counting of `analysis.wins` on a recorded sweep or on any table a user has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.store import Store
from sweeps.select import Selector

if TYPE_CHECKING:
    from analysis.statistics.win_table import WinTable

_TABLES = (".csv", ".parquet")


def win_table(
    store: Store, source: str, given: Mapping[str, Any], where: Selector | None
) -> tuple[WinTable, dict[str, Any]]:
    """The win table, and the options of `analysis.wins` that it was counted with.

    What is not given comes from the sweep's analysis section, or from `analysis.wins`.
    """
    import pandas as pd

    from analysis.frame import load, named_methods, with_fields
    from analysis.statistics.win_table import wins

    if Path(source).suffix.lower() in _TABLES:
        frame, options = load(Path(source)), dict[str, Any](given)
    else:
        from analysis.question import Question
        from orchestrator.store.results import whole

        frame = named_methods(with_fields(whole(store, source, more=["trial"]).to_pandas()))
        question = Question.of(store.sweeps.needed(source).sweep.analysis).resolved(frame)
        asked: dict[str, Any] = {
            "rows": question.rows,
            "columns": question.columns,
            "value": question.metric,
            "direction": question.direction,
            "ties": question.ties,
            "constant": question.constant,
            "skip": question.skip,
            "select": question.select,
            "by": question.by,
            "average": question.average,
            "diverged": question.diverged,
        }
        options = asked | dict[str, Any](given)
    if where:
        frame = pd.DataFrame(frame[[where.matches(row) for row in frame.to_dict("records")]])
    return wins(frame, **options), options


def count_wins(store: Store, source: str, given: Mapping[str, Any], where: Selector | None, as_json: bool) -> None:
    """Prints the win table."""
    table, options = win_table(store, source, given, where)
    if as_json:
        print(json.dumps(table.as_json(), indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    each = " × ".join(options.get("rows", ("dataset",)))
    title = f"wins on {len(table.counted)} rows, one for each {each}"
    shown = Table("method", "wins", title=title, title_justify="left", box=None)
    best = max(table.wins)
    for row, count in zip(table.as_json(), table.wins, strict=True):
        shown.add_row(str(row["column"]), str(row["wins"]), style="bold" if count == best else "")
    console = Console(soft_wrap=True)
    console.print(shown)
    for words, rows in (
        ("lack a method, not counted", table.incomplete),
        ("left out as asked", table.skipped),
        ("lack a method, left out of their mean", table.partial),
    ):
        if rows:
            console.print(
                f"{len(rows)} rows {words}: " + "; ".join(", ".join(map(str, r)) for r in rows), highlight=False
            )
