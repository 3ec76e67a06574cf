"""SLURM's programs: run one, read what it says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence


class Unanswered(Exception):
    """SLURM is there and gave no answer, now: ask again later."""


def ask(command: Sequence[str], seconds: float = 30.0) -> str:
    """Standard output of one of SLURM's programs. ValueError where there is no SLURM; Unanswered when it fails."""
    if shutil.which(command[0]) is None:
        raise ValueError(f"there is no SLURM here: `{command[0]}` is not on the PATH; run this on a login node")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Unanswered(f"`{' '.join(command)}` gave no answer for {seconds:.0f} s") from None
    if done.returncode:
        raise Unanswered(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
