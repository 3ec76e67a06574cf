"""What SLURM tells a job: TERM, the end comes (preemption, requeue); USR2, it comes in so many seconds (time limit)."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager

# A job's USR2 hits every process of every step, or all their descendants: who inherits this ignores it.
UNHEEDING = ("sh", "-c", 'trap "" USR2; exec "$@"', "sh")


class Signals:
    """What was heard so far. Handlers only take notes: what follows is the reader's business."""

    def __init__(self) -> None:
        self.ending = False  # TERM
        self.warned = False  # USR2

    def _term(self, number: int, frame: object) -> None:
        self.ending = True

    def _usr2(self, number: int, frame: object) -> None:
        self.warned = True

    @property
    def anything(self) -> bool:
        return self.ending or self.warned

    @contextmanager
    def listening(self) -> Generator[Signals]:
        """Replaces submitit's handlers, which ignore TERM and count every USR2 of a short job as a time-out."""
        handlers = {signal.SIGTERM: self._term, signal.SIGUSR2: self._usr2}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
