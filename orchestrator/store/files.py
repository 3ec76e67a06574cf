"""Write-once files: complete under a temporary name, synced, then published with a hard link.

`os.link` refuses a name that exists, where a rename would overwrite it; it works on NFS and Lustre. `Disk` does all
of this with the patience that a shared disk asks for.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar

TEMPORARY = ".tmp-"  # readers skip names that begin so
PATIENCE = 120.0  # seconds that a training waits for a disk that refuses
# A disk's own refusals, no fault of who asks: read-only, input or output error, stale handle, time-out, full, quota.
_REFUSALS = frozenset(
    {errno.EROFS, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOSPC, errno.EDQUOT, errno.ENOTCONN}
)

T = TypeVar("T")


def refused(error: BaseException) -> bool:
    """Whether the disk refused, whatever was written to it."""
    return isinstance(error, OSError) and error.errno in _REFUSALS


class Disk:
    """The disk of a workspace. A refusal is waited for `patience` seconds at most, then raised."""

    def __init__(self, patience: float = 0.0, sleep: Callable[[float], None] = time.sleep) -> None:
        self._patience = patience
        self._sleep = sleep

    def publish(self, path: Path, data: bytes, mode: int | None = None) -> bool:
        """Publishes `data` as `path`, once and whole. False when the name is taken: the first link wins.

        `mode`: of the file, whatever the umask.
        """
        return self.patiently(lambda: publish(path, data, mode))

    def replace(self, path: Path, data: bytes) -> None:
        """Puts `data` in the place of `path`, whole."""
        self.patiently(lambda: replace(path, data))

    def write(self, path: Path, text: str) -> None:
        """Overwrites a small file in place: for what may be lost."""
        self.patiently(lambda: path.write_text(text))

    def append(self, path: Path, line: str) -> None:
        """Adds a line to a log."""

        def add() -> None:
            with _opened(path, "ab") as file:
                file.write(f"{line}\n".encode())

        self.patiently(add)

    def remove(self, *paths: Path) -> None:
        """Removes the files that exist among these, in this order."""
        for path in paths:
            self.patiently(lambda path=path: path.unlink(missing_ok=True))

    def patiently(self, action: Callable[[], T]) -> T:
        """Does `action` again until the disk does not refuse; raises what it said when that takes too long."""
        began, pause = time.monotonic(), 0.2
        while True:
            try:
                return action()
            except OSError as error:
                if not refused(error) or time.monotonic() - began >= self._patience:
                    raise
            self._sleep(pause)
            pause = min(2 * pause, 3.0)


def publish(path: Path, data: bytes, mode: int | None = None) -> bool:
    """Publishes `data` as `path`, once and whole. False when the name is taken: the first link wins."""
    with _temporary(path) as temporary:
        _write(temporary, data)
        if mode is not None:
            temporary.chmod(mode)
        try:
            os.link(temporary, path)
            published = True
        except FileExistsError:
            published = False
        _drop(temporary)
        if published:
            _sync(path.parent)
    return published


def replace(path: Path, data: bytes) -> None:
    """Puts `data` in the place of `path`, whole: for what may be overwritten (heartbeats, progress)."""
    with _temporary(path) as temporary:
        _write(temporary, data)
        temporary.replace(path)
        _sync(path.parent)


@contextmanager
def replaced_whole(path: Path) -> Generator[Path]:
    """Yields a temporary path to write to, which takes the place of `path` when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(path) as temporary:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)


@contextmanager
def _temporary(path: Path) -> Generator[Path]:
    """A name beside `path` to write to first. What lies there is removed when the writing fails."""
    temporary = path.parent / f"{TEMPORARY}{path.name}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        yield temporary
    except BaseException:
        _drop(temporary)
        raise


def _drop(temporary: Path) -> None:
    with suppress(OSError):  # a disk that refuses now keeps it, and what was published stays published
        temporary.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with _opened(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _opened(path: Path, mode: Literal["xb", "ab"]) -> BinaryIO:
    """Makes the folder only where it is missing: to ask each time would cost a shared disk a call."""
    try:
        return path.open(mode)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open(mode)


def _sync(path: Path) -> None:
    """Syncs a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
