"""What `run` makes of its driver's errors and deaths. The driver here starts no Ray."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from orchestrator.engine import child
from orchestrator.engine.child import Interrupts, Work, keep_driving
from orchestrator.engine.driver import Outcome
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.roster import RosterPack
from sweeps.errors import DamagedError
from sweeps.file.spec import load_spec
from tests.orchestrator.stage import Stage

ROOT = Path(__file__).resolve().parents[3]
DRIVER = """
import os, subprocess, sys, time
from orchestrator.engine import child
from orchestrator.engine.driver import Outcome
from orchestrator.store.owner import Liveness
from sweeps.errors import DamagedError

def drive(store, wanted, run, backend, view, *, silent_seconds):
    (pack, *_) = store.roster.live
    print("of no interest")
    print("some library's own words", file=sys.stderr)
WHAT

child.drive = drive
sys.exit(child.main())
"""


class View:
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[object, ...]] = []

    def phase(self, what: str) -> None:
        self.shown.append(("phase", what))

    def progressed(self, pack: RosterPack, share: float) -> None:
        self.shown.append(("progressed", pack.id, len(pack.trial_ids), share))

    def ended(self, pack: RosterPack, state: str) -> None:
        self.shown.append(("ended", pack.id, state))

    def tell(self, sentence: str) -> None:
        self.shown.append(("tell", sentence))


def driven(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, what: str, interrupts: Interrupts | None = None
) -> tuple[Outcome, View]:
    (stage.folder / "some_driver.py").write_text(DRIVER.replace("WHAT", f"    {what}"))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{stage.folder}")
    monkeypatch.setattr(child, "PAUSE_SECONDS", 0.0)
    store, view = stage.store, View()
    wanted = {trial for pack in store.roster.live for trial in pack.trial_ids}
    run = load_spec(str(stage.file)).run
    work = Work(root=str(stage.workspace.root), wanted=wanted, run=run, cpus=1, gpus=0)
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    try:
        return keep_driving(store, work, view, interrupts or Interrupts(), "some_driver"), view
    finally:
        assert {process.pid for process in psutil.Process().children(recursive=True)} <= before


def test_all_that_is_told_arrives_and_nothing_else_does(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    what = 'view.progressed(pack, 0.5); view.ended(pack, "done"); view.tell("hear"); return Outcome(given_up=3)'
    outcome, view = driven(stage, monkeypatch, what)
    pack = stage.store.roster.live[0]
    assert outcome == Outcome(given_up=3)
    assert view.shown == [
        ("phase", "starting Ray"),
        ("progressed", pack.id, 8, 0.5),
        ("ended", pack.id, "done"),
        ("tell", "hear"),
    ]
    assert capfd.readouterr() == ("", "")
    assert {*stage.workspace.driver_log.read_text().splitlines()} == {"some library's own words", "of no interest"}


def test_errors_are_raised_here(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DamagedError, match="this file"):
        driven(stage, monkeypatch, 'raise DamagedError("this file")')
    with pytest.raises(PermissionError, match="not yours"):
        driven(stage, monkeypatch, 'raise PermissionError(1, "not yours")')
    with pytest.raises(RuntimeError, match=r"the driver failed:[^$]*ZeroDivisionError"):
        driven(stage, monkeypatch, 'view.phase("reading data"); 1 / 0')


def test_a_driver_that_dies_again_and_again_is_given_up_with_the_reason(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, view = driven(stage, monkeypatch, "store.leases.take(pack.id, backend.owner, backend.liveness); 1 / 0")
    lost = "Ray was lost, as its driver ended with exit code 1 (ZeroDivisionError: division by zero): starting it again"
    told = [str(words[1]) for words in view.shown if words[0] == "tell"]
    assert [sentence.startswith(lost) for sentence in told] == [True] * 4 + [False]
    assert told[-1].startswith("Ray was lost 5 times before anything was saved, the last time as its driver ended")
    assert outcome.given_up == 3
    (pack, *_) = stage.store.roster.live
    assert stage.store.leases.held() == {}  # each gave back what the one before had leased
    assert stage.store.leases.take(pack.id, myself(), Liveness(stage.workspace)).generation == 6  # type: ignore[union-attr]


def test_one_that_is_killed_is_started_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    what = 'os.path.exists("again") or (open("again", "w"), os.kill(os.getpid(), 9)); return Outcome(began=True)'
    outcome, view = driven(stage, monkeypatch, what)
    assert outcome == Outcome(began=True)
    assert (
        "tell",
        "Ray was lost, as SIGKILL ended its driver: starting it again, packs go on from their checkpoints",
    ) in (view.shown)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_before_training_ends_all_of_its_session(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Also what the driver started, in a process group of its own."""
    what = 'subprocess.Popen(["sleep", "1000"], process_group=0); view.tell("begun"); time.sleep(1000)'
    interrupts, pid = Interrupts(), os.getpid()

    class Interrupting(View):
        def tell(self, sentence: str) -> None:
            super().tell(sentence)
            if sentence == "begun":
                os.kill(pid, number)

    monkeypatch.setitem(globals(), "View", Interrupting)
    with interrupts.noted():
        outcome, view = driven(stage, monkeypatch, what, interrupts)
    assert (outcome, interrupts.number) == (Outcome(stopped=True), number)
    assert view.shown[-1] == ("tell", "stopped at once: run again to go on")
    assert signal.getsignal(number) != interrupts._note


def test_the_second_int_is_urgent_unless_it_came_with_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "AGAIN_SECONDS", 0.2)
    interrupts = Interrupts()
    with interrupts.noted():
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
        assert (interrupts.number, interrupts.urgent) == (signal.SIGTERM, False)
        time.sleep(0.3)
        signal.raise_signal(signal.SIGTERM)
        assert not interrupts.urgent
        signal.raise_signal(signal.SIGINT)
        assert interrupts.urgent


def test_a_run_in_another_thread_hears_none() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def run() -> None:
        with Interrupts().noted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
