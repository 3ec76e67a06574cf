"""INT and TERM from the first moment on: one sentence and exit code 130 or 143, no traceback, no death by a signal."""

from __future__ import annotations

import os
import signal


def heed() -> None:
    """Until a verb does otherwise, either ends the process at once: whatever is written is whole at any moment.

    Nothing is raised, as an exception amid the import of a library in C can crash it.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def unwind() -> None:
    """INT becomes a KeyboardInterrupt, where `heed` was called."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, _frame: object) -> None:
    cursor = b"\x1b[?25h" if os.isatty(2) else b""  # which a progress bar hides
    os.write(2, cursor + b"normsweep: interrupted\n")
    os._exit(128 + number)
