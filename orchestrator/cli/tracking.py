"""`normsweep mlflow up|down|status` and `normsweep compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import completion
from orchestrator.cli.options import (
    DEFAULT_ROOT,
    AllVersions,
    Json,
    Root,
    Uri,
    Where,
    number,
    print_answer,
    referring,
    selector_of,
    store_at,
)

if TYPE_CHECKING:
    from orchestrator.ask.compare import Comparison
    from orchestrator.mirror.server import Server

mlflow_app = typer.Typer(
    help="Start, stop or find an MLflow server for this workspace, on this machine only.", no_args_is_help=True
)
compare_app = typer.Typer()

Backend = Annotated[
    str | None,
    typer.Option(
        help="the server's database, postgresql://... or sqlite:///...; default: a SQLite file in the workspace",
        envvar="MLFLOW_BACKEND_STORE_URI",
    ),
]


@mlflow_app.command("up")
def up_(
    workspace: Root = DEFAULT_ROOT,
    backend: Backend = None,
    port: Annotated[int, number("--port", "the port to listen on; 0: any free one", 0, 65535)] = 5000,
    password: Annotated[bool, typer.Option("--password", help="ask every client for a name and a password")] = False,
    json_: Json = False,
) -> None:
    """Start the server and wait until it answers. Does nothing if one is running."""
    from orchestrator.mirror.server import up
    from orchestrator.mirror.sync import pages

    place = store_at(workspace).workspace
    server = up(place, backend=backend, port=port, password=password)
    found = pages(place, server.uri)
    if json_:
        print_answer({**_named(server), "pages": found}, True)
        return
    print_answer(_sentence(server), False)
    for sweep, page in found.items():
        print_answer(f"{sweep}: {page}", False)


@mlflow_app.command("down")
def down_(workspace: Root = DEFAULT_ROOT, json_: Json = False) -> None:
    """Stop the server."""
    from orchestrator.mirror.server import down

    stopped = down(store_at(workspace).workspace)
    print_answer({"stopped": stopped} if json_ else "stopped" if stopped else "no server runs", json_)


@mlflow_app.command("status")
def status_(workspace: Root = DEFAULT_ROOT, json_: Json = False) -> None:
    """Show where the server is. Exit code 3 if none is running."""
    from orchestrator.mirror.server import running

    server = running(store_at(workspace).workspace)
    if json_:
        print_answer(_named(server) if server else {"uri": None}, True)
    else:
        print_answer(_sentence(server) if server else "no server runs: `normsweep mlflow up` starts one", False)
    raise typer.Exit(0 if server else 3)


def _named(server: Server) -> dict[str, str | None]:
    return {"uri": server.uri, "backend": server.backend, "password_file": server.password_file}


def _sentence(server: Server) -> str:
    lines = [f"MLflow serves {server.backend} at {server.uri}", f"export MLFLOW_TRACKING_URI={server.uri}"]
    if server.password_file is not None:
        lines.append(f'export MLFLOW_TRACKING_USERNAME=admin MLFLOW_TRACKING_PASSWORD="$(cat {server.password_file})"')
    return "\n".join(lines)


@compare_app.command()
def compare(
    sweeps: Annotated[
        list[str] | None,
        typer.Argument(
            help="recorded sweeps, or versions of them: SWEEP@2; default: all", autocompletion=completion.recorded
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="columns that name a method, comma separated", autocompletion=completion.columns)
    ] = "",
    where: Where = None,
    filter_: Annotated[
        str,
        typer.Option(
            "--filter",
            help="MLflow's filter, in which settings are texts: \"params.lr = '0.01' and metrics.seconds < 9\"",
        ),
    ] = "",
    metric: Annotated[
        str, typer.Option(help="metric that is compared, e.g. test_error", autocompletion=completion.words("metric"))
    ] = "",
    baseline: Annotated[
        str, typer.Option(help="the normalizer that differences are taken from", autocompletion=completion.normalizers)
    ] = "",
    source: Annotated[
        str,
        typer.Option(
            help="mlflow, or ledger: same answer, without MLflow", autocompletion=completion.one_of("mlflow", "ledger")
        ),
    ] = "mlflow",
    tracking_uri: Uri = None,
    workspace: Root = DEFAULT_ROOT,
    all_versions: AllVersions = False,
    json_: Json = False,
) -> None:
    """Compare methods: wins, mean differences with intervals, ranks. Asks MLflow, or the ledger."""
    from rich.console import Console

    from orchestrator.ask.compare import compare as ask

    console, store = Console(stderr=True), store_at(workspace)
    with console.status("asking") as status:
        comparison = ask(
            store,
            [referring(sweep, all_versions) for sweep in sweeps or store.sweeps.names() * all_versions],
            by=[part.strip() for part in by.split(",") if part.strip()],
            query=filter_,
            where=selector_of(where),
            source=source,
            uri=tracking_uri,
            metric=metric,
            baseline=baseline,
            progress=lambda runs: status.update(f"{runs} runs read"),
        )
    if json_:
        print_answer(comparison.as_json(), True)
    else:
        _show(comparison)


def _show(comparison: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("method", "wins", "mean", "difference", "interval", "rank", box=None, title_justify="left")
    table.title = f"{comparison.note}; {comparison.runs} runs of {comparison.source}"
    for line in comparison.lines:
        table.add_row(
            line["method"],
            f"{line['wins']:g}",
            f"{line['mean']:.4f}",
            "" if line["difference"] is None else f"{line['difference']:+.4f} to {line['against']}",
            "" if line["low"] is None else f"{line['low']:+.4f} .. {line['high']:+.4f} over {line['over']}",
            f"{line['rank']:.2f}",
        )
    console = Console(soft_wrap=True)
    console.print(table)
    for line in comparison.below:
        console.print(line, highlight=False, markup=False)
