"""SLURM's programs: run one, read what it says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from slurm.errors import NoSlurm, Unanswered


def ask(command: Sequence[str], seconds: float = 30.0) -> str:
    """Standard output of one of SLURM's programs. NoSlurm where there is none; Unanswered when it fails."""
    if shutil.which(command[0]) is None:
        raise NoSlurm(f"there is no SLURM here: `{command[0]}` is not on the PATH; run this on a login node")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Unanswered(f"`{' '.join(command)}` gave no answer for {seconds:.0f} s") from None
    if done.returncode:
        raise Unanswered(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
