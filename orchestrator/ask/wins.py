"""`normsweep wins`: the counting of `analysis.wins` on a recorded sweep or on any table a user has."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.store import Store
from orchestrator.store.sweeps import name_of
from orchestrator.words import counted
from sweeps.errors import UsageError
from sweeps.file.clauses import valid
from sweeps.file.spec import names_file
from sweeps.select import Selector

if TYPE_CHECKING:
    import pandas as pd

    from analysis.statistics.win_table import WinTable

ROLES = ("rows", "columns", "select", "average")  # options that name columns


def win_table(
    store: Store, source: str, given: Mapping[str, Any], where: Selector | None
) -> tuple[WinTable, dict[str, Any], list[str]]:
    """The win table, the options of `analysis.wins` that it was counted with, and what stands below it.

    What is not given comes from the sweep's analysis section, or from `analysis.wins`.
    """
    from analysis.statistics.win_table import wins
    from analysis.table_file import ENDINGS, load
    from orchestrator.ask.aside import aside, ended

    if Path(source).suffix.lower() in ENDINGS or (
        Path(source).is_file() and not names_file(source) and name_of(source) not in store.sweeps.names()
    ):
        frame, options = load(Path(source)), dict[str, Any](given)
        if where:
            frame = frame.loc[[where.matches(row) for row in frame.to_dict("records")]]
        below = ended(frame, options.get("diverged", "loss"))
    else:
        frame, options = _recorded(store, source, given, valid(where))
        below = aside(store, [source], frame, options["diverged"], where)
    if "by" in given and not options.get("select"):
        raise UsageError("`by` says which value is selected, and nothing is: name columns in `select`, too")
    try:
        return wins(frame, **options), options, below
    except UsageError as error:
        raise UsageError("; ".join((str(error), *below))) from None


def _recorded(
    store: Store, sweep: str, given: Mapping[str, Any], where: Selector | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The results of a sweep, and what its analysis section asks, but for what is given."""
    from analysis.frame import named_methods, of_every_activation, with_fields
    from analysis.question import Question
    from orchestrator.store.results import whole

    wanted = {name for role in ROLES for name in given.get(role, ())}
    question = Question.of(store.sweeps.needed(sweep).analysis)
    pooled = {*given.get("select", question.select), *given.get("average", question.average)}
    frame = with_fields(whole(store, sweep, more=["trial"], where=where).to_pandas(), wanted | question.named)
    frame = named_methods(frame, pooled)
    question = question.resolved(frame)
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
    asked |= dict[str, Any](given)
    return of_every_activation(frame, (*asked["rows"], *asked["average"])), asked


def count_wins(store: Store, source: str, given: Mapping[str, Any], where: Selector | None, as_json: bool) -> None:
    """Prints the win table."""
    table, options, below = win_table(store, source, given, where)
    if as_json:
        print(json.dumps(table.as_json(), indent=2))
        print(*below, sep="\n", end="\n" * bool(below), file=sys.stderr)
        return
    from rich.console import Console
    from rich.table import Table

    each = " × ".join(options.get("rows", ("dataset",)))
    better = f"{'lower' if table.direction == 'min' else 'higher'} {options.get('value', 'test_error')} is better"
    title = f"wins on {counted(len(table.counted), 'row')}, one for each {each}; {better}"
    shown = Table("method", "wins", title=title, title_justify="left", box=None)
    best = max(table.wins)
    for row, count in zip(table.as_json(), table.wins, strict=True):
        shown.add_row(str(row["column"]), str(row["wins"]), style="bold" if count == best else "")
    console = Console(soft_wrap=True)
    console.print(shown)
    for words, rows in (
        ("without a method, not counted", table.incomplete),
        ("left out as asked", table.skipped),
    ):
        if rows:
            below.insert(0, f"{counted(len(rows), 'row')} {words}: " + "; ".join(", ".join(map(str, r)) for r in rows))
    if table.partial:
        blocks = "; ".join(", ".join(map(str, r)) for r in table.partial)
        below.insert(
            0, f"{counted(len(table.partial), 'block')} without a method, whose mean is over its others: {blocks}"
        )
    for line in below:
        console.print(line, highlight=False, markup=False)
