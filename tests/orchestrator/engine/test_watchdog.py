"""When the watchdog looks at a pack, takes it for still, and ends it. What it sees is told by a stand-in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from orchestrator.engine.stalls.processes import Look, Processes, Seen
from orchestrator.engine.stalls.watchdog import Watchdog
from orchestrator.store.leases import Still
from tests.orchestrator.stage import Stage
from trainers.pulse import Pace

TICK = 5.0
LOOK = 10  # seconds to the first look, from which on it counts that a pack does not move
WARM = {"moves": 9, "steps": 40, "slowest": 0.1, "warm": True}


class Told(Processes):
    """Says of processes what a test wants; `ended`: how often they were to be ended."""

    def __init__(self) -> None:
        self.seen = [seen(pace=Pace(moves=9, steps=40, slowest=0.1, warm=True))]
        self.silent: list[str] = []
        self.started: list[str] = []
        self.left = Look(seen=[], silent=[])
        self.looked = self.ended = 0

    def look(self, actor: Any) -> Look:
        self.looked += 1
        return Look(seen=self.seen, silent=self.silent)

    def stacks(self, actor: Any) -> str:
        return "in a loop"

    def starting(self) -> list[str]:
        return self.started

    def end_start(self, actor_id: str) -> None:
        self.started.remove(actor_id)

    def end(self, actor: Any) -> Look:
        self.ended += 1
        return self.left


def seen(pid: int = 7, host: str = "n1", state: str = psutil.STATUS_RUNNING, **more: Any) -> Seen:
    return Seen(pid=pid, host=host, state=state, **more)


class Scene:
    """A pack of the stage in training, and its watchdog."""

    def __init__(self, stage: Stage, warm: dict[str, Any] = WARM) -> None:
        self.stage, self.told, self.excluded = stage, Told(), list[tuple[str, str]]()
        (self.pack,) = stage.packs("bn")
        stage.run(self.pack)
        self.trial = SimpleNamespace(
            trial_id="one", config={"task": stage.task(self.pack)}, temporary_state=SimpleNamespace(ray_actor="actor")
        )
        self.dog = Watchdog(stage.store, 300.0, self._exclude, self.told)
        self.dog.on_trial_start(0, [self.trial], self.trial)
        if warm:
            self.report(**warm)

    def _exclude(self, node: str, reason: str) -> None:
        self.excluded.append((node, reason))

    def report(self, **pace: Any) -> None:
        self.dog.on_trial_result(0, [self.trial], self.trial, {"pace": pace})

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds / TICK)):
            self.dog.tick(TICK)

    @property
    def still(self) -> Still | None:
        lease = self.stage.store.leases.newest(self.pack.id)
        assert lease is not None
        return self.stage.store.leases.still(lease)

    @property
    def failures(self) -> list[tuple[str, int, str]]:
        return [(f.kind, f.step, f.host) for f in self.stage.store.attempts.failures(self.pack.id)]


def test_a_pack_that_moves_is_left_alone(stage: Stage) -> None:
    scene = Scene(stage)
    for _ in range(20):
        scene.wait(9)
        scene.report(**WARM)
    assert (scene.told.looked, scene.failures) == (0, [])


def test_a_pack_that_stands_still_is_told_then_ended(stage: Stage) -> None:
    scene = Scene(stage)
    scene.wait(LOOK + 70)
    assert scene.still is None
    scene.wait(10)
    assert scene.still is not None
    assert (scene.still.node, scene.still.limit) == ("n1", 300)
    scene.wait(210)
    assert scene.told.ended == 0
    scene.wait(10)
    assert (scene.told.ended, scene.still) == (1, None)
    assert scene.failures == [("stalled", 40, "n1")]
    (failure,) = stage.store.attempts.failures(scene.pack.id)
    assert failure.message == "it did not move for 300 s: process 7 on n1 was running and did no step"
    assert failure.traceback == "in a loop"
    scene.wait(900)
    assert scene.told.ended == 1, "it is ended once"


@pytest.mark.parametrize(
    ("pace", "limit"),
    [
        ({}, 1200),  # nothing is reported: it gets ready
        ({**WARM, "warm": False}, 1200),  # compiling
        ({**WARM, "slowest": 14.0}, 300),
        ({**WARM, "slowest": 50.0}, 1000),
    ],
)
def test_what_is_slow_by_itself_gets_more_time(stage: Stage, pace: dict[str, Any], limit: int) -> None:
    scene = Scene(stage, pace)
    scene.told.seen = [seen(pace=Pace(**pace))]
    scene.wait(LOOK + limit - 10)
    assert scene.told.ended == 0
    scene.wait(10)
    assert scene.told.ended == 1


def test_a_long_evaluation_moves_though_nothing_is_reported(stage: Stage) -> None:
    scene = Scene(stage)
    for moves in range(100):
        scene.wait(70)
        scene.told.seen = [seen(pace=Pace(moves=10 + moves, steps=40, warm=True))]
    assert scene.failures == []
    scene.wait(400)
    assert scene.failures == [("stalled", 40, "n1")]


def test_a_process_that_waits_for_a_busy_driver_stands_not_still(stage: Stage) -> None:
    scene = Scene(stage)
    scene.told.seen = [seen(state=psutil.STATUS_SLEEPING, pace=Pace(moves=9, steps=40, warm=True, idle=True))]
    scene.wait(3000)
    assert scene.failures == []
    scene.told.seen.append(seen(8, "n2", psutil.STATUS_STOPPED))
    scene.wait(LOOK + 300)
    assert scene.failures == [("stalled", -1, "n2")]


def test_a_driver_that_was_suspended_makes_nothing_stand_still(stage: Stage) -> None:
    scene = Scene(stage)
    scene.dog.tick(86_400)
    scene.dog.tick(86_400)
    assert scene.still is None
    assert scene.failures == []


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([seen(8, "n2", psutil.STATUS_STOPPED)], "process 8 on n2 was stopped"),
        (
            [seen(8, "n1", psutil.STATUS_DISK_SLEEP), seen(9, "n2", psutil.STATUS_STOPPED, trains=False)],
            "process 9 on n2, which helps to train, was stopped",
        ),
        ([seen(8, "n2", psutil.STATUS_DISK_SLEEP)], "process 8 on n2 waited for a disk or a device"),
    ],
)
def test_who_is_held_up_is_named_and_it_is_no_fault_of_the_trial(stage: Stage, others: list[Seen], said: str) -> None:
    scene = Scene(stage)
    scene.told.seen += others
    scene.wait(LOOK + 300)
    assert scene.failures == [("stalled", -1, "n2")]
    assert stage.store.attempts.failures(scene.pack.id)[0].message.endswith(said)
    assert scene.excluded == []


def test_a_node_whose_processes_cannot_be_ended_gets_no_more(stage: Stage) -> None:
    scene = Scene(stage)
    stuck = [seen(pid, "n1", psutil.STATUS_DISK_SLEEP) for pid in (7, 8)]
    scene.told.seen, scene.told.left = stuck, Look(seen=stuck, silent=[])
    scene.wait(LOOK + 300)
    assert scene.failures == [("stalled", -1, "n1")]
    assert scene.excluded == [], "that is for the driver's thread"
    scene.dog.on_step_begin(1, [])
    assert scene.excluded == [("n1", "process 8 there cannot be ended")]


def test_a_node_that_does_not_answer_gets_no_more(stage: Stage) -> None:
    scene = Scene(stage)
    scene.told.seen, scene.told.silent, scene.told.left = [], ["n3"], Look(seen=[], silent=["n3"])
    scene.wait(LOOK + 300)
    scene.dog.on_step_begin(1, [])
    assert scene.failures == [("stalled", -1, "n3")]
    assert scene.excluded == [("n3", "it does not answer")]


def test_a_process_that_stands_still_before_its_first_word_is_watched(stage: Stage) -> None:
    """One that Tune uses again, and that does not even take its pack."""
    scene = Scene(stage)
    trials = [scene.trial]
    scene.dog.on_step_begin(1, trials)
    scene.dog.on_trial_complete(1, trials, scene.trial)
    waiting = SimpleNamespace(**{**vars(scene.trial), "trial_id": "two"})
    waiting.temporary_state = SimpleNamespace(ray_actor=None)
    trials.append(waiting)
    scene.dog.on_step_begin(2, trials)
    scene.wait(3000)
    assert scene.told.ended == 0, "it waits for a free core"
    waiting.temporary_state.ray_actor = "actor"
    scene.dog.on_step_begin(3, trials)
    scene.told.seen = [seen()]
    scene.wait(LOOK + 1200)
    assert scene.told.ended == 1


def test_a_process_that_does_not_come_up_is_ended(stage: Stage) -> None:
    scene = Scene(stage)
    scene.told.started = ["a", "b"]
    scene.wait(1195)
    scene.told.started = ["b", "c"]
    scene.wait(TICK)
    assert scene.told.started == ["c"]


def test_what_is_over_is_watched_no_more(stage: Stage) -> None:
    scene = Scene(stage)
    scene.wait(100)
    assert scene.still is not None
    scene.dog.on_trial_complete(1, [scene.trial], scene.trial)
    assert scene.still is None
    scene.wait(3000)
    assert scene.told.ended == 0
