"""Verbs that ask results: `wins`, `export`, `analyze`, `report`, `paper`, `power`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import completion
from orchestrator.cli.options import (
    DEFAULT_ROOT,
    AllVersions,
    Json,
    Recorded,
    Root,
    Where,
    offering,
    print_answer,
    referring,
    selector_of,
    store_at,
)
from orchestrator.words import PAPERS

results_app = typer.Typer()


@results_app.command()
def wins(
    source: Annotated[
        str,
        typer.Argument(
            help="a recorded sweep or SWEEP@2, or any table: FILE.csv, .parquet, .feather or .jsonl",
            autocompletion=completion.tables,
        ),
    ],
    workspace: Root = DEFAULT_ROOT,
    rows: Annotated[
        str, typer.Option(help="columns that name a row, comma separated", autocompletion=completion.columns)
    ] = "",
    columns: Annotated[
        str, typer.Option(help="columns that name a method, comma separated", autocompletion=completion.columns)
    ] = "",
    value: Annotated[str, typer.Option(help="column that is compared, e.g. test_error")] = "",
    direction: Annotated[
        str,
        offering(
            completion.words("direction"), "which value is the best: min or max; default: as the sweep says, else min"
        ),
    ] = "",
    ties: Annotated[
        str,
        typer.Option(
            help="who wins when several methods are the best: shared, split or none",
            autocompletion=completion.words("ties"),
        ),
    ] = "",
    constant: Annotated[
        str,
        typer.Option(
            help="rows in which all methods are equal: count or skip", autocompletion=completion.words("constant")
        ),
    ] = "",
    skip: Annotated[str, typer.Option(help="rows to leave out, comma separated")] = "",
    within: Annotated[
        str, typer.Option(help="compare only methods that agree in these columns", autocompletion=completion.columns)
    ] = "",
    select: Annotated[
        str,
        typer.Option(help="columns of which the best value is selected, e.g. depth", autocompletion=completion.columns),
    ] = "",
    by: Annotated[
        str, typer.Option(help="column whose best value, in the same direction, --select takes; default: val_error")
    ] = "",
    average: Annotated[
        str, typer.Option(help="columns to average over, e.g. seed", autocompletion=completion.columns)
    ] = "",
    where: Where = None,
    all_versions: AllVersions = False,
    json_: Json = False,
) -> None:
    """Count how often each method is the best, in a sweep or in any table."""
    from orchestrator.ask.wins import count_wins

    given = {
        "rows": _listed(rows),
        "columns": _listed(columns),
        "value": value,
        "direction": direction,
        "ties": ties,
        "constant": constant,
        "skip": _listed(skip),
        "within": _listed(within),
        "select": _listed(select),
        "by": by,
        "average": _listed(average),
    }
    source = referring(source, all_versions)
    count_wins(
        store_at(workspace), source, {k: v for k, v in given.items() if v}, selector_of(where, of_table=True), json_
    )


@results_app.command()
def export(
    sweep: Recorded,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="the file to write: .csv, .parquet, .feather or .jsonl")
    ],
    workspace: Root = DEFAULT_ROOT,
    where: Where = None,
    all_versions: AllVersions = False,
    probes: Annotated[bool, typer.Option("--probes", help="what probes saw: one row per number")] = False,
    json_: Json = False,
) -> None:
    """Write the results as one file, one row per trial, in the form that its ending names."""
    from orchestrator.ask.export import exported

    written = exported(
        store_at(workspace), referring(sweep, all_versions), output, selector_of(where), of_probes=probes
    )
    _print(written, json_)


@results_app.command()
def analyze(
    sweep: Recorded,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="the folder to write to; default: in the workspace")
    ] = None,
    workspace: Root = DEFAULT_ROOT,
    only: Annotated[list[str] | None, typer.Option(help="write only this table or figure, e.g. methods")] = None,
    json_: Json = False,
) -> None:
    """Write the tables and figures of the analysis to a folder."""
    from orchestrator.ask.report import analyzed

    _print(analyzed(store_at(workspace), sweep, output, only or ()), json_)


@results_app.command()
def report(
    sweep: Recorded,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="the file to write, FILE.html; default: in the workspace")
    ] = None,
    workspace: Root = DEFAULT_ROOT,
    interim: Annotated[
        bool, typer.Option("--interim", help="report on a sweep that is not complete; the page says so")
    ] = False,
    json_: Json = False,
) -> None:
    """Write one HTML page: what was compared, who wins, how sure that is."""
    from orchestrator.ask.report import reported

    _print(reported(store_at(workspace), sweep, output, interim), json_)


@results_app.command()
def paper(
    paper: Annotated[
        str,
        typer.Argument(
            help=f"{', '.join(PAPERS[:-1])} or {PAPERS[-1]}",
            autocompletion=completion.one_of(*PAPERS),
        ),
    ],
    workspace: Root = DEFAULT_ROOT,
    json_: Json = False,
) -> None:
    """Show every table and figure of a paper: its preset, what is done here, what it costs and what it says."""
    from orchestrator.ask.paper import exhibits

    rows = exhibits(store_at(workspace), paper)
    print_answer(rows if json_ else [{k: "" if v is None else v for k, v in row.items()} for row in rows], json_)


@results_app.command()
def power(
    sweep: Recorded,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="the sweep file to write, with as many seeds as decide")
    ] = None,
    workspace: Root = DEFAULT_ROOT,
    json_: Json = False,
) -> None:
    """Say how many more seeds or data sets decide the comparisons that are open."""
    from orchestrator.ask.power import power as ask

    _print(ask(store_at(workspace), sweep, output), json_)


def _print(written: Any, as_json: bool) -> None:
    """What was written: a dataclass that is a sentence, too."""
    print_answer(asdict(written) if as_json else str(written), as_json)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
