"""The driver of a run on this machine: a process in a session of its own, and how `run` keeps it going.

No signal to the terminal or the process group of who typed `run` reaches it or its Ray. It saves and ends when its
standard input does, so also when `run` is killed; it tells what happens on its standard output. All else that it, Ray
and their libraries say goes to `logs/driver.log`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Any

from orchestrator.engine.driver import Outcome, drive, missing_packs
from orchestrator.engine.local import LocalBackend, end_session, sweep_up
from orchestrator.engine.stalls.silence import SILENT, SILENT_SECONDS
from orchestrator.engine.view import View
from orchestrator.store import Store
from orchestrator.store.files import PATIENCE, refused
from orchestrator.store.leases import Lease
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from sweeps.errors import NormsweepError
from sweeps.file.sections import RunSection

MODULE = "orchestrator.engine.child"
LOOK_SECONDS = 0.1
ALIVE_SECONDS = 2.0  # the longest that a driver says nothing
AGAIN_SECONDS = 1.0  # `timeout` sends its signal twice: only what comes later is a second one
PAUSE_SECONDS = 2.0  # after a death, for each in a row
STRIKES = 5  # drivers in a row that died before anything was saved
MOST_UNSENT = 1000
END = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a driver is to do: train these trials in the workspace `root`, on so many cores and GPUs."""

    root: str
    wanted: set[str]
    run: RunSection
    cpus: int
    gpus: int
    silent_seconds: float = SILENT_SECONDS


class Interrupts:
    """INT and TERM, noted; a second INT is urgent."""

    def __init__(self) -> None:
        self.number = 0  # of the first signal
        self.urgent = False
        self._at = 0.0

    @contextmanager
    def noted(self) -> Generator[Interrupts]:
        """In a thread that is not the main one Python hears no signals, and nothing is noted."""
        numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        before = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _frame: object) -> None:
        now = time.monotonic()
        if not self.number:
            self.number, self._at = number, now
        elif number == signal.SIGINT and now - self._at > AGAIN_SECONDS:
            self.urgent = True


def keep_driving(store: Store, work: Work, view: View, interrupts: Interrupts, module: str = MODULE) -> Outcome:
    """Starts the driver, `python -m module`, and again whenever it or its Ray is lost, until its work is done."""
    strikes = 0
    while missing_packs(store, work.wanted) and not interrupts.number:
        before = _saved(store, work)
        view.phase("starting Ray")
        child = _Child(store, work, module)
        outcome = child.followed(view, interrupts)
        store.roster.read()  # it may have split packs
        if outcome is not None:
            return outcome
        if interrupts.number:
            break
        strikes = strikes + 1 if _saved(store, work) == before else 1
        if strikes == STRIKES:
            view.tell(f"Ray was lost {strikes} times before anything was saved, the last time as {child.reason}")
            return Outcome(given_up=len(missing_packs(store, work.wanted)))
        view.tell(f"Ray was lost, as {child.reason}: starting it again, packs go on from their checkpoints")
        until = time.monotonic() + PAUSE_SECONDS * strikes
        while time.monotonic() < until and not interrupts.number:
            time.sleep(LOOK_SECONDS)
    if interrupts.number:
        view.tell("stopped at once: run again to go on")
    return Outcome(stopped=bool(interrupts.number))


def _saved(store: Store, work: Work) -> dict[str, float]:
    """When the packs that lack a part were last saved: something else once any lasts."""
    saved: dict[str, float] = {}
    for pack in missing_packs(store, work.wanted):
        path = store.workspace.checkpoint(pack.id)
        saved[pack.id] = path.stat().st_mtime if path.exists() else 0.0
    return saved


