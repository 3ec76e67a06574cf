"""Checkpoints: one file a pack, complete or absent."""

from __future__ import annotations

import errno
import os
import pickle
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

SCHEMA = 1
_DAMAGES = RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, ValueError, KeyError


def save(path: Path, state: dict[str, Any]) -> None:
    """Replaces `path` by this state (tensors and plain data) in one step; a reader sees the old file or the new one."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            torch.save({"schema": SCHEMA, "state": state}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path) -> tuple[dict[str, Any] | None, str]:
    """The state and "", or None and why there is none: absent, damaged, or of another schema."""
    try:
        damaged = _damaged(path)
        data = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None, f"{path} is not there"
    except (*_DAMAGES, OSError) as error:
        # Of the system's refusals one is the file's own: a damaged archive points before its beginning.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        return None, f"{path} is damaged: {error}"
    if damaged or not isinstance(data, dict):
        return None, f"{path} is damaged: {damaged or 'it holds no state'}"
    if data.get("schema") != SCHEMA:
        return None, f"{path} is of schema {data.get('schema')}; this program reads schema {SCHEMA}"
    return data["state"], ""


def _damaged(path: Path) -> str:
    """What is wrong with the archive's checksums, which torch does not compare; "" when all agree."""
    with zipfile.ZipFile(path) as archive:
        member = archive.testzip()
    return f"the checksum of {member} is wrong" if member else ""


class Checkpointed:
    """A trainer whose checkpoint holds its `state_dict`, with some plain data beside it."""

    def state_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def fits(self, state: Mapping[str, Any]) -> bool:
        """Whether a state has the form of this one's: another device or version may train a pack in other tiles."""
        raise NotImplementedError

    def save(self, path: Path, **beside: object) -> None:
        """Writes a checkpoint, in one step, with some plain data beside the state."""
        save(path, {"trainer": self.state_dict(), **beside})

    def load(self, path: Path) -> tuple[dict[str, Any] | None, str]:
        """Goes on from a checkpoint; returns what lay beside the state and "", or None and why there is none."""
        state, reason = load(path)
        if state is None:
            return None, reason
        trainer = state.pop("trainer")
        if not self.fits(trainer):
            return None, f"{path} was written on another device or by another version, which divided the pack otherwise"
        self.load_state_dict(trainer)
        return state, ""
