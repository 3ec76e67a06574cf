"""Site files, as the command line reads and writes them."""

from __future__ import annotations

from pathlib import Path

from slurm.keys import schema
from slurm.keys import table as keys
from slurm.partitions import site_file
from slurm.profile import Profile, load
from sweeps.errors import UsageError

__all__ = ["Profile", "keys", "load", "schema", "write"]


def write(path: Path) -> None:
    """A commented site file, from what this cluster says of itself. UsageError for a file that exists or cannot be."""
    text = site_file()
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists and is not overwritten: name another file") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): name another file") from None