class _Child:
    """One driver, as `run` sees it. It is followed once; then nothing of its session runs any more."""

    def __init__(self, store: Store, work: Work, module: str) -> None:
        self.reason = ""
        self._store = store
        self._owner = ""
        self._log = store.workspace.driver_log
        self._log.parent.mkdir(parents=True, exist_ok=True)
        inbox, word = os.pipe()
        events, outbox = os.pipe()
        with self._log.open("ab") as file:
            self._known = file.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module], stdin=inbox, stdout=outbox, stderr=file, start_new_session=True
            )
        os.close(inbox)
        os.close(outbox)
        self._events = Connection(events, writable=False)
        self._word = Connection(word, readable=False)
        # More than a pipe holds waits until the driver reads it, which nobody else should wait for.
        self._sender = threading.Thread(target=self._send, args=(work,), name="work", daemon=True)
        self._sender.start()

    def _send(self, work: Work) -> None:
        with suppress(OSError):  # it is lost already, as `followed` will find
            self._word.send(work)

    def followed(self, view: View, interrupts: Interrupts) -> Outcome | None:
        """Passes on what it tells until it ends. None: it was lost, for `reason`, or interrupted. Raises its errors."""
        try:
            return self._followed(view, interrupts)
        except EOFError:
            return None
        finally:
            self._end()

    def _followed(self, view: View, interrupts: Interrupts) -> Outcome | None:
        silent, asked = 0.0, False
        while silent < SILENT_SECONDS:
            if interrupts.urgent or (interrupts.number and not asked and not self._trains()):
                return None
            if interrupts.number and not asked:
                self._sender.join()  # it has begun to train, so it has read all
                self._word.close()
                asked = True
            if not self._events.poll(LOOK_SECONDS):
                silent += LOOK_SECONDS  # not by the clock: while `run` is suspended it hears nothing
                continue
            silent = 0.0
            match self._events.recv():
                case ("outcome", outcome):
                    return outcome
                case ("error", error):
                    raise error
                case ("owner", owner):
                    self._owner = owner
                case (name, *given):
                    getattr(view, name)(*given)
                case _:
                    pass
        self.reason = f"its driver said nothing for {SILENT_SECONDS:.0f} s"
        return None

    def _end(self) -> None:
        """Ends all of its session, gives back what it leased, and removes what it leaves."""
        end_session(self._process.pid)
        self._sender.join()  # nobody reads any more
        self._word.close()
        self._events.close()
        code = self._process.wait()
        self.reason = self.reason or self._died(code)
        sweep_up()
        if self._owner:
            for lease in self._leases():
                self._store.leases.release(lease)
            heartbeat = self._store.workspace.heartbeat(self._owner)
            self._store.disk.remove(*heartbeat.parent.glob(f"*{self._owner}*"))  # and what it was writing

    def _died(self, code: int) -> str:
        if code == SILENT:
            return "it did not answer"
        if code < 0:
            return f"{signal.Signals(-code).name} ended its driver"
        with self._log.open("rb") as file:
            file.seek(self._known)
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        return f"its driver ended with exit code {code}" + (f" ({lines[-1]})" if lines else "")

    def _trains(self) -> bool:
        """Whether any pack has begun, so that it has something to save."""
        return any(self._store.leases.started(lease) for lease in self._leases())

    def _leases(self) -> list[Lease]:
        return [lease for lease in self._store.leases.held().values() if lease.owner.id == self._owner]


class Sender:
    """A `View` that tells `run`, which may be suspended and not listen: that holds nothing up."""

    def __init__(self, events: Connection) -> None:
        self.up = False  # whether Ray is
        self._events = events
        self._unsent: SimpleQueue[tuple[Any, ...]] = SimpleQueue()  # a signal's handler may put into it at any moment
        self._sender = threading.Thread(target=self._send, name="events", daemon=True)
        self._sender.start()

    def phase(self, what: str) -> None:
        self.up = True
        self.say("phase", what)

    def progressed(self, pack: RosterPack, share: float) -> None:
        if self._unsent.qsize() < MOST_UNSENT:
            self.say("progressed", _named(pack), share)

    def ended(self, pack: RosterPack, state: str) -> None:
        self.say("ended", _named(pack), state)

    def tell(self, sentence: str) -> None:
        self.say("tell", sentence)

    def say(self, *event: Any) -> None:
        self._unsent.put(event)

    def close(self) -> None:
        self._unsent.put(END)
        self._sender.join()

    def _send(self) -> None:
        with suppress(BrokenPipeError):  # nobody listens any more
            while True:
                try:
                    event = self._unsent.get(timeout=ALIVE_SECONDS)
                except Empty:
                    event = None  # says that we live
                if event == END:
                    return
                self._events.send(event)


def _named(pack: RosterPack) -> RosterPack:
    """Without its settings, which no view shows."""
    return RosterPack(pack.id, pack.trial_ids, {}, ())


def main() -> int:
    """The driver's process. Exit status 0: it told the outcome or its error; 1: it failed before Ray was up."""
    inbox, events = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    work: Work = inbox.recv()
    threading.Thread(target=_heed, args=(inbox,), name="word", daemon=True).start()
    sender = Sender(events)
    try:
        backend = LocalBackend(Workspace.at(work.root), work.cpus, work.gpus)
        sender.say("owner", backend.owner.id)
        store = Store.at(work.root, patience=PATIENCE)
        sender.say("outcome", drive(store, work.wanted, work.run, backend, sender, silent_seconds=work.silent_seconds))
    except Exception as error:  # noqa: BLE001  a process border
        known = isinstance(error, NormsweepError | PermissionError) or refused(error)
        if not known:
            traceback.print_exc()
            if not sender.up:
                return 1
            error = RuntimeError(f"the driver failed:\n{traceback.format_exc()}")
        sender.say("error", error)
    sender.close()
    return 0


def _heed(inbox: Connection) -> None:
    """Waits until `run` wants us to save and end, or is gone."""
    with suppress(EOFError):
        inbox.recv()
    if getattr(signal.getsignal(signal.SIGTERM), "__module__", "") == drive.__module__:
        os.kill(os.getpid(), signal.SIGTERM)
    else:  # nothing trains yet, or any more
        end_session(os.getpid())


if __name__ == "__main__":
    sys.exit(main())
