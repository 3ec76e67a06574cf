"""A Ray cluster inside one allocation: a head and workers, each a step of its own, for this job and its user alone."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from pathlib import Path

from slurm.job import Incarnation, Node
from slurm.profile import Profile
from slurm.signals import UNHEEDING

START_SECONDS = 90.0
RESTART_SECONDS = 5.0  # between two starts of a worker that ended
OBJECT_STORE = 80 * 2**20  # packs pass no objects: what they share is files


def ray_environment(token: Path) -> dict[str, str]:
    """What all processes of a cluster have before they import ray: nobody gets in without the token."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_USAGE_STATS_ENABLED": "0"}


class RayCluster:
    """Steps that run `ray start --block`. A lost worker is started again; a lost head is the end of the cluster."""

    def __init__(
        self,
        nodes: Sequence[Node],
        excluded: Container[str],
        incarnation: Incarnation,
        attempt: int,
        folder: Path,
        profile: Profile,
        umask: int,
    ) -> None:
        """The head stays on the first node, with nothing else to do there when that one is excluded."""
        self._nodes = [nodes[0], *(node for node in nodes[1:] if node.name not in excluded)]
        self._idle_head = nodes[0].name in excluded
        self._job = incarnation.job
        self._folder = folder
        self._profile = profile
        self._umask = umask
        self._temporary = Path(profile.scratch) / f"ns{incarnation.job}-{incarnation.restart}-{attempt}"
        self._token = folder / f"token-{incarnation}-{attempt}"
        self._steps: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._port = 0

    @property
    def address(self) -> str:
        return f"{self._nodes[0].address}:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        return ray_environment(self._token)

    def start(self, interrupted: Callable[[], bool]) -> bool:
        """Starts the head, then the workers. False when the head does not answer in time or we were interrupted."""
        for leftover in self._folder.glob(f"token-{self._job}.*"):  # of this job's killed incarnations
            leftover.unlink(missing_ok=True)
        self._token.touch(mode=0o600)
        self._token.write_text(secrets.token_hex(32))
        self._port = _free_port(self._nodes[0].address)
        self._start(self._nodes[0])
        until = time.monotonic() + START_SECONDS
        while not _answers(self._nodes[0].address, self._port):
            if interrupted() or not self.alive or time.monotonic() > until:
                return False
            time.sleep(0.2)
        for node in self._nodes[1:]:
            self._start(node)
        return True

    @property
    def alive(self) -> bool:
        return self._steps[self._nodes[0].name].poll() is None

    def mend(self) -> None:
        """Starts workers again whose step ended."""
        for node in self._nodes[1:]:
            step = self._steps.get(node.name)
            old = time.monotonic() - self._started.get(node.name, 0.0) > RESTART_SECONDS
            if (step is None or step.poll() is not None) and old:
                self._start(node)

    def stop(self) -> None:
        """Ends the steps that were started here, and nothing else."""
        for step in self._steps.values():
            step.terminate()
        until = time.monotonic() + 10
        for step in self._steps.values():
            try:
                step.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                step.kill()
                step.wait()
        with suppress(OSError):
            self._token.unlink(missing_ok=True)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _start(self, node: Node) -> None:
        head = node == self._nodes[0]
        role = (
            ["--head", f"--port={self._port}", f"--temp-dir={self._temporary}", "--include-dashboard=false"]
            if head
            else [f"--address={self.address}"]
        )
        # Of ranges and defaults two jobs on one node would take the same: 0 lets each take what is free.
        ports = ["--min-worker-port=0", "--max-worker-port=0", "--metrics-export-port=0"]
        ports += ["--dashboard-agent-listen-port=0", "--dashboard-agent-grpc-port=0"]
        # What an earlier incarnation of this job, killed, left on the node goes first.
        clean = f"rm -rf {self._profile.scratch}/ns{self._job}-*; " + UNHEEDING[2]
        cpus, gpus = (0, 0) if head and self._idle_head else (self._profile.cpus, self._profile.gpus)
        python = [*self._profile.python.split()] or [sys.executable]
        command = [
            *("srun", "--overlap", "--nodes=1", "--ntasks=1", f"--nodelist={node.name}", "--mem=0", "--input=none"),
            *(f"--cpus-per-task={self._profile.cpus}", f"--job-name=ray-{'head' if head else 'worker'}"),
            *([f"--gpus-per-node={self._profile.gpus}"] if self._profile.gpus else []),
            *(UNHEEDING[0], UNHEEDING[1], clean, UNHEEDING[3]),
            *(*python, "-P", "-c", "from ray.scripts.scripts import main; main()", "start", "--block", *role, *ports),
            *(f"--node-ip-address={node.address}", f"--num-cpus={cpus}"),
            *(f"--num-gpus={gpus}", f"--object-store-memory={OBJECT_STORE}", "--disable-usage-stats"),
        ]
        log = self._folder / f"ray-{self._job}-{node.name}.log"
        with log.open("ab") as file:
            self._steps[node.name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd="/",  # Ray puts the working folder on its workers' path
                env=_step_environment() | self.environment | _HEALTH,
                umask=self._umask,
            )
        self._started[node.name] = time.monotonic()


# A node that lost its power is known to be dead after half a minute; Ray's own settings take twice that.
_HEALTH = {
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "3000",
    "RAY_health_check_timeout_ms": "9000",
    "RAY_health_check_failure_threshold": "3",
}


def _step_environment() -> dict[str, str]:
    """Without what SLURM told the step that we run in, which srun would take for the new step's wishes."""
    kept = ("SLURM_JOB_ID", "SLURM_CONF", "SLURM_JOB_NODELIST", "SLURM_RESTART_COUNT")
    return {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SRUN_")) or k in kept}


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True
