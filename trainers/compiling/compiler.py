"""What `run.compile` asks of a machine; without torch, as it is asked before anything starts."""

from __future__ import annotations

import os
import shutil

from sweeps.errors import UsageError


def has_compiler() -> bool:
    return shutil.which(_compiler()) is not None


def needs_compiler() -> None:
    """UsageError where there is no C++ compiler."""
    if not has_compiler():
        raise UsageError(
            f"run.compile needs the C++ compiler {_compiler()}, which is not here: install it, name another in the "
            "environment variable CXX, or set run.compile to false"
        )


def _compiler() -> str:
    return os.environ.get("CXX") or "g++"
