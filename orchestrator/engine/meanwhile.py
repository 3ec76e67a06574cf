"""Something that is done in a thread while something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def meanwhile(work: Callable[[threading.Event], None], name: str) -> Generator[None]:
    """Has a thread do `work` until what is within is over, which the event then says; waits for it to end."""
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
