"""What `run.compile` asks of a machine; without torch, as it is asked before anything starts."""

from __future__ import annotations

import os
import shutil


def needs_compiler() -> None:
    """ValueError where there is no C++ compiler."""
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise ValueError(
            f"run.compile needs the C++ compiler {compiler}, which is not here: install it, name another in the "
            "environment variable CXX, or set run.compile to false"
        )
