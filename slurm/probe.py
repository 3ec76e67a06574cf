"""A probe: a tiny job that says whether the nodes see what the submitting machine sees, and bear Ray's folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from slurm.allocation import PYTHON_FLAGS
from slurm.errors import SiteError, Unanswered
from slurm.profile import Profile

NAME = "normsweep-probe"
START_SECONDS = 30  # no node free for so long: the probe is given up
SLOW_SECONDS = 1.0  # scratch that takes longer for a few small files
LEAST_BYTES = 100 * 2**20  # Ray keeps its logs there, and what /dev/shm has no room for
_NO_DISK, _NO_PYTHON, _NO_SCRATCH = 91, 92, 93


def probe(profile: Profile, folder: Path, imports: str) -> list[str] | None:
    """Has one node look for a file in `folder`, import a module and use `scratch`. None when no node was free to look.

    Returns what the user should know, though it keeps nothing from running. SiteError, one sentence, when the node does
    not see the folder, cannot import or cannot use `scratch`, or srun is refused.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-") as seen, _mark(profile.scratch) as mark:
        python = f"{profile.python or shlex.quote(sys.executable)} {PYTHON_FLAGS}"
        node = f"import sys, {imports}; from slurm.probe import look; sys.exit(look({profile.scratch!r}, {mark!r}))"
        look = "\n".join(
            [
                f"test -e {shlex.quote(seen.name)} || exit {_NO_DISK}",
                *profile.setup,
                f"{python} -c {shlex.quote(node)}; code=$?",
                f"[ $code -eq 0 ] || [ $code -eq {_NO_SCRATCH} ] || exit {_NO_PYTHON}",
                "exit $code",
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
    said, answer = done.stderr.strip().splitlines(), (done.stdout.strip().splitlines() or [""])[-1]
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
    if done.returncode == _NO_SCRATCH:
        raise SiteError(
            f"{where} cannot use scratch = {profile.scratch} ({answer}): make room there, or name another folder as "
            "`scratch` in the site file"
        )
    if done.returncode == 0:
        return _remarks(profile.scratch, **json.loads(answer))
    errors = [line.removeprefix("srun: error: ") for line in said if line.startswith("srun: error: ")]
    if any(busy in done.stderr for busy in ("nodes are busy", "Immediate execution", "temporarily unavailable")):
        return None
    raise SiteError(f"a probe job was refused: {'; '.join(errors) or f'srun ended with {done.returncode}'}")


def look(scratch: str, mark: str) -> int:
    """On a node: uses `scratch` as Ray does, and prints how that went. Exit status.

    `mark`: the submitting machine and a file there, which is seen here only where they share `scratch`.
    """
    try:
        Path(scratch).mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=scratch, prefix="ns-probe-") as folder:
            for name in "abc":
                with Path(folder, name).open("xb") as file:
                    file.write(bytes(2**16))
                    file.flush()
                    os.fsync(file.fileno())
                Path(folder, name).read_bytes()
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(f"{folder}/socket")
        seconds = time.monotonic() - began
        free = shutil.disk_usage(scratch).free
    except OSError as error:
        print(error.strerror)
        return _NO_SCRATCH
    if free < LEAST_BYTES:
        print(f"only {free / 2**20:.0f} MB are free")
        return _NO_SCRATCH
    machine, _, path = mark.partition(":")
    here = os.uname().nodename
    shared = bool(path) and machine != here and Path(path).exists()
    print(json.dumps({"node": here, "seconds": seconds, "shared": shared}))
    return 0


@contextmanager
def _mark(scratch: str) -> Generator[str]:
    """This machine and a file in its `scratch`; "" where there is none that we may write to."""
    try:
        file = tempfile.NamedTemporaryFile(dir=scratch, prefix=".probe-")  # noqa: SIM115  closed below
    except OSError:
        yield ""
        return
    with file:
        yield f"{os.uname().nodename}:{file.name}"


def _remarks(scratch: str, node: str, seconds: float, shared: bool) -> list[str]:
    remarks: list[str] = []
    if shared:
        remarks.append(f"scratch = {scratch} lies on a disk that machines share: each node has its own folder there")
    if seconds > SLOW_SECONDS:
        remarks.append(
            f"scratch = {scratch} is slow: node {node} took {seconds:.1f} s to write and read three small files; "
            "name a folder on the nodes' own disks as `scratch` in the site file, if there is one"
        )
    return remarks


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
