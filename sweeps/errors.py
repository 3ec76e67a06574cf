"""The errors of normsweep. Whatever else is raised is a bug.

NormsweepError
├── UsageError        what was asked for is invalid: a name, a value, a combination of them
├── MissingError      what was asked for is not here: a sweep, a data set, a file, a result
├── DamagedError      a file cannot be read: cut, altered, or written by a newer normsweep
└── UnavailableError  MLflow, SLURM or a disk does not answer: repeat later

Each message names what is wrong, where, and the way out. The command line prints it and exits with 2; anything else it
shows with its traceback and exits with 1. The package `slurm` imports nothing of ours: its own errors are those of
`slurm.errors`, told in the same way.
"""

from __future__ import annotations


class NormsweepError(Exception):
    """Its message is one sentence for the user, or one a line."""


class UsageError(NormsweepError, ValueError):
    """What was asked for is invalid."""


class MissingError(NormsweepError, ValueError):
    """What was asked for is not here."""


class DamagedError(NormsweepError, ValueError):
    """A file cannot be read: it is cut, altered, or of a newer schema. Names the file and the way out."""


class UnavailableError(NormsweepError, RuntimeError):
    """A server, a scheduler or a disk does not answer now. Nothing is lost: repeat later."""
