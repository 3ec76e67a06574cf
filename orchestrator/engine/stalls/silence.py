"""Whether Ray answers. A driver whose Ray does not can neither train nor end: both are ended and started anew."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from orchestrator.engine.meanwhile import meanwhile

SILENT = 77  # exit status of a driver whose Ray does not answer
SILENT_SECONDS = 60.0
LOOK_SECONDS = 2.0
LEAVING_SECONDS = 120.0  # that Ray may take to start, and to end


@contextmanager
def answering(silent_seconds: float) -> Generator[Answers]:
    """Watches Ray from its start to its end, each for `LEAVING_SECONDS`; between them as `Answers.expected` says."""
    answers = Answers(silent_seconds)
    with meanwhile(answers.watch, "answers"):
        yield answers


class Answers:
    """Counts the looks at Ray, not the clock: who is suspended himself sees nothing."""

    def __init__(self, silent_seconds: float) -> None:
        self._silent_seconds = silent_seconds
        self._limit = LEAVING_SECONDS
        self._answered = threading.Event()

    def watch(self, over: threading.Event) -> None:
        silent = 0.0
        while not over.wait(LOOK_SECONDS):
            limit = self._limit  # before it is asked: `expected` says that Ray answered, then lowers it
            silent = 0.0 if self._answered.is_set() else silent + LOOK_SECONDS
            self._answered.clear()
            if silent >= limit:
                _end(f"Ray did not answer for {limit:.0f} s")

    @contextmanager
    def expected(self) -> Generator[None]:
        """While Ray is up: the process ends when it does not answer for `silent_seconds`, or its node here is dead.

        An error that comes when Ray does not answer is Ray's: it ends the process as well.
        """
        self._answered.set()  # Ray has just come up
        self._limit = self._silent_seconds
        try:
            # Ray must not end while it is asked: where it does not answer, `watch` ends all.
            with meanwhile(self._look, "look"):
                try:
                    yield
                except Exception:
                    self._answered.clear()
                    if not self._answered.wait(2 * LOOK_SECONDS):
                        _end("Ray does not answer")
                    raise
        finally:
            self._answered.set()
            self._limit = LEAVING_SECONDS

    def _look(self, over: threading.Event) -> None:
        import ray

        node = ray.get_runtime_context().get_node_id()
        while not over.wait(LOOK_SECONDS / 2):
            with suppress(Exception):  # no answer
                if not any(other["Alive"] for other in ray.nodes() if other["NodeID"] == node):
                    _end("Ray lost this node")
                if not _stopped():
                    self._answered.set()


def _stopped() -> bool:
    """Whether a daemon of Ray's that this process started was stopped: others may not notice for long."""
    import psutil

    daemons = [p for p in psutil.Process().children() if p.name() in ("raylet", "gcs_server")]
    return any(daemon.status() == psutil.STATUS_STOPPED for daemon in daemons)


def _end(reason: str) -> None:
    """At once: what is hung would hang an orderly end."""
    print(reason, file=sys.stderr, flush=True)
    os._exit(SILENT)
