"""A probe: a tiny job that says whether the nodes see what the submitting machine sees."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from slurm.allocation import PYTHON_FLAGS
from slurm.errors import SiteError, Unanswered
from slurm.profile import Profile

NAME = "normsweep-probe"
START_SECONDS = 30  # no node free for so long: the probe is given up
_NO_DISK, _NO_PYTHON = 91, 92


def probe(profile: Profile, folder: Path, imports: str) -> bool:
    """Has one node look for a file in `folder` and import a module. False when no node was free to look.

    SiteError, one sentence, when the node does not see the folder or cannot import, or srun is refused.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-") as seen:
        python = f"{profile.python or shlex.quote(sys.executable)} {PYTHON_FLAGS}"
        look = "\n".join(
            [
                f"test -e {shlex.quote(seen.name)} || exit {_NO_DISK}",
                *profile.setup,
                f"{python} -c {shlex.quote(f'import {imports}')} || exit {_NO_PYTHON}",
            ]
        )
        command = ["srun", *_options(profile), "bash", "-c", look]
        environment = {k: v for k, v in os.environ.items() if k == "SLURM_CONF" or not k.startswith("SLURM_")}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=START_SECONDS + 120, check=False, cwd="/",
                env=environment, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unanswered("a probe job (srun) did not end") from None
    said = done.stderr.strip().splitlines()
    host = re.search(r"error: (\S+): task \d+: Exited", done.stderr)
    where = f"node {host[1]}" if host else "a node"
    if done.returncode == _NO_DISK:
        raise SiteError(f"{where} does not see {folder}: the workspace must lie on a disk that all nodes share")
    if done.returncode == _NO_PYTHON:
        why = next((line for line in reversed(said) if not line.startswith("srun: ")), "it is not there")
        raise SiteError(
            f"{where} cannot run {python} with normsweep ({why}): install it on a disk that all nodes share, or set "
            "`python` or `setup` in the site file"
        )
    if done.returncode == 0:
        return True
    errors = [line.removeprefix("srun: error: ") for line in said if line.startswith("srun: error: ")]
    if any(busy in done.stderr for busy in ("nodes are busy", "Immediate execution", "temporarily unavailable")):
        return False
    raise SiteError(f"a probe job was refused: {'; '.join(errors) or f'srun ended with {done.returncode}'}")


def _options(profile: Profile) -> list[str]:
    given = {
        "partition": profile.partition,
        "account": profile.account,
        "qos": profile.qos,
        "constraint": profile.constraint,
        "exclude": profile.exclude,
        "job-name": NAME,
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": "1",
        "time": "2",
        "immediate": str(START_SECONDS),
    }
    return [f"--{key}={value}" for key, value in given.items() if value]
