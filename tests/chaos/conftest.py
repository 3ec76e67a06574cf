"""Shared by the tests that kill processes."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """The temporary folder of what the test starts: of a short name, as Ray's sockets need it, and empty in the end."""
    folder = Path(tempfile.mkdtemp(prefix="ns", dir="/tmp"))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    folder.rmdir()
