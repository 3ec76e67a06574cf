"""How training moves in this process, kept where others can read it even while this process is stopped.

It lies in memory of the kernel (`memfd`) that the machine's user finds below `/proc`, and is gone with its process.
Beside it, for processes that `listen`: where in the program they are, when they are asked.
"""

from __future__ import annotations

import faulthandler
import mmap
import os
import signal
import struct
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NAME, _STACK = "normsweep-pulse", "normsweep-stack"
_ASK = signal.SIGUSR1  # has the process write where it is
_LAYOUT = struct.Struct("=qqd??")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """`moves`: grows with each step, each evaluated batch, and whatever else shows that the process goes on; `steps`
    of training that are done, -1 before training begins; `slowest`: seconds of the slowest move of training, those
    before it is `warm` apart; `warm`: whether compiling and the first step are over; `idle`: it waits for
    whoever says what is next."""

    moves: int = 0
    steps: int = -1
    slowest: float = 0.0
    warm: bool = False
    idle: bool = False


class Pulse:
    def __init__(self) -> None:
        file = os.memfd_create(_NAME)  # open as long as the process lives
        os.ftruncate(file, _LAYOUT.size)
        self._memory = mmap.mmap(file, _LAYOUT.size)
        self._moves, self._steps, self._slowest, self._warm, self._idle = 0, -1, 0.0, False, False
        self._since = time.monotonic()
        self._tell()

    @property
    def pace(self) -> Pace:
        return Pace(moves=self._moves, steps=self._steps, slowest=self._slowest, warm=self._warm, idle=self._idle)

    def reset(self) -> None:
        """Something else is to be trained."""
        self._moves, self._steps, self._slowest, self._warm = self._moves + 1, -1, 0.0, False
        self._tell()

    def train(self, steps: int) -> None:
        """Training begins, or goes on after something else, when so many steps are done."""
        self._since, self._steps = time.monotonic(), steps
        self._tell()

    def move(self, steps: int | None = None, *, warm: bool = False) -> None:
        """Something is done; so many steps in all if one was; `warm`: all that is slow once is over."""
        now = time.monotonic()
        if self._warm:
            self._slowest = max(self._slowest, now - self._since)
        self._since, self._moves, self._warm = now, self._moves + 1, self._warm or warm
        self._steps = self._steps if steps is None else steps
        self._tell()

    def idle(self, idle: bool) -> None:
        """Whether it waits for whoever says what is next."""
        self._idle = idle
        self._tell()

    def _tell(self) -> None:
        _LAYOUT.pack_into(self._memory, 0, self._moves, self._steps, self._slowest, self._warm, self._idle)


@cache
def mine() -> Pulse:
    """The pulse of this process."""
    return Pulse()


@cache
def listen() -> None:
    """Has this process say where in the program it is when it is asked (`stack`)."""
    faulthandler.register(_ASK, os.memfd_create(_STACK), all_threads=False)


def read(pid: int) -> Pace | None:
    """How process `pid` of this machine moves; None where it trains nothing, is gone, or belongs to somebody else."""
    data = _memory(pid, _NAME)
    if not data:
        return None
    moves, steps, slowest, warm, idle = _LAYOUT.unpack(data)
    return Pace(moves=moves, steps=steps, slowest=slowest, warm=warm, idle=idle)


def stack(pid: int, seconds: float = 1.0) -> str:
    """Where in the program process `pid` of this machine is, the innermost call first; "" where it cannot say so within
    about so many seconds. It disturbs the process: for one that is to be ended."""
    before = _memory(pid, _STACK)
    if before is None:
        return ""
    os.kill(pid, _ASK)
    until, last, now = time.monotonic() + seconds, before, before
    while (now == before or now != last) and time.monotonic() < until:
        time.sleep(0.05)
        last, now = now, _memory(pid, _STACK) or b""
    return now[len(before) :].decode(errors="replace")


def _memory(pid: int, name: str) -> bytes | None:
    try:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            if str(file.readlink()).startswith(f"/memfd:{name} "):
                return file.read_bytes()
    except OSError:  # gone as we looked
        pass
    return None
