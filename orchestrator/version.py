"""Which code made a result."""

from __future__ import annotations

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def code_version() -> str:
    """The installed version, and the commit when the packages lie in a git checkout: `0.1.0+g1a2b3c4` (`.dirty`)."""
    try:
        number = version("normsweep")
    except PackageNotFoundError:
        number = "0"
    home = Path(__file__).resolve().parent.parent
    if not (home / ".git").exists():
        return number
    command = ["git", "-C", str(home), "describe", "--always", "--dirty=.dirty", "--exclude=*", "--abbrev=9"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return number
    return f"{number}+g{done.stdout.strip()}" if done.returncode == 0 else number
