"""The watchdog: a pack that does not move is ended by force, so that it can be trained again elsewhere.

It counts time in ticks of its own: neither a driver that was suspended nor a clock that jumps makes a pack stand still.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

from ray import tune

from orchestrator.engine.meanwhile import meanwhile
from orchestrator.engine.stalls.processes import HELD, Look, Processes
from orchestrator.engine.task import PackTask
from orchestrator.store import Store
from orchestrator.store.attempts import Failure
from orchestrator.store.leases import Still
from trainers.pulse import Pace

SLOWEST = 20.0  # times its own slowest move, a pack may take for one
BEGINNING = 4.0  # times the limit, for what comes once: getting ready, compiling, the first step
READY_SECONDS = 60.0  # it is that, at least
LOOK_SECONDS = 10.0  # between two looks at a pack that reports nothing; one that did not move in between is told, too
MOST_INTERVAL = 5.0


@dataclass(kw_only=True)
class _Watched:
    """A pack in training. `still`: seconds in which it did not move, as the watchdog counts; `looked`: of them, those
    before the last look; `look`: what was seen then, None since it reported."""

    task: PackTask
    actor: Any
    pace: Pace = field(default_factory=Pace)
    still: float = 0.0
    looked: float = 0.0
    look: Look | None = None
    told: bool = False

    def limit(self, stall: float) -> float:
        limit = max(stall, SLOWEST * self.pace.slowest)
        return limit if self.pace.warm else max(BEGINNING * limit, READY_SECONDS)


class Watchdog(tune.Callback):
    """Hears of movement from Tune, looks at the processes of a pack that reports none, ends those that stand still.

    Tune calls it from the driver's thread; `tick` runs in a thread of its own.
    """

    def __init__(
        self,
        store: Store,
        stall_seconds: float,
        exclude: Callable[[str, str], None],
        processes: Processes | None = None,
    ) -> None:
        """`exclude`: takes a node out of use, for a reason; called from the driver's thread."""
        self._store, self._stall, self._exclude = store, stall_seconds, exclude
        self._impatient = Store(store.workspace)  # for what is only told
        self._processes = processes or Processes()
        self.interval = min(stall_seconds / 4, MOST_INTERVAL)
        self._known = 0  # of Tune's trials
        self._waiting: dict[str, Any] = {}  # Tune trials without a process
        self._watched: dict[str, _Watched] = {}
        self._starting: dict[str, float] = {}  # actors that are not up yet, and for how long
        self._out: deque[tuple[str, str]] = deque()  # nodes to exclude, and why

    def watching(self) -> AbstractContextManager[None]:
        """While Tune trains."""

        def watch(over: threading.Event) -> None:
            last = time.monotonic()
            while not over.wait(self.interval):
                now = time.monotonic()
                try:
                    self.tick(now - last)
                except Exception:  # whatever it was: packs must be watched until the end
                    logging.getLogger("ray").exception("the watchdog stumbled")
                last = now

        return meanwhile(watch, "watchdog")

    def on_step_begin(self, iteration: int, trials: Sequence[Any], **info: Any) -> None:
        self._waiting |= {t.trial_id: t for t in trials[self._known :] if t.trial_id not in self._watched}
        self._known = len(trials)
        for trial in list(self._waiting.values()):
            if trial.temporary_state.ray_actor is not None:
                self._watch(trial)
        while self._out:
            self._exclude(*self._out.popleft())

    def on_trial_start(self, iteration: int, trials: Sequence[Any], trial: Any, **info: Any) -> None:
        self._watch(trial)

    def on_trial_result(
        self, iteration: int, trials: Sequence[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if watched := self._watched.get(trial.trial_id):
            watched.pace = Pace(**result["pace"])
            self._moved(watched)

    def on_trial_complete(self, iteration: int, trials: Sequence[Any], trial: Any, **info: Any) -> None:
        self._waiting.pop(trial.trial_id, None)
        if watched := self._watched.pop(trial.trial_id, None):
            self._moved(watched)

    def on_trial_error(self, iteration: int, trials: Sequence[Any], trial: Any, **info: Any) -> None:
        self.on_trial_complete(iteration, trials, trial)

    def tick(self, elapsed: float) -> None:
        """Some seconds have passed."""
        elapsed = min(elapsed, 2 * self.interval)
        self._look_at_starts(elapsed)
        watched = self._watched.copy()  # the other thread may change it
        for pack in watched.values():
            pack.still += elapsed
        for trial, pack in watched.items():
            if pack.still - pack.looked >= min(LOOK_SECONDS, pack.limit(self._stall) / 2):
                self._look(trial, pack)

    def _look_at_starts(self, elapsed: float) -> None:
        """Ends processes that do not come up; what was to be trained there then counts as lost with them."""
        limit = max(BEGINNING * self._stall, READY_SECONDS)
        self._starting = {a: self._starting.get(a, 0.0) + elapsed for a in self._processes.starting()}
        for actor in [a for a, seconds in self._starting.items() if seconds >= limit]:
            logging.getLogger("ray").error("an actor did not start within %.0f s and is ended: %s", limit, actor)
            self._starting.pop(actor)
            self._processes.end_start(actor)

    def _look(self, trial: str, pack: _Watched) -> None:
        look = self._processes.look(pack.actor)
        if not (look.seen or look.silent):
            return  # over already: Tune is about to hear of it
        before, pack.pace = pack.look, look.pace or pack.pace
        limit = pack.limit(self._stall)
        if look.idle or before is None or look.moves != before.moves:
            self._moved(pack)
        elif pack.still >= limit:
            self._end(trial, pack, look)
        elif pack.still >= max(LOOK_SECONDS, limit / 4):
            still = Still(node=self._culprit(look)[0], since=time.time() - pack.still, limit=limit)
            pack.told = True
            with suppress(OSError):
                self._impatient.leases.stand_still(pack.task.lease, still)
            if trial not in self._watched:  # ended as we wrote
                self._moved(pack)
        pack.look, pack.looked = look, pack.still

    def _end(self, trial: str, pack: _Watched, look: Look) -> None:
        host, reason, itself = self._culprit(look)
        failure = Failure(
            pack=pack.task.lease.pack,
            generation=pack.task.lease.generation,
            kind="stalled",
            epoch=-1,
            step=pack.pace.steps if itself else -1,
            message=f"it did not move for {pack.still:.0f} s: {reason}",
            traceback=self._processes.stacks(pack.actor) if itself else "",
            host=host,
        )
        if self._watched.get(trial) is not pack:  # over as we looked
            return
        self._store.attempts.fail(failure)
        left = self._processes.end(pack.actor)
        out = {p.host: f"process {p.pid} there cannot be ended" for p in left.seen}
        self._out += (out | dict.fromkeys(left.silent, "it does not answer")).items()
        self._watched.pop(trial, None)
        self._moved(pack)

    @staticmethod
    def _culprit(look: Look) -> tuple[str, str, bool]:
        """The name of its node, what is the matter, and whether training itself is to blame."""
        if look.silent:
            return look.silent[0], f"node {look.silent[0]} did not answer", False
        if held := look.held:
            helps = "" if held.trains else ", which helps to train,"
            return held.host, f"process {held.pid} on {held.host}{helps} {HELD[held.state]}", False
        first = look.seen[0]
        return first.host, f"process {first.pid} on {first.host} was {first.state} and did no step", True

    def _watch(self, trial: Any) -> None:
        self._waiting.pop(trial.trial_id, None)
        self._watched[trial.trial_id] = _Watched(task=trial.config["task"], actor=trial.temporary_state.ray_actor)

    def _moved(self, pack: _Watched) -> None:
        pack.still, pack.looked, pack.look = 0.0, 0.0, None
        if pack.told:
            pack.told = False
            with suppress(OSError):
                self._impatient.leases.stand_still(pack.task.lease, None)

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its parts in order to restore them, which nobody does here."""
        return {}
