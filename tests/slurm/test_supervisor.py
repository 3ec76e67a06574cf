"""When an allocation begins, ends and comes again, with programs of SLURM that only take notes."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slurm import supervisor
from slurm.errors import Unanswered
from slurm.job import Incarnation, Node
from slurm.profile import Profile
from slurm.supervisor import FRUITLESS, NO_TIME, OUT_OF_TIME, REFUSALS, SILENT, exclude, supervise


class Requeued(Exception):
    pass


class Ray:
    """Takes the place of the cluster; keeps what the last one was made of."""

    made: list[tuple[list[Node], set[str]]]
    alive = True
    ends: list[str]
    environment: dict[str, str]
    address = "127.0.0.1:1"

    def __init__(self, nodes: list[Node], without: set[str], *_: Any) -> None:
        self.made.append((nodes, without))
        self.environment = {}

    def start(self, _: object) -> bool:
        return True

    def reasons(self) -> list[str]:
        return self.ends

    def mend(self) -> None: ...
    def stop(self) -> None: ...


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> type[Ray]:
    def ask(command: Sequence[str]) -> str:
        assert command == ["scontrol", "requeue", "7"]
        raise Requeued

    Ray.made, Ray.ends = [], []
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.delenv("SLURM_ARRAY_JOB_ID", raising=False)
    monkeypatch.setattr(supervisor, "RayCluster", Ray)
    monkeypatch.setattr(supervisor, "ask", ask)
    monkeypatch.setattr(supervisor, "seconds_left", lambda: 600.0)
    monkeypatch.setattr(supervisor, "nodes", lambda: [Node("a", "127.0.0.1"), Node("b", "127.0.0.1")])
    monkeypatch.setattr(supervisor, "LOOK", 0.01)
    return Ray


def go(folder: Path, status: int | str, left: Sequence[bool] = (), restart: int = 0, strikes: int = 5) -> bool:
    """`status`: of the driver, or what its shell does."""
    answers = iter([*left, *[True] * 9])
    profile = Profile(partition="low", minutes=10, cpus=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_RESTART_COUNT", str(restart))
        patch.setattr(supervisor, "STRIKES", strikes)
        driver = ["sh", "-c", status if isinstance(status, str) else f"exit {status}"]
        return supervise(driver, folder=folder, profile=profile, umask=0o77, left=lambda: next(answers))


def test_where_nothing_is_left_ray_is_not_even_started(job: type[Ray], tmp_path: Path) -> None:
    go(tmp_path, 0, left=[False])
    assert job.made == []


def test_out_of_time_with_work_left_comes_again(job: type[Ray], tmp_path: Path) -> None:
    with pytest.raises(Requeued):
        go(tmp_path, OUT_OF_TIME)


def test_out_of_time_with_nothing_left_is_done(job: type[Ray], tmp_path: Path) -> None:
    assert not go(tmp_path, OUT_OF_TIME, left=[True, False])
    assert len(job.made) == 1


@pytest.mark.parametrize("refusals", [1, REFUSALS])
def test_where_slurm_refuses_to_queue_it_again_an_heir_is_asked_for(
    job: type[Ray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    answers, asked = iter(range(refusals)), list[str]()

    def ask(command: Sequence[str]) -> str:
        if next(answers, None) is None:
            raise Requeued
        raise Unanswered("Requested operation is presently disabled")

    monkeypatch.setattr(supervisor, "ask", ask)

    def supervised() -> bool:
        profile = Profile(partition="low", minutes=10, cpus=1)
        driver = ["sh", "-c", f"exit {OUT_OF_TIME}"]
        return supervise(driver, folder=tmp_path, profile=profile, umask=0o77, heir=lambda: not asked.append("heir"))

    if refusals < REFUSALS:
        with pytest.raises(Requeued):
            supervised()
        assert asked == []
    else:
        assert supervised()
        assert asked == ["heir"]


def test_a_job_that_is_told_to_end_notes_it_and_stays(
    job: type[Ray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stays(seconds: float) -> None:
        if seconds == supervisor.GRACE:
            raise Requeued
        time.sleep(seconds)

    def told(_: object) -> bool:
        signal.raise_signal(signal.SIGTERM)
        return False

    monkeypatch.setattr(job, "start", staticmethod(told))
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(time=time.time, monotonic=time.monotonic, sleep=stays))
    with pytest.raises(Requeued):
        go(tmp_path, 0)
    assert supervisor.preempted(tmp_path, "7").exists()


def test_a_job_that_never_has_time_for_anything_does_not_come_again_for_ever(job: type[Ray], tmp_path: Path) -> None:
    for restart in range(FRUITLESS - 1):
        with pytest.raises(Requeued):
            go(tmp_path, NO_TIME, restart=restart)
    job.ends = ["Ray on a: Ray did not answer within 90 s"]
    with pytest.raises(RuntimeError, match="did not answer within 90 s: raise `minutes`"):
        go(tmp_path, NO_TIME, restart=FRUITLESS - 1)


def test_one_fruitful_run_is_a_new_beginning(job: type[Ray], tmp_path: Path) -> None:
    for restart in range(FRUITLESS + 1):
        with pytest.raises(Requeued):
            go(tmp_path, OUT_OF_TIME if restart == 1 else NO_TIME, restart=restart)


def test_a_job_that_never_gets_going_says_why_and_where(
    job: type[Ray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "driver-7.log").write_text("OSError: of another day\n")
    job.ends = ["Ray on b: no room"]
    with pytest.raises(RuntimeError) as failed:
        go(tmp_path, "echo 'ValueError: this is wrong' >&2; exit 1", strikes=2)
    why = "the driver on a: ValueError: this is wrong; Ray on b: no room"
    assert str(failed.value) == f"Ray or its driver ended 2 times within a minute of the start: {why}; see {tmp_path}"
    assert capsys.readouterr().out == f"Ray and the driver start anew: {why}\n"


def test_a_driver_that_ends_without_a_word_is_told_with_its_status(job: type[Ray], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the driver on a: it ended with exit status -9;"):
        go(tmp_path, "kill -KILL $$", strikes=1)


def test_drivers_whose_ray_never_answers_do_not_come_again_for_ever(
    job: type[Ray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10**6, 100))  # each takes minutes
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(supervisor.time, "sleep", lambda _: None)
    with pytest.raises(RuntimeError, match="Ray or its driver ended 3 times"):
        go(tmp_path, SILENT, strikes=3)


def test_an_excluded_node_gets_nothing_in_this_run_of_the_job(job: type[Ray], tmp_path: Path) -> None:
    exclude(tmp_path, Incarnation(job=7, restart=0), "b")
    exclude(tmp_path, Incarnation(job=8, restart=0), "a")
    go(tmp_path, 0)
    go(tmp_path, 0, restart=1)
    assert [without for _, without in job.made] == [{"b"}, set()]
