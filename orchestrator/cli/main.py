"""The command line. Every verb imports what it needs when it runs, so that --help is instant."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import completion, interrupts
from orchestrator.cli.cluster import slurm_app
from orchestrator.cli.data import data_app
from orchestrator.cli.methods.plugin import plugin_app
from orchestrator.cli.options import (
    DEFAULT_ROOT,
    Json,
    Root,
    SameResults,
    Set,
    Sweep,
    Trained,
    Unreadable,
    Uri,
    Where,
    Yes,
    confirmation,
    number,
    print_answer,
    refusal,
    selector_of,
    spec_of,
    store_at,
)
from orchestrator.cli.results import results_app
from orchestrator.cli.tracking import compare_app, mlflow_app
from orchestrator.cli.watch import watch_app
from slurm.errors import SlurmError
from sweeps.errors import NormsweepError, UsageError

app = typer.Typer(
    name="normsweep",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)

app.add_typer(slurm_app)
app.add_typer(watch_app)
app.add_typer(results_app)
app.add_typer(compare_app)
app.add_typer(mlflow_app, name="mlflow")
app.add_typer(data_app, name="data")
app.add_typer(plugin_app, name="plugin")


USAGE = 2


@app.command()
def run(
    sweep: Trained,
    workspace: Root = DEFAULT_ROOT,
    set_: Set = None,
    where: Where = None,
    cpus: Annotated[int | None, number("--cpus", "cores to use; default: all", 1)] = None,
    gpus: Annotated[int, number("--gpus", "GPUs to use", 0)] = 0,
    mlflow: Annotated[bool, typer.Option(help="mirror the results to MLflow")] = True,
    tracking_uri: Uri = None,
    same_results: SameResults = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Train the trials that have no result, on this machine. Run it again to go on after any interruption."""
    from rich.console import Console

    from orchestrator.cli.live import Terminal
    from orchestrator.engine.run import run as run_sweep
    from sweeps.file.clauses import valid

    console = Console(soft_wrap=True, stderr=json_)
    store = store_at(workspace, patient=True)
    spec = spec_of(sweep, set_, store)
    summary = run_sweep(
        store,
        spec,
        Terminal(console),
        where=valid(selector_of(where)),
        cpus=cpus or len(os.sched_getaffinity(0)),
        gpus=gpus,
        tracking_uri=tracking_uri if mlflow else "none",
        confirm=confirmation(set_, yes, json_),
        same_results=same_results,
    )
    console.print(
        f"{spec.name}: {summary.done} of {summary.total} trials done"
        + (f" ({summary.diverged} diverged)" if summary.diverged else "")
        + (f", {summary.failed} failed" if summary.failed else "")
        + (f", {summary.cancelled} cancelled, see `normsweep retry`" if summary.cancelled else "")
        + (
            f"; {summary.given_up} packs lost their process too often, see `normsweep status`"
            if summary.given_up
            else ""
        ),
        highlight=False,
    )
    command = ""
    if mlflow:
        from orchestrator.mirror.sync import ui_command

        if command := ui_command(store.workspace, tracking_uri):
            console.print(f"MLflow: {command}", highlight=False)
    if json_:
        print_answer({"sweep": spec.name, **asdict(summary), "mlflow": command or None}, True)
    raise typer.Exit(summary.exit_code)


@app.command()
def check(
    sweep: Sweep,
    set_: Set = None,
    where: Where = None,
    cpus: Annotated[int | None, number("--cpus", "check that its packs fit into a run on so many cores", 1)] = None,
    gpus: Annotated[int | None, number("--gpus", "check that its packs fit into a run on so many GPUs", 0)] = None,
    site: Annotated[
        Path | None, typer.Option("--site", help="check that its packs fit into an allocation of this site file")
    ] = None,
    nodes: Annotated[int, number("--nodes", "nodes of the allocation that --site describes", 1)] = 1,
    json_: Json = False,
) -> None:
    """Find every mistake of a sweep before anything runs, and count its trials; change nothing."""
    from orchestrator.cluster.site import load
    from orchestrator.planning import room
    from orchestrator.planning.preview import checked

    if nodes > 1 and site is None:
        raise UsageError(f"--nodes={nodes} needs the site file of these nodes: add --site FILE")
    spec = spec_of(sweep, set_)
    answer = checked(spec, selector_of(where))
    if cpus or gpus is not None:
        room.on_machine(spec, cpus or len(os.sched_getaffinity(0)), gpus or 0)
    if site:
        profile = load(site)
        room.on_nodes(spec, profile.cpus, profile.gpus, nodes)
    _print_with_warnings(answer, json_)


