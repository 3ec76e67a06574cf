"""The errors of SLURM and of site files.

SlurmError
├── SiteError   a site file, or what was asked of SLURM, is invalid
├── NoSlurm     there is no SLURM on this machine
└── Unanswered  SLURM is there and gave no answer: repeat later

Each message names what is wrong and the way out, as those of `sweeps.errors` do.
"""

from __future__ import annotations


class SlurmError(Exception):
    """Its message is one sentence for the user, or one a line."""


class SiteError(SlurmError, ValueError):
    """A site file, or what was asked of SLURM, is invalid."""


class NoSlurm(SlurmError):
    """There is no SLURM on this machine."""


class Unanswered(SlurmError):
    """SLURM is there and gave no answer, now: ask again later."""
