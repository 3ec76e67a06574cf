"""This machine as a backend: a Ray of our own with token authentication, on loopback, in a short folder that goes when
the driver goes."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from orchestrator.engine.driver import WORKER_IMPORTS
from orchestrator.store.codec import Format
from orchestrator.store.owner import Liveness, Owner, myself
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from slurm.ray_cluster import ray_environment
from slurm.workers.start import lean_ray
from sweeps.errors import DamagedError

# Ray puts sockets below its folder; a socket's path may be 107 bytes long, which leaves 39 for the folder.
LONGEST_FOLDER = 39
# A raylet that does not answer for a minute is dead.
HEALTH = {
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "5000",
    "RAY_health_check_timeout_ms": "15000",
    "RAY_health_check_failure_threshold": "3",
}
RAYS = ("ray::", "raylet", "gcs_server")  # how the names of its processes begin
END_SECONDS = 10.0  # for processes that were killed to be gone
_OWNER = "owner.json"
FOLDER_OWNER = Format(record="owner", schema=1, type=Owner, remedy="remove the folder")


class LocalBackend:
    """A `Backend` of this machine alone."""

    spread = False
    deadline = float("inf")
    patience = float("inf")

    def __init__(self, workspace: Workspace, cpus: int, gpus: int) -> None:
        self.cpus, self.gpus = cpus, gpus
        self.owner, self.liveness = myself(), Liveness(workspace)

    def ray(self) -> AbstractContextManager[Path]:
        return local_ray(self.cpus, self.gpus)

    def seconds(self, pack: RosterPack) -> float:
        return 0.0

    def kind_of_loss(self, address: str | None) -> str:
        return "lost_process"

    def exclude(self, node: str) -> None:
        """There is no other."""


@contextmanager
def local_ray(cpus: int, gpus: int) -> Generator[Path]:
    """Starts Ray with so many CPUs and GPUs; yields its folder; stops what it started and nothing else."""
    assert "ray" not in sys.modules, "ray reads its environment when it is imported, so it must not be imported yet"
    sweep_up()
    folder = Path(tempfile.mkdtemp(prefix="normsweep-", dir=_short_folder()))
    (folder / _OWNER).write_bytes(FOLDER_OWNER.encode(myself()))
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    for name, value in HEALTH.items():
        os.environ.setdefault(name, value)
    os.environ.update(
        ray_environment(token, WORKER_IMPORTS),
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",  # else Ray turns 127.0.0.1 into an address that others can reach
        **tune_environment(cpus),
    )
    import ray

    lean_ray()
    # Ray puts the working folder on its workers' path: a user's own analysis.py must not be there.
    before = Path.cwd()
    os.chdir(folder)
    try:
        ray.init(
            address="local",
            num_cpus=cpus,
            num_gpus=gpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=80 * 2**20,
            _temp_dir=str(folder),
            _node_ip_address="127.0.0.1",
        )
        yield folder
    finally:
        ray.shutdown()
        os.chdir(before)
        shutil.rmtree(folder, ignore_errors=True)
        sweep_up()


def tune_environment(cpus: int) -> dict[str, str]:
    """What a driver has before it imports ray."""
    return {
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        "TUNE_MAX_PENDING_TRIALS_PG": str(2 * max(cpus, 1)),
        "PYTHONSAFEPATH": "1",
    }


def _short_folder() -> str:
    wanted = tempfile.gettempdir()
    return wanted if len(wanted) + len("/normsweep-12345678") <= LONGEST_FOLDER else os.sep + "tmp"


def sweep_up() -> None:
    """Removes the folders of our drivers of this user that were killed, once nothing of their Ray runs any more."""
    for record in Path(_short_folder()).glob(f"normsweep-*/{_OWNER}"):
        try:
            gone = FOLDER_OWNER.read(record).gone
            if gone and record.stat().st_uid == os.getuid() and not _in_use(record.parent):
                shutil.rmtree(record.parent, ignore_errors=True)
        except (OSError, DamagedError):
            continue  # being written or removed by its own driver


def end_session(leader: int) -> None:
    """Kills what runs in the session of process `leader`, itself included, until nothing does. Who calls this for its
    own session ends last.

    Until the leader is waited for, its number is nobody else's.
    """
    import psutil

    until = time.monotonic() + END_SECONDS
    while time.monotonic() < until:
        members = [process for process in psutil.process_iter(["status"]) if _session(process.pid) == leader]
        members = [p for p in members if p.info["status"] != psutil.STATUS_ZOMBIE and p.pid != os.getpid()]
        if not members:
            break
        for process in members:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.02)
    if leader == os.getpid():
        os.kill(leader, signal.SIGKILL)


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _in_use(folder: Path) -> bool:
    """Whether a process was started with the folder's name: Ray's daemons on their command line, workers by its token.

    A worker that outlives its driver for seconds would make its part of a removed folder anew. A process of Ray's that
    waits for a disk or a device counts as one of them: to read its command line may never end.
    """
    import psutil

    def names_it(process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            known = process.as_dict(["cmdline", "environ"])
            words = (*(known["cmdline"] or ()), *(known["environ"] or {}).values())
            return any(str(folder) in word for word in words)
        return False

    def waits(process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return process.status() == psutil.STATUS_DISK_SLEEP
        return False

    waiting: list[psutil.Process] = []
    for process in psutil.process_iter():
        if waits(process):
            waiting.append(process)
        elif names_it(process):
            return True
    time.sleep(0.5 * bool(waiting))  # any process waits for a disk for a moment
    return any(_is_rays(process.pid) if waits(process) else names_it(process) for process in waiting)


def _is_rays(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().startswith(RAYS)
    return False
