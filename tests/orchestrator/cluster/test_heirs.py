"""Heirs: who leaves one, who counts, who ends, with a SLURM that only keeps a list."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cluster import heirs, jobs, submissions
from orchestrator.cluster.allocation import Spoken, work
from orchestrator.cluster.heirs import FRUITLESS, begin, leave, places, withdraw
from orchestrator.cluster.jobs import cancel_jobs
from orchestrator.cluster.submissions import Submission, confirm, end, intend, is_over, read, receipt, refusal
from orchestrator.engine.stalls import silence
from orchestrator.store import Store
from orchestrator.store.files import replace as put
from orchestrator.store.owner import myself
from orchestrator.watch.status import status_of
from slurm import accounting, supervisor
from slurm.accounting import JobState
from slurm.errors import SiteError
from slurm.profile import Profile
from tests.orchestrator.cluster.test_jobs import lines
from tests.orchestrator.stage import Stage

PROFILE = Profile(partition="low", minutes=10, cpus=1)


class Slurm:
    """Stands in for sbatch, squeue and scancel. `meanwhile` happens while sbatch works; `refuses`: what it says."""

    def __init__(self) -> None:
        self.queue: list[JobState] = []
        self.cancelled: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.refuses = ""

    def put(self, shown: str, name: str, state: str = "RUNNING") -> None:
        self.queue.append(job(shown, name, state))

    def submit(self, profile: Profile, count: int, nodes: int, name: str, *_: Any, after: str) -> list[str]:
        assert (count, nodes, after) == (1, 2, "12_0")
        self.meanwhile()
        if self.refuses:
            raise SiteError(self.refuses)
        shown = str(20 + len(self.queue))
        self.put(shown, name, "PENDING")
        return [shown]

    def queued(self, *, ended: bool = False) -> list[JobState]:
        return self.queue

    def ask(self, command: Sequence[str]) -> str:
        assert command[:2] == ["scancel", "--quiet"]
        gone = [j for j in self.queue if j.shown in command or j.name in command]
        self.cancelled += [job.shown for job in gone]
        self.queue = [job for job in self.queue if job not in gone]
        return ""


def job(shown: str, name: str, state: str = "RUNNING") -> JobState:
    return JobState(job=int(shown.partition("_")[0]), shown=shown, name=name, state=state, restart=0, seen=time.time())


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """This process is task 0 of job 12, which runs beside task 1."""
    slurm = Slurm()
    slurm.put("12_0", "first")
    slurm.put("12_1", "first")
    for module in (heirs, jobs, submissions, accounting):
        monkeypatch.setattr(module, "queued", slurm.queued)
    for module in (heirs, jobs, submissions):
        monkeypatch.setattr(module, "ask", slurm.ask)
    monkeypatch.setattr(submissions, "submit", slurm.submit)
    monkeypatch.setattr(submissions, "adopt", print)
    monkeypatch.setattr(jobs, "COMING_SECONDS", 0.0)
    become(monkeypatch, "12_0")
    return slurm


def become(monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    array, _, task = shown.partition("_")
    monkeypatch.setenv("SLURM_JOB_ID", array)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
    if task:
        monkeypatch.setenv("SLURM_ARRAY_JOB_ID", array)
    else:
        monkeypatch.delenv("SLURM_ARRAY_JOB_ID", raising=False)


def intended(store: Store, number: int, name: str, heir_of: str = "", parent: int = 0) -> Submission:
    one = Submission(
        number=number, name=name, sweep="mine", count=1, nodes=2, cpus=1, gpus=0, usable_seconds=1.0, kept_seconds=1.0,
        owner=myself(), heir_of=heir_of, parent=parent,
    )  # fmt: skip
    assert intend(store, one)
    return one


@pytest.fixture
def first(stage: Stage, slurm: Slurm) -> Submission:
    one = intended(stage.store, 1, "first")
    confirm(stage.store, 1, ["12_0", "12_1"])
    return one


def left(stage: Stage, mine: Submission, profile: Profile = PROFILE) -> bool:
    return leave(stage.store, mine, profile, 0o22, work)


def test_an_heir_waits_for_its_parent_and_there_is_never_a_second_one(
    stage: Stage, slurm: Slurm, first: Submission
) -> None:
    assert left(stage, first)
    assert left(stage, first)
    heir = read(stage.store, 2)
    assert (heir.heir_of, heir.parent, heir.count, heir.nodes, heir.sweep) == ("12_0", 1, 1, 2, "mine")
    assert receipt(stage.store, 2) == ["22"]
    assert [job.shown for job in slurm.queue] == ["12_0", "12_1", "22"]


def test_an_heir_counts_only_when_it_does_not_wait_beside_its_parent() -> None:
    by_name = {
        name: Submission(
            number=1, name=name, sweep="s", count=1, nodes=1, cpus=1, gpus=0, usable_seconds=1.0, kept_seconds=1.0,
            owner=myself(), heir_of=parent,
        )
        for name, parent in (("a", ""), ("b", "12_0"), ("c", "30"))
    }  # fmt: skip

    def counted(*live: JobState) -> list[str]:
        return [job.shown for job in places(live, by_name)]

    heir, grandchild = job("30", "b", "PENDING"), job("40", "c", "PENDING")
    assert counted(job("12_0", "a"), job("12_1", "a", "PENDING"), heir) == ["12_0", "12_1"]
    assert counted(job("12_0", "a", "COMPLETING"), heir) == ["12_0"], "preempted, not yet gone"
    assert counted(job("12_1", "a"), heir) == ["12_1", "30"], "the parent is gone"
    assert counted(job("30", "b"), grandchild) == ["30"]
    assert counted(job("12_0", "a"), job("30", "b")) == ["12_0", "30"], "one that runs counts, whatever it should do"


def test_what_was_submitted_by_a_parent_that_was_lost_before_the_receipt_is_adopted(
    stage: Stage, slurm: Slurm, first: Submission
) -> None:
    intended(stage.store, 2, "second", "12_0", 1)
    slurm.put("30", "second", "PENDING")
    assert left(stage, first)
    assert receipt(stage.store, 2) == ["30"]


def test_an_intent_that_never_became_a_job_is_void_and_another_follows(
    stage: Stage, slurm: Slurm, first: Submission
) -> None:
    intended(stage.store, 2, "second", "12_0", 1)
    assert left(stage, first)
    assert (receipt(stage.store, 2), receipt(stage.store, 3)) == ([], ["22"])


def test_an_heir_confirms_itself_where_its_parent_could_not(
    stage: Stage, slurm: Slurm, first: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    heir = intended(stage.store, 2, "second", "12_0", 1)
    become(monkeypatch, "30")
    assert begin(stage.store, heir)
    assert receipt(stage.store, 2) == ["30"]


def test_what_keeps_an_heir_from_being_left_does_not_end_the_job(
    stage: Stage, slurm: Slurm, first: Submission, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.workspace.intent(2).write_text("{")
    assert not left(stage, first)
    assert "this job leaves no heir: " in capsys.readouterr().out


def test_supervisor_and_driver_mean_the_same_exit_status() -> None:
    assert supervisor.SILENT == silence.SILENT


def test_while_an_heir_is_being_submitted_the_status_is_as_before(
    stage: Stage, slurm: Slurm, first: Submission
) -> None:
    before = status_of(stage.store)[0].problems
    intended(stage.store, 2, "second", "12_0", 1)
    assert status_of(stage.store)[0].problems == before


def test_what_sbatch_refuses_is_told_in_the_log_and_in_the_status(
    stage: Stage, slurm: Slurm, first: Submission, capsys: pytest.CaptureFixture[str]
) -> None:
    slurm.refuses = "sbatch refused: no jobs from compute nodes"
    assert not left(stage, first)
    assert capsys.readouterr().out == "this job leaves no heir: sbatch refused: no jobs from compute nodes\n"
    (status,) = status_of(stage.store)
    assert status.problems == [
        "job 12_0 leaves no heir (sbatch refused: no jobs from compute nodes): "
        "when SLURM has ended it, repeat `normsweep submit`"
    ]
    slurm.refuses = ""
    assert left(stage, first)
    assert status_of(stage.store)[0].problems == []


def test_heirs_and_jobs_together_are_never_more_than_the_site_file_allows(
    stage: Stage, slurm: Slurm, first: Submission
) -> None:
    profile = Profile(partition="low", minutes=10, cpus=1, max_jobs=3)
    slurm.put("99", "a stranger's")
    assert left(stage, first, profile)
    end(stage.store, 2)
    slurm.queue = [job for job in slurm.queue if job.shown != "23"]
    intended(stage.store, 3, "of 12_1", "12_1", 1)  # on its way
    assert not left(stage, first, profile)
    assert "allows 3 jobs" in refusal(stage.store, 4)


def test_a_submission_that_is_ended_leaves_no_heir_whenever_it_is_ended(
    stage: Stage, slurm: Slurm, first: Submission
) -> None:
    slurm.meanwhile = lambda: cancel_jobs(stage.store, "mine")
    assert not left(stage, first)
    assert slurm.queue == [], "the one that sbatch made meanwhile is cancelled by who submitted it"
    assert receipt(stage.store, 2) == []
    slurm.meanwhile = lambda: pytest.fail("submitted")
    assert not left(stage, first)
    assert not begin(stage.store, first), "nor does anything begin, should SLURM start it again"
    assert not begin(stage.store, read(stage.store, 2))


def test_cancel_jobs_ends_what_waits_before_what_it_waits_for(stage: Stage, slurm: Slurm, first: Submission) -> None:
    assert left(stage, first)
    assert cancel_jobs(stage.store, "mine") == ["12_0", "12_1", "22"]
    assert slurm.cancelled == ["22", "12_0", "12_1"]
    assert is_over(stage.store, 1)
    assert is_over(stage.store, 2)


def test_who_ends_by_itself_withdraws_its_heir_and_no_other(stage: Stage, slurm: Slurm, first: Submission) -> None:
    assert left(stage, first)
    intended(stage.store, 3, "of 12_1", "12_1", 1)
    slurm.put("30", "of 12_1", "PENDING")
    withdraw(stage.store, first)
    assert slurm.cancelled == ["22"]
    assert is_over(stage.store, 2)
    assert not is_over(stage.store, 1)
    assert not is_over(stage.store, 3)


def test_status_shows_heirs_as_what_they_are(stage: Stage, slurm: Slurm, first: Submission) -> None:
    assert left(stage, first)
    (status,) = status_of(stage.store)
    assert lines(status)[-1] == "job 22: PENDING, 2 nodes, heir of 12_0"
    assert status.as_json()["jobs"][-1]["heir_of"] == "12_0"


def test_an_heir_that_never_began_is_no_cancelled_job(stage: Stage, slurm: Slurm, first: Submission) -> None:
    assert left(stage, first)
    withdraw(stage.store, first)
    slurm.queue = [job("12_0", "first", "COMPLETED"), job("12_1", "first", "PREEMPTED")]
    assert lines(status_of(stage.store)[0]) == ["jobs that ended: 1 COMPLETED, 1 PREEMPTED, 1 not needed"]


@pytest.mark.parametrize("mark", ["fruitful", "preempted"])
@pytest.mark.parametrize("excused", [None, 0, 1, FRUITLESS - 1])
def test_after_so_many_lives_in_a_row_without_progress_there_is_no_further_one(
    stage: Stage, slurm: Slurm, first: Submission, monkeypatch: pytest.MonkeyPatch, excused: int | None, mark: str
) -> None:
    """The life of that number made progress or was preempted; the one after the last begins only where one did."""
    lives = [first]
    for number in range(2, FRUITLESS + 2):
        lives.append(intended(stage.store, number, f"n{number}", "12_0" if number == 2 else str(number), number - 1))
    if excused is not None:
        put(stage.workspace.allocation(excused + 1) / f"{lives[excused + 1].heir_of}-{mark}", b"")
    for life in lives[1:-1]:
        become(monkeypatch, str(life.number + 1))
        assert begin(stage.store, life)
    if excused is None:
        with pytest.raises(RuntimeError, match=f"{FRUITLESS} jobs in a row.* see `normsweep logs JOB` of 12_0, 3, 4"):
            begin(stage.store, lives[-1])
    else:
        assert begin(stage.store, lives[-1])


def test_what_was_saved_anew_or_finished_is_progress(stage: Stage, slurm: Slurm, first: Submission) -> None:
    mark: Path = stage.workspace.fruitful(1, "12_0")
    (pack,) = stage.packs("bn")
    spoken = Spoken(stage.store, 1)
    spoken.progressed(pack, 0.1)
    spoken.ended(pack, "lost")
    assert not mark.exists()
    stage.save(pack, 1)
    spoken.progressed(pack, 0.2)
    assert not mark.exists(), "somebody else may have saved it"
    put(stage.workspace.checkpoint(pack.id), b"more")
    spoken.progressed(pack, 0.3)
    assert mark.exists()
    mark.unlink()
    Spoken(stage.store, 1).ended(pack, "done")
    assert mark.exists()
