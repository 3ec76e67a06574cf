"""How training moves in this process, kept where others can read it even while this process is stopped.

It lies in memory of the kernel (`memfd`) that the machine's user finds below `/proc`, and is gone with its process.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NAME = "normsweep-pulse"
_LAYOUT = struct.Struct("=qqd?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """`moves`: grows with each step, each evaluated batch, and whatever else shows that the process goes on; `steps`
    of training that are done, -1 before training begins; `slowest`: seconds of the slowest move of training, those
    before it is `warm` apart; `warm`: whether compiling and the first step are over."""

    moves: int = 0
    steps: int = -1
    slowest: float = 0.0
    warm: bool = False


class Pulse:
    def __init__(self) -> None:
        file = os.memfd_create(_NAME)  # open as long as the process lives
        os.ftruncate(file, _LAYOUT.size)
        self._memory = mmap.mmap(file, _LAYOUT.size)
        self._moves, self._steps, self._slowest, self._warm = 0, -1, 0.0, False
        self._since = time.monotonic()
        self._tell()

    @property
    def pace(self) -> Pace:
        return Pace(moves=self._moves, steps=self._steps, slowest=self._slowest, warm=self._warm)

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

    def _tell(self) -> None:
        _LAYOUT.pack_into(self._memory, 0, self._moves, self._steps, self._slowest, self._warm)


@cache
def mine() -> Pulse:
    """The pulse of this process."""
    return Pulse()


def read(pid: int) -> Pace | None:
    """How process `pid` of this machine moves; None where it trains nothing, is gone, or belongs to somebody else."""
    try:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            if os.readlink(file).startswith(f"/memfd:{_NAME} "):
                moves, steps, slowest, warm = _LAYOUT.unpack(file.read_bytes())
                return Pace(moves=moves, steps=steps, slowest=slowest, warm=warm)
    except (OSError, struct.error):  # gone as we looked
        pass
    return None
