"""`normsweep run`: plan, train what is lacking, mirror to MLflow. Run it again and it goes on where it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from orchestrator.mirror import uri as mirror_uri
from orchestrator.planning import room
from orchestrator.planning.plan import commit
from orchestrator.store.decisions import Decisions
from orchestrator.store.leases import forget_finished
from orchestrator.store.ledger import Ledger
from orchestrator.store.workspace import Workspace
from sweeps.select import Selector
from sweeps.spec import SweepSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Trials of the sweep by state after a run, and how the run ended."""

    total: int
    done: int
    failed: int
    stopped: bool
    given_up: int
    cancelled: int = 0

    @property
    def exit_code(self) -> int:
        """0 done, 3 incomplete, 4 failures."""
        if self.done + self.failed < self.total:
            return 3
        return 4 if self.failed else 0


def run(
    workspace: Workspace,
    spec: SweepSpec,
    console: Console,
    *,
    where: Selector | None = None,
    cpus: int | None = None,
    gpus: int = 0,
    tracking_uri: str | None = None,
    mirrored: bool = True,
) -> Summary:
    """Trains every trial of the sweep that the ledger lacks. UsageError for bad input, before anything is written."""
    from orchestrator.cli.live import RunProgress
    from orchestrator.engine.driver import Outcome, Resources, drive, lacking

    cores = cpus or len(os.sched_getaffinity(0))
    room.on_machine(spec, cores, gpus)
    if mirrored:
        mirror_uri.tracking_uri(workspace, tracking_uri)  # refuses a bad one
    planned, roster, changed = commit(workspace, spec, where)
    if changed:
        console.print(f"sweep {spec.name} changed:", *(f"\n  {line}" for line in changed), highlight=False)
    ledger = Ledger(workspace)
    for sentence in ledger.set_torn_aside(p.id for p in planned.serving):
        console.print(sentence, highlight=False)
    wanted = set(planned.trials)
    packs = lacking(workspace, roster, wanted)
    done = ledger.done()
    forget_finished(workspace, done)
    todo = sum(len(p.trial_ids) for p in packs)
    before = sum(len(p.trial_ids) for p in planned.serving if p.id in done)
    outcome = Outcome()
    if packs:
        resources = Resources(cpus=max(cores, spec.run.cpus), gpus=gpus, run=spec.run)
        console.print(
            f"{spec.name}: {todo} of {todo + before} trials to train, in {len(packs)} packs, on {cores} cores"
            + (f" and {gpus} GPUs" if gpus else ""),
            highlight=False,
        )
        with (
            _mirror(workspace, tracking_uri, console, mirrored),
            RunProgress(console, spec.name, todo + before, before, packs) as view,
        ):
            outcome = drive(workspace, wanted, resources, view)
    else:
        console.print(f"{spec.name}: nothing is left to train, {before} trials are done", highlight=False)
        if mirrored:
            _catch_up(workspace, tracking_uri, console)
    ledger.renew_cache(p.id for p in roster.live)
    return _summary(workspace, wanted, outcome.stopped, outcome.given_up)


def _summary(workspace: Workspace, wanted: set[str], stopped: bool, given_up: int) -> Summary:
    from orchestrator.store.roster import Roster

    serving = [p for p in Roster(workspace).live if not wanted.isdisjoint(p.trial_ids)]
    rows, _ = Ledger(workspace).read([p.id for p in serving], ["trial_id", "state"])
    states = {t: s for t, s in zip(rows["trial_id"].to_pylist(), rows["state"].to_pylist(), strict=True) if t in wanted}
    failed = sum(1 for state in states.values() if state == "failed")
    called_off = Decisions(workspace).cancelled
    cancelled = sum(len(wanted.intersection(p.trial_ids) - states.keys()) for p in serving if p.id in called_off)
    return Summary(
        total=len(wanted),
        done=len(states) - failed,
        failed=failed,
        stopped=stopped,
        given_up=given_up,
        cancelled=cancelled,
    )


@contextmanager
def _mirror(workspace: Workspace, uri: str | None, console: Console, wanted: bool) -> Generator[None]:
    """The mirror's process follows the ledger until its standard input ends, which the driver's death does as well."""
    if not wanted:
        yield
        return
    command = [sys.executable, "-P", "-m", "orchestrator.mirror", str(workspace.root)]
    process = subprocess.Popen([*command, *(["--uri", uri] if uri else [])], stdin=subprocess.PIPE)
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with console.status("mirroring the results to MLflow"):
            process.wait()
        log = workspace.log("mirror")
        if process.returncode and log.exists():
            _, _, sentence = log.read_text().splitlines()[-1].partition(" ")
            console.print(f"MLflow lacks some results, which the ledger has: {sentence}", highlight=False)


def _catch_up(workspace: Workspace, uri: str | None, console: Console) -> None:
    from orchestrator.mirror.sync import sync
    from sweeps.errors import UnavailableError

    try:
        with console.status("mirroring the results to MLflow"):
            result = sync(workspace, uri=uri)
        for problem in result.problems:
            console.print(problem, highlight=False)
    except UnavailableError as error:
        console.print(str(error), highlight=False)
