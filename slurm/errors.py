"""The errors of SLURM and of site files.

SlurmError
├── SiteError   a site file, or what was asked of SLURM, is invalid
├── NoSlurm     there is no SLURM on this machine
└── Unanswered  SLURM is there and gave no answer: repeat later

Each message names what is wrong and the way out, as those of `sweeps.errors` do. `reason_in` finds in a log of others
what ended them.
"""

from __future__ import annotations

import re
from pathlib import Path

LOG_BYTES = 2**16  # the end of a log that is read
_LONGEST = 300
# Lines of Ray's and SLURM's programs that tell nothing of an end, and marks that stand before what a line says.
_NOISE = re.compile(
    r"\s|$|\[state-dump\]|.*\t(INFO|SUCC) |.*(Remaining processes will be killed|----- (BEGIN|END) )|"
    r"submitit (INFO|ERROR) "
)
_MARKS = re.compile(
    r"\x1b\[[\d;]*m|^[\d-]+ [\d:,]+\t[A-Z]+ \S+ -- |^\[\d{4}[^]]*\] |^(RuntimeError|(slurm|sweeps)\.[\w.]+): "
)
# What tells most comes first: an exception, a failed assertion of Ray's daemons, a kill, words of failure.
_TELLING = (
    re.compile(r"[A-Za-z_][\w.]*(Error|Exception)\b"),
    re.compile(r"\[[^]]* [CF] \d+ \d+\] \(\w+\)"),
    re.compile(r".*(\[exit code=|Out Of Memory|oom.kill)"),
    re.compile(r"(?!srun: |slurmstepd).*(error|cannot|fail|denied|refused|no space|not found)", re.IGNORECASE),
    re.compile(r"(?!srun: |slurmstepd)"),
    re.compile(""),
)


class SlurmError(Exception):
    """Its message is one sentence for the user, or one a line."""


class SiteError(SlurmError, ValueError):
    """A site file, or what was asked of SLURM, is invalid."""


class NoSlurm(SlurmError):
    """There is no SLURM on this machine."""


class Unanswered(SlurmError):
    """SLURM is there and gave no answer, now: ask again later."""


def reason_in(log: Path, since: int = 0) -> str:
    """The line of a log that tells best why it ends, of what was written after its first `since` bytes; "" for none."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if not _NOISE.match(line)]
    told = next((last for wanted in _TELLING for last in reversed(lines) if wanted.match(last)), "")
    return _MARKS.sub("", told).strip()[:_LONGEST]
