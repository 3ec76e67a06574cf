"""The SLURM jobs in a status: what was submitted, what SLURM says, what they hold."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from orchestrator.cli import status_view
from orchestrator.cluster.submissions import Submission, confirm, intend
from orchestrator.store.files import Disk
from orchestrator.store.owner import Liveness, beat, myself
from orchestrator.watch.status import SweepStatus, status_of
from slurm import accounting
from slurm.accounting import JobState
from slurm.errors import Unanswered
from tests.orchestrator.stage import Call, Stage

NOW = 1.7e9


class Scheduler:
    """Stands in for squeue and sacct."""

    def __init__(self) -> None:
        self.queue: list[JobState] = []
        self.silent = False

    def queued(self, *, ended: bool) -> list[JobState]:
        if self.silent:
            raise Unanswered("squeue")
        return self.queue

    def recorded(self, *, jobs: list[str]) -> list[JobState]:
        return []


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    scheduler = Scheduler()
    monkeypatch.setattr(accounting, "queued", scheduler.queued)
    monkeypatch.setattr(accounting, "recorded", scheduler.recorded)
    monkeypatch.setattr("time.time", lambda: NOW)
    return scheduler


def submitted(stage: Stage, number: int, jobs: list[str] | None) -> None:
    intent = Submission(
        number=number, name=f"n{number}", sweep="mine", count=1, nodes=2, cpus=1, gpus=0, usable_seconds=1.0,
        kept_seconds=1.0, owner=myself(),
    )  # fmt: skip
    assert intend(stage.store, intent)
    if jobs is not None:
        confirm(stage.store, number, jobs)


def state(job: int, shown: str, state: str, **more: object) -> JobState:
    return replace(JobState(job=job, shown=shown, name="n", state=state, restart=0, seen=NOW), **more)  # pyright: ignore[reportArgumentType]


def lines(status: SweepStatus) -> list[str]:
    console = Console(width=200, file=StringIO())
    console.print(status_view.view([status]))
    assert isinstance(console.file, StringIO)
    return [line.strip() for line in console.file.getvalue().splitlines() if line.startswith("job")]


def test_each_allocation_is_told_with_its_state_nodes_time_left_and_packs(stage: Stage, scheduler: Scheduler) -> None:
    (none,), (bn,), _ = map(stage.packs, ("none", "bn", "vcl"))
    submitted(stage, 1, ["12_0", "12_1", "12_2"])
    submitted(stage, 2, ["20"])
    scheduler.queue = [
        state(13, "12_0", "RUNNING", hosts="n[1-2]", left=600.0),
        state(12, "12_1", "PENDING", reason="Resources"),
        state(14, "12_2", "FAILED"),
    ]
    for pack in (none, bn):
        owner = replace(myself("13.0"), boot="another machine")
        assert stage.store.leases.take(pack.id, owner, Liveness(stage.workspace)) is not None
        beat(stage.workspace, Disk(), owner, 1)
    (status,) = status_of(stage.store)
    assert lines(status) == [
        "job 12_0: RUNNING, 2 nodes (n[1-2]), 10 min left, holds 2 packs",
        "job 12_1: PENDING (Resources), 2 nodes",
        "job 20: SLURM has not spoken of it yet, 2 nodes",
        "jobs that ended: 1 FAILED",
        f"job 12_2: FAILED: its log {stage.workspace.allocation(1)}/12_2_0_log.out says nothing",
    ]
    told = status.as_json()["jobs"][0]
    assert (told["job"], told["state"], sorted(told["packs"])) == ("12_0", "RUNNING", sorted([none.id, bn.id]))
    assert told["seconds_left"] == 600.0


def test_of_a_held_job_status_tells_how_it_goes_on(stage: Stage, scheduler: Scheduler) -> None:
    submitted(stage, 1, ["1", "2", "3"])
    reasons = ("launch_failed_requeued_held", "JobHeldUser", "JobHeldAdmin")
    scheduler.queue = [state(job, str(job), "PENDING", reason=reason) for job, reason in enumerate(reasons, start=1)]
    (status,) = status_of(stage.store)
    assert lines(status) == [
        "job 1: PENDING (launch_failed_requeued_held), 2 nodes, it is held: `scontrol release 1`",
        "job 2: PENDING (JobHeldUser), 2 nodes, it is held: `scontrol release 2`",
        "job 3: PENDING (JobHeldAdmin), 2 nodes, the cluster's operators hold it: ask them",
    ]


def test_of_jobs_that_failed_status_and_errors_tell_the_last_word(
    stage: Stage, scheduler: Scheduler, call: Call
) -> None:
    submitted(stage, 1, ["1", "2", "3", "4", "5"])
    ends = {1: "FAILED", 2: "FAILED", 3: "OUT_OF_MEMORY", 4: "CANCELLED", 5: "COMPLETED"}
    words = {1: "Ray on n1: no room", 2: "Ray on n1: no room", 3: "OSError: no", 4: "OSError: yes", 5: "all is well"}
    scheduler.queue = [state(job, str(job), end) for job, end in ends.items()]
    stage.workspace.allocation(1).mkdir(parents=True)
    for job, word in words.items():
        (stage.workspace.allocation(1) / f"{job}_0_log.out").write_text(f"pack done\n{word}\n")
    (status,) = status_of(stage.store)
    told = ["job 2 and 1 more: FAILED: Ray on n1: no room", "job 3: OUT_OF_MEMORY: OSError: no"]
    assert lines(status)[1:] == told
    assert [job["last_word"] for job in status.as_json()["jobs"]] == [words[1], words[1], words[3], "", ""]
    assert call("errors", "mine")[1].splitlines() == ["no failure of a pack is recorded", *told]


def test_what_a_job_held_that_slurm_ended_is_not_running_and_what_nobody_knows_is(
    stage: Stage, scheduler: Scheduler
) -> None:
    (none,), (bn,), _ = map(stage.packs, ("none", "bn", "vcl"))
    submitted(stage, 1, ["13", "14"])
    scheduler.queue = [state(13, "13", "CANCELLED")]
    for pack, job in ((none, "13.0"), (bn, "14.0")):
        assert (
            stage.store.leases.take(pack.id, replace(myself(job), boot="another machine"), Liveness(stage.workspace))
            is not None
        )
    (status,) = status_of(stage.store)
    assert [pack.pack for pack in status.running] == [bn.id]


def test_while_slurm_is_silent_the_last_state_stays_and_shows_its_age(
    stage: Stage, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(stage, 1, ["13"])
    scheduler.queue = [state(13, "13", "RUNNING", left=600.0)]
    (status,) = status_of(stage.store)
    scheduler.silent = True
    monkeypatch.setattr("time.time", lambda: NOW + 300)
    (status,) = status_of(stage.store)
    assert lines(status) == ["job 13: RUNNING, 2 nodes, 5 min left, holds 0 packs, as SLURM said 5 min ago"]


def test_a_submission_without_a_receipt_is_told(stage: Stage, scheduler: Scheduler) -> None:
    submitted(stage, 1, None)
    (status,) = status_of(stage.store)
    assert "submission 1 of sweep mine has no receipt" in status.problems[-1]
    assert status.jobs == []


def test_the_log_of_a_job_is_reached_by_its_id(stage: Stage, scheduler: Scheduler, call: Call) -> None:
    submitted(stage, 1, ["12_0", "12_1"])
    assert "the job has not begun yet" in call("logs", "12_1")[1]
    folder = stage.workspace.allocation(1)
    folder.mkdir()
    (folder / "12_1_0_log.out").write_text("one\ntwo\n")
    (folder / "ray-14-n1.log").touch()
    said = call("logs", "12_1")[1].splitlines()
    assert said[1:3] == ["one", "two"]
    assert said[3].endswith(": ray-14-n1.log")
    scheduler.queue = [state(14, "12_1", "COMPLETED")]
    assert call("logs", "12_1", "-f")[1].splitlines()[1:3] == ["one", "two"]
    assert call("logs", "99_1")[0] == 2


def test_cancel_jobs_needs_slurm_and_no_selector_and_clear_submissions(
    stage: Stage, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "leave one of them out" in call("cancel", "mine", "--jobs", "-w", "seed=1")[2]
    assert "unknown sweep 'other'" in call("cancel", "other", "--jobs")[2]
    submitted(stage, 1, None)
    assert "repeat `normsweep submit` first" in call("cancel", "mine", "--jobs")[2]
    confirm(stage.store, 1, ["5"])
    monkeypatch.setenv("PATH", "")
    code, _, said = call("cancel", "mine", "--jobs")
    assert (code, "there is no SLURM here" in said) == (2, True)


def test_after_a_retry_the_verb_that_the_sweep_was_started_with_is_named(stage: Stage, call: Call) -> None:
    (bn,) = stage.packs("bn")
    stage.finish(bn, "failed")
    submitted(stage, 1, ["5"])
    assert "recorded; next: normsweep submit mine" in call("retry", "mine", "-w", "state=failed", "--yes")[1]