@app.command()
def plan(
    sweep: Trained,
    workspace: Root = DEFAULT_ROOT,
    set_: Set = None,
    where: Where = None,
    device: Annotated[str, typer.Option(help="GPU whose hours are estimated, such as a100; default: h200")] = "",
    json_: Json = False,
) -> None:
    """Show what a run would train and what it would cost: trials and packs, done and to do; change nothing."""
    from orchestrator.planning.preview import planned

    store = store_at(workspace)
    answer = planned(store, spec_of(sweep, set_, store), selector_of(where), device)
    _print_with_warnings(answer, json_)


@app.command()
def sync(
    workspace: Root = DEFAULT_ROOT,
    tracking_uri: Uri = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="ask MLflow for all its runs instead of trusting the journal: finds runs that were deleted or "
            "doubled there",
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Bring MLflow up to date with the ledger. Repeat at will."""
    from orchestrator.mirror.sync import sync as mirror

    result = mirror(store_at(workspace).workspace, uri=tracking_uri, verify=verify)
    print_answer(asdict(result) if json_ else str(result), json_)


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            help="presets, datasets, normalizers, activations, models, optimizers, schedules, augmentations, metrics, "
            "probes; or the keys of a sweep file (settings, run, analysis) or of a site file (site)",
            autocompletion=completion.lists,
        ),
    ],
    json_: Json = False,
) -> None:
    """List the names that a sweep file may use, or the keys of a file that you write."""
    from orchestrator.ask.vocabulary import listed

    print_answer(listed(what), json_)


@app.command()
def schema(
    what: Annotated[
        str, typer.Argument(help="sweep or site: the kind of file", autocompletion=completion.one_of("sweep", "site"))
    ],
) -> None:
    """Print the JSON Schema of a sweep file or of a site file, with which an editor completes and checks it."""
    from orchestrator.ask import vocabulary

    print_answer(vocabulary.schema(what), True)


def _print_version(wanted: bool) -> None:
    if wanted:
        from orchestrator.version import code_version

        print(f"normsweep {code_version()}")
        raise typer.Exit


@app.callback()
def normsweep(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and end")
    ] = False,
) -> None:
    """Train thousands of networks that differ in their normalization, and say what the results mean."""


def main() -> None:
    """The console script. Exit code 2 and one sentence a problem for the errors of `sweeps.errors` and `slurm.errors`
    and for a line that cannot be read; 130 or 143 and one sentence for an interrupt; anything else is a bug: its
    traceback, where to report it, exit code 1."""
    if sys.argv[1:2] != ["run"]:  # whose training hears of interrupts in its own way
        interrupts.unwind()
    try:
        sys.exit(app(prog_name="normsweep", standalone_mode=False))
    except (NormsweepError, SlurmError) as error:
        print(f"normsweep: {error}", file=sys.stderr)
        sys.exit(USAGE)
    except Unreadable as error:
        if told := refusal(error):
            print(f"normsweep: {told}", file=sys.stderr)
        sys.exit(USAGE)
    except typer.Abort:  # a question was answered with no
        print("normsweep: nothing was done", file=sys.stderr)
        sys.exit(USAGE)
    except interrupts.Interrupted as interrupt:
        interrupts.say()
        sys.exit(128 + interrupt.number)
    except OSError as error:
        if not _is_refusal(error):
            _report()
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"normsweep: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(USAGE)
    except Exception:
        _report()
        raise
    finally:
        interrupts.over()


def _is_refusal(error: OSError) -> bool:
    """Whether the system refuses a file for what it is, for lack of a right or of room: not a fault of the program."""
    from orchestrator.store.files import refused

    kinds = (PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError)
    return refused(error) or (error.filename is not None and isinstance(error, kinds))


def _report() -> None:
    from orchestrator.version import code_version

    print(
        f"normsweep {code_version()}: this is a bug. What follows says where; please report it with the command that "
        "you typed.",
        file=sys.stderr,
    )


def _print_with_warnings(answer: dict[str, Any], as_json: bool) -> None:
    warnings = answer["warnings"] if as_json else answer.pop("warnings")
    print_answer(answer, as_json)
    if not as_json:
        for warning in warnings:
            print(f"warning: {warning}")


if __name__ == "__main__":
    main()
