"""Write-once files: complete under a temporary name, synced, then published with a hard link.

`os.link` refuses a name that exists, where a rename would overwrite it; it works on NFS and Lustre.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY = ".tmp-"  # readers skip names that begin so


def publish(path: Path, data: bytes) -> bool:
    """Publishes `data` as `path`, once and whole. False when the name is taken: the first link wins."""
    with _temporary(path) as temporary:
        _write(temporary, data)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        _sync(path.parent)
    return True


def replace(path: Path, data: bytes) -> None:
    """Puts `data` in the place of `path`, whole: for what may be overwritten (heartbeats, progress)."""
    with replaced_whole(path) as temporary:
        _write(temporary, data)


@contextmanager
def replaced_whole(path: Path) -> Generator[Path]:
    """Yields a temporary path to write to, which takes the place of `path` when all went well."""
    with _temporary(path) as temporary:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)


@contextmanager
def _temporary(path: Path) -> Generator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY}{path.name}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        yield temporary
    finally:
        with suppress(OSError):  # a disk that refuses now keeps it, and what was published stays published
            temporary.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    """Syncs a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
