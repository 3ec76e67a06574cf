"""The verbs that watch and steer a sweep: status, why, logs, errors, retry, cancel."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.options import (
    DEFAULT_ROOT,
    AllVersions,
    AnyRecorded,
    Json,
    Recorded,
    Root,
    Where,
    Yes,
    print_answer,
    referring,
    selector_of,
    store_at,
    teller,
)
from sweeps.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.steer.cancel import Cancellation
    from orchestrator.steer.retry import Retry
    from orchestrator.store import Store
    from sweeps.select import Selector

watch_app = typer.Typer()

Trial = Annotated[str, typer.Argument(help="a trial's id (6 digits or more), or a selector that names one trial")]
Of = Annotated[str | None, typer.Option("--sweep", help="look among the trials of this sweep, or SWEEP@2")]

ASKED = 20  # trials that are retried or cancelled without a question


@watch_app.command()
def status(
    sweep: AnyRecorded = None,
    workspace: Root = DEFAULT_ROOT,
    watch: Annotated[
        bool, typer.Option("--watch", help="refresh every 2 s, until the sweep is over or Ctrl-C")
    ] = False,
    where: Where = None,
    all_versions: AllVersions = False,
    json_: Json = False,
) -> None:
    """Show data sets by normalizers: done, running, to do, cost. Exit code 3 if incomplete, 4 if a trial failed."""
    from orchestrator.cli import status_view
    from orchestrator.watch.status import StatusBoard

    if watch and json_:
        raise UsageError("--watch and --json exclude each other: leave one of them out")
    if sweep:
        referring(sweep, all_versions)
    board = StatusBoard(store_at(workspace), sweep, selector_of(where), all_versions=all_versions)
    if watch:
        found = status_view.watch(board)
    else:
        found = board.look()
        if json_:
            print_answer([s.as_json() for s in found], json_)
        else:
            status_view.show(found)
    raise typer.Exit(max((s.exit_code for s in found), default=0))


@watch_app.command()
def why(trial: Trial, workspace: Root = DEFAULT_ROOT, sweep: Of = None, json_: Json = False) -> None:
    """Explain one trial: its settings, its state and the reason for it, its attempts."""
    from orchestrator.watch import why as of_trial

    answer = of_trial.why(store_at(workspace), trial, sweep)
    print_answer(answer if json_ else of_trial.lines(answer), json_)


@watch_app.command()
def logs(
    trial: Annotated[
        str, typer.Argument(help="the id of a pack, a trial or a SLURM job, or a selector that names one trial")
    ],
    workspace: Root = DEFAULT_ROOT,
    sweep: Of = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="keep printing until the pack has its result or the job is over")
    ] = False,
    json_: Json = False,
) -> None:
    """Show the log of a pack with its failures, or the log of a SLURM job."""
    from orchestrator.watch.logs import logs as lines_of

    if follow and json_:
        raise UsageError("--follow and --json exclude each other: leave one of them out")
    lines = lines_of(store_at(workspace), trial, sweep=sweep, follow=follow)
    if json_:
        print_answer({"lines": [*lines]}, True)
        return
    for line in lines:
        print(line, flush=True)


@watch_app.command()
def errors(sweep: AnyRecorded = None, workspace: Root = DEFAULT_ROOT, where: Where = None, json_: Json = False) -> None:
    """Show failures, alike ones counted together, each with an example and a way out; and what interruptions cost."""
    from orchestrator.watch import failures as of_sweep

    store = store_at(workspace)
    groups = of_sweep.errors(store, sweep, selector_of(where), tell=lambda problem: print(problem, file=sys.stderr))
    if json_:
        print_answer([g.as_json() for g in groups], json_)
        return
    beside = (of_sweep.failed_jobs(store, sweep), of_sweep.interrupted(store, sweep))
    print_answer("\n".join(text for text in (of_sweep.lines(groups), *beside) if text), json_)


@watch_app.command()
def retry(
    sweep: Recorded,
    workspace: Root = DEFAULT_ROOT,
    where: Where = None,
    other_source: Annotated[
        bool,
        typer.Option(
            "--other-source", help="results that were made before the code was edited; the others too only with -w"
        ),
    ] = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Have the next run train failed, given-up or cancelled trials again."""
    from orchestrator.cluster.submissions import submissions
    from orchestrator.steer.retry import retrial

    place = store_at(workspace)
    then = f"next: normsweep {'submit' if submissions(place) else 'run'} {sweep}"
    chosen = selector_of(where) if other_source else _needed(where, "state=failed")
    _carry_out(retrial(place, sweep, chosen, other_source=other_source), yes, then, json_)


@watch_app.command()
def cancel(
    sweep: Recorded,
    workspace: Root = DEFAULT_ROOT,
    where: Where = None,
    jobs: Annotated[bool, typer.Option("--jobs", help="end the sweep's SLURM jobs; no trial is cancelled")] = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Do not train the selected trials that have no result; running ones save and stop. `retry` takes it back."""
    from orchestrator.steer.cancel import cancellation

    if jobs:
        if where:
            raise UsageError("--jobs ends all jobs of the sweep and takes no -w: leave one of them out")
        _end_jobs(store_at(workspace), sweep, json_)
        return
    back = f"undone by: normsweep retry {sweep} -w state=cancelled"
    _carry_out(cancellation(store_at(workspace), sweep, _needed(where, "normalizer=bn")), yes, back, json_)


def _end_jobs(store: Store, sweep: str, as_json: bool) -> None:
    from orchestrator.cluster.jobs import cancel_jobs

    store.sweeps.latest(sweep)
    ended = cancel_jobs(store, sweep)
    told = f"asked SLURM to end {', '.join(ended)}; what packs saved stays" if ended else "no job waits or runs"
    print_answer({"sweep": sweep, "jobs": ended} if as_json else told, as_json)


def _needed(where: Sequence[str] | None, example: str) -> Selector:
    selector = selector_of(where)
    if not selector:
        raise UsageError(f"say which trials: -w '{example}'")
    return selector


def _carry_out(intended: Cancellation | Retry, yes: bool, then: str, as_json: bool) -> None:
    """Says what will be done, asks when it is much, does it, says how to go on."""
    tell = teller(as_json)
    tell(str(intended))
    if intended.count > ASKED and not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"nothing was done: more than {ASKED} trials need --yes")
        typer.confirm("Go on?", abort=True, err=as_json)
    answer = intended.as_json()
    if intended.count:
        intended.apply()
        tell(f"recorded; {then}")
    if as_json:
        print_answer(answer, True)
