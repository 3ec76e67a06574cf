"""INT and TERM from the first moment on: one sentence and exit code 130 or 143, no traceback, no death by a signal."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType
from typing import NoReturn

AGAIN_SECONDS = 1.0  # `timeout` sends its signal twice: only what comes later is a second one
UNWIND_SECONDS = 10  # that a verb gets to put in order what it had begun
NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A verb is to end. No KeyboardInterrupt: what catches that would go on."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def heed() -> None:
    """Until a verb does otherwise, either ends the process at once: whatever is written is whole at any moment.

    Nothing is raised, as an exception amid the import of a library in C can crash it.
    """
    for number in NUMBERS:
        signal.signal(number, _end)


def unwind() -> None:
    """Either raises Interrupted, where `heed` was called; at once it ends the process only amid an import, and when it
    comes again."""
    heard: list[tuple[int, float]] = []

    def late(_number: int, frame: FrameType | None) -> None:
        _end(heard[0][0], frame)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if not heard:
            heard.append((number, time.monotonic()))
            if _imports(frame):
                _end(number, frame)
            signal.signal(signal.SIGALRM, late)
            signal.alarm(UNWIND_SECONDS)
            raise Interrupted(number)
        first, at = heard[0]
        if time.monotonic() - at > AGAIN_SECONDS:
            _end(first, frame)

    for number in NUMBERS:
        if signal.getsignal(number) is _end:
            signal.signal(number, interrupt)


def over() -> None:
    """The exit code stands: no signal that comes while Python ends, and forgets our handlers, changes it."""
    for number in NUMBERS:
        if getattr(signal.getsignal(number), "__module__", "") == __name__:
            signal.signal(number, signal.SIG_IGN)
    signal.alarm(0)


def say() -> None:
    cursor = b"\x1b[?25h" if os.isatty(2) else b""  # which a progress bar hides
    os.write(2, cursor + b"normsweep: interrupted\n")


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _end(number: int, _frame: object) -> NoReturn:
    say()
    os._exit(128 + number)
