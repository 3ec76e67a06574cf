"""What is known of jobs: asked seldom, by one for all; what is not known is never taken for the worst."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from slurm import accounting
from slurm.accounting import LONGEST_INTERVAL, LOST_SECONDS, Accounting, JobState
from slurm.errors import Unanswered
from slurm.job import Incarnation


class Cluster:
    """Stands in for squeue and sacct, and counts how often it is asked."""

    def __init__(self) -> None:
        self.now = 1e9
        self.queue: list[JobState] = []
        self.ended: list[JobState] = []
        self.silent = False
        self.accounting_silent = False
        self.asked = 0

    def job(self, number: int, state: str, restart: int = 0) -> JobState:
        return JobState(job=number, shown=str(number), name="n", state=state, restart=restart, seen=self.now)

    def queued(self, *, ended: bool) -> list[JobState]:
        assert ended
        self.asked += 1
        if self.silent:
            raise Unanswered("squeue")
        return self.queue

    def recorded(self, *, jobs: list[str]) -> list[JobState]:
        if self.accounting_silent:
            raise Unanswered("sacct")
        return [state for state in self.ended if state.shown in jobs or str(state.job) in jobs]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(accounting, "queued", cluster.queued)
    monkeypatch.setattr(accounting, "recorded", cluster.recorded)
    return cluster


def test_many_observers_ask_once_in_ten_seconds(cluster: Cluster, tmp_path: Path) -> None:
    cluster.queue = [cluster.job(n, "RUNNING") for n in range(50)]
    observers = [Accounting(tmp_path, lambda: cluster.now) for _ in range(5)]
    for _ in range(60):
        for number, observer in enumerate(observers):
            assert observer.states([str(number)])[str(number)].state == "RUNNING"
        cluster.now += 1
    assert cluster.asked == 6


def test_a_silent_scheduler_is_asked_less_and_less_and_the_last_state_stays(cluster: Cluster, tmp_path: Path) -> None:
    cluster.queue = [cluster.job(1, "RUNNING")]
    observer = Accounting(tmp_path, lambda: cluster.now)
    seen = observer.states(["1"])["1"].seen
    cluster.silent = True
    for _ in range(3600):
        cluster.now += 1
        assert observer.states(["1"])["1"].state == "RUNNING"
    assert observer.states(["1"])["1"].seen == seen
    assert cluster.asked < 20


def test_what_a_machine_with_a_wrong_clock_asked_silences_nobody(cluster: Cluster, tmp_path: Path) -> None:
    cluster.queue = [cluster.job(1, "RUNNING")]
    ahead, right = Accounting(tmp_path, lambda: cluster.now + 3600), Accounting(tmp_path, lambda: cluster.now)
    assert ahead.states(["1"])["1"].state == "RUNNING"
    cluster.queue = [cluster.job(1, "COMPLETED")]
    cluster.now += 10
    assert right.states(["1"])["1"].state == "COMPLETED"
    for _ in range(60):
        cluster.now += 1
        ahead.states(["1"])
        right.states(["1"])
    assert cluster.asked <= 2 + 2 * 6, "each as seldom as ever"


def test_who_cannot_wait_goes_on_with_what_was_known_until_a_slow_answer_comes(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.queue = [cluster.job(1, "RUNNING")]
    Accounting(tmp_path, lambda: cluster.now).states(["1"])
    cluster.queue = [cluster.job(1, "COMPLETED")]
    answered = threading.Event()

    def slow(*, ended: bool) -> list[JobState]:
        assert answered.wait(30)
        return cluster.queued(ended=ended)

    monkeypatch.setattr(accounting, "queued", slow)
    observer = Accounting(tmp_path, lambda: cluster.now, patience=0.0)
    for _ in range(30):  # longer than an interval: nobody asks anew while he still waits
        cluster.now += 1
        assert observer.states(["1"])["1"].state == "RUNNING"
    answered.set()
    until = time.monotonic() + 30
    while observer.states(["1"])["1"].state != "COMPLETED":
        assert time.monotonic() < until
    assert cluster.asked == 2


def test_what_squeue_says_counts_where_accounting_says_nothing(cluster: Cluster, tmp_path: Path) -> None:
    cluster.accounting_silent = True
    cluster.queue = [cluster.job(1, "CANCELLED")]
    observer = Accounting(tmp_path, lambda: cluster.now)
    observer.states(["2"])
    assert observer.runs(Incarnation(job=1, restart=0)) is False
    assert observer.runs(Incarnation(job=2, restart=0)) is None


def test_a_job_that_squeue_lost_and_accounting_has_not_yet_stays_what_it_was(cluster: Cluster, tmp_path: Path) -> None:
    cluster.queue = [cluster.job(1, "RUNNING")]
    observer = Accounting(tmp_path, lambda: cluster.now)
    assert observer.runs(Incarnation(job=1, restart=0)) is True
    cluster.queue = []
    cluster.now += 20
    assert observer.runs(Incarnation(job=1, restart=0)) is True
    cluster.ended = [cluster.job(1, "COMPLETED")]
    cluster.now += 20
    assert observer.runs(Incarnation(job=1, restart=0)) is False


def test_of_a_job_that_squeue_did_not_name_for_long_nothing_is_known(cluster: Cluster, tmp_path: Path) -> None:
    cluster.accounting_silent = True
    cluster.queue = [cluster.job(1, "RUNNING")]
    observer = Accounting(tmp_path, lambda: cluster.now)
    assert observer.runs(Incarnation(job=1, restart=0)) is True
    cluster.silent = True
    cluster.now += LOST_SECONDS + 1
    assert observer.runs(Incarnation(job=1, restart=0)) is True, "nobody answered"
    cluster.silent, cluster.queue = False, []
    cluster.now += LONGEST_INTERVAL
    assert observer.runs(Incarnation(job=1, restart=0)) is None
    assert observer.states(["1"])["1"].state == "UNKNOWN"


@pytest.mark.parametrize(
    ("state", "restart", "runs"),
    [
        ("RUNNING", 0, True),
        ("RUNNING", 1, False),
        ("PENDING", 1, False),
        ("COMPLETING", 0, None),
        ("NODE_FAIL", 0, False),
        ("PREEMPTED", 0, False),
    ],
)
def test_only_what_is_known_counts(
    cluster: Cluster, tmp_path: Path, state: str, restart: int, runs: bool | None
) -> None:
    cluster.queue = [cluster.job(1, state, restart)]
    assert Accounting(tmp_path, lambda: cluster.now).runs(Incarnation(job=1, restart=0)) is runs


def test_nothing_is_known_of_a_job_of_which_slurm_never_spoke(cluster: Cluster, tmp_path: Path) -> None:
    assert Accounting(tmp_path, lambda: cluster.now).runs(Incarnation(job=5, restart=0)) is None


def test_observers_whose_scheduler_is_slow_do_not_ask_beside_each_other(cluster: Cluster, tmp_path: Path) -> None:
    cluster.now += 9.9  # the end of one slot of ten seconds
    first, second = (Accounting(tmp_path, lambda: cluster.now) for _ in range(2))

    def slow(*, ended: bool) -> list[JobState]:
        cluster.asked += 1
        cluster.now += 0.2
        assert second.states(["1"]) == {}
        return [cluster.job(1, "RUNNING")]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounting, "queued", slow)
        assert first.states(["1"])["1"].state == "RUNNING"
    assert cluster.asked == 1


def test_tasks_of_an_array_that_wait_share_a_number_and_are_told_apart(cluster: Cluster, tmp_path: Path) -> None:
    cluster.queue = [replace(cluster.job(12, "PENDING"), shown=f"12_{n}") for n in range(3)]
    observer = Accounting(tmp_path, lambda: cluster.now)
    assert {job: s.state for job, s in observer.states(["12_0", "12_2"]).items()} == {
        "12_0": "PENDING",
        "12_2": "PENDING",
    }


def test_what_slurm_prints_is_read_by_columns_since_some_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(command: list[str]) -> str:
        if command[0] == "sacct":
            return "13|12_0|CANCELLED by 0|a b\n12|12_[1-2,4%5]|CANCELLED|a b\n"
        widths = [int(column.partition(":")[2]) for column in command[-1].split(",")]
        rows = [
            ("13", "12_0", "RUNNING", "1", "1-01:00:10", "None", "n[1-2]", "a b"),
            ("12", "12_1", "PENDING", "0", "10:00", "Resources", "", "a b"),
            ("14", "14", "RUNNING", "0", "INVALID", "None", "n3", "c"),
        ]
        return "".join("".join(f"{v:{w}}" for v, w in zip(row, widths, strict=True)) + "\n" for row in rows)

    monkeypatch.setattr(accounting, "ask", answer)
    one, two, three = accounting.queued()
    assert (one.shown, one.job, one.hosts, one.left, one.name, one.restart) == ("12_0", 13, "n[1-2]", 90010, "a b", 1)
    assert (two.state, two.hosts, two.left, two.reason) == ("PENDING", "", None, "Resources")
    assert three.left is None
    assert [s.shown for s in accounting.recorded(jobs=["12"])] == ["12_0", "12_1", "12_2", "12_4"]
    assert {s.state for s in accounting.recorded(jobs=["12"])} == {"CANCELLED"}


def test_where_there_is_no_slurm_nothing_is_known_and_nobody_is_the_worse_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Accounting(tmp_path).states(["1"]) == {}
