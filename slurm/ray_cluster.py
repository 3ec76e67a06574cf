"""A Ray cluster inside one allocation: a head and workers, each a step of its own, for this job and its user alone."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from pathlib import Path

from slurm.errors import reason_in
from slurm.job import Incarnation, Node
from slurm.profile import LONGEST_RAY_FOLDER, Profile
from slurm.workers.launcher import IMPORTS

START_SECONDS = 90.0
RESTART_SECONDS = 5.0  # between two starts of a worker that ended
OBJECT_STORE = 80 * 2**20  # packs pass no objects: what they share is files

# A step's shell, with the node's folder of this job, the folder of this Ray in it, and the command. What earlier
# incarnations of the job, killed, left on the node goes first, what this one leaves goes in the end. A job's USR2 hits
# every process of every step; TERM may hit the shell alone, and srun, which ends a step by force when it gets TERM
# itself, hands USR1 on. The folder goes at once, as KILL may follow, and again when Ray has ended; somebody else, on a
# disk that nodes share, may remove it at the same time.
STEP = r"""node=$1 own=$2; shift 2
trap "" USR2
clean() { rm -rf "$own"; rmdir "$node" 2>/dev/null; }
trap 'kill -KILL $! 2>/dev/null; clean' TERM USR1
rm -rf "$node"; mkdir -p "${node%/*}"; mkdir -m 700 "$node" || exit
"$@" &
wait $!; code=$?
while kill -0 $! 2>/dev/null; do wait $!; code=$?; done
for second in 1 2 3; do [ -e "$node" ] || break; clean || sleep 1; done
exit $code"""


def node_folder(scratch: str, job: int, node: str) -> str:
    """A job's folder for Ray on a node, short enough for Ray's sockets; no other node's on a disk that nodes share."""
    name = f"ns{job}-{node}"
    longest = LONGEST_RAY_FOLDER - len(f"{scratch}//999-99")  # below it: restart and attempt
    if len(name) > longest:
        name = f"ns{hashlib.sha256(name.encode()).hexdigest()[:10]}"
    return f"{scratch}/{name}"


def forget(scratch: str, job: int) -> None:
    """Removes what earlier incarnations of the job left, of all nodes where these share the disk: they may have lost
    their power, and the job may have other nodes by now."""
    for folder in Path(scratch).glob(f"ns{job}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def ray_environment(token: Path, worker_imports: str) -> dict[str, str]:
    """What all processes of a cluster have before they import ray: nobody gets in without the token; each node imports
    the modules `worker_imports`, with spaces between, once for all its workers.

    Workers that Ray starts before anything is asked for are seldom ready in time for it: Ray starts others, and ends
    these unused, a second of work each.
    """
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_prestart_worker_first_driver": "0",
        IMPORTS: worker_imports,
    }


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
        worker_imports: str,
    ) -> None:
        """The head stays on the first node, with nothing else to do there when that one is excluded."""
        self._nodes = [nodes[0], *(node for node in nodes[1:] if node.name not in excluded)]
        self._idle_head = nodes[0].name in excluded
        self._job = incarnation.job
        self._folder = folder
        self._profile = profile
        self._umask = umask
        self._worker_imports = worker_imports
        self._run = f"{incarnation.restart}-{attempt}"
        self._token = folder / f"token-{incarnation}-{attempt}"
        self._steps: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._begun: dict[str, int] = {}  # the length of each node's log when its step began
        self._ends: dict[str, str] = {}  # by node, why its step ended by itself
        self._port = 0

    @property
    def address(self) -> str:
        return f"{self._nodes[0].address}:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        return ray_environment(self._token, self._worker_imports)

    def start(self, interrupted: Callable[[], bool]) -> bool:
        """Starts the head, then the workers. False when the head does not answer in time or we were interrupted."""
        for leftover in self._folder.glob(f"token-{self._job}.*"):  # of this job's killed incarnations
            leftover.unlink(missing_ok=True)
        forget(self._profile.scratch, self._job)
        self._token.touch(mode=0o600)
        self._token.write_text(secrets.token_hex(32))
        self._port = _free_port(self._nodes[0].address)
        self._start(self._nodes[0])
        until = time.monotonic() + START_SECONDS
        while not _answers(self._nodes[0].address, self._port):
            if interrupted() or not self.alive:
                return False
            if time.monotonic() > until:
                self._ends[self._nodes[0].name] = f"Ray did not answer within {START_SECONDS:.0f} s"
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
                if step is not None:
                    self._note(node)
                self._start(node)

    def reasons(self) -> list[str]:
        """Why Ray was lost on nodes where its step ended by itself, a sentence for each; to be asked before `stop`."""
        for node in self._nodes:
            if node.name in self._steps and self._steps[node.name].poll() is not None:
                self._note(node)
        return [f"Ray on {name}: {reason}" for name, reason in self._ends.items()]

    def _note(self, node: Node) -> None:
        self._ends[node.name] = reason_in(self._log(node), self._begun[node.name]) or "it ended without a word"

    def _log(self, node: Node) -> Path:
        return self._folder / f"ray-{self._job}-{node.name}.log"

    def stop(self) -> None:
        """Ends the steps that were started here, and nothing else; removes what killed ones left where we see it."""
        for step in self._steps.values():
            step.send_signal(signal.SIGUSR1)
        until = time.monotonic() + 10
        for step in self._steps.values():
            try:
                step.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                step.kill()
                step.wait()
        with suppress(OSError):
            self._token.unlink(missing_ok=True)
        for node in self._nodes:
            shutil.rmtree(self._own(node), ignore_errors=True)
            with suppress(OSError):
                self._own(node).parent.rmdir()

    def _own(self, node: Node) -> Path:
        return Path(node_folder(self._profile.scratch, self._job, node.name), self._run)

    def _start(self, node: Node) -> None:
        head, own = node == self._nodes[0], self._own(node)
        role = (
            ["--head", f"--port={self._port}", "--include-dashboard=false"] if head else [f"--address={self.address}"]
        )
        # Of ranges and defaults two jobs on one node would take the same: 0 lets each take what is free.
        ports = ["--min-worker-port=0", "--max-worker-port=0", "--metrics-export-port=0"]
        ports += ["--dashboard-agent-listen-port=0", "--dashboard-agent-grpc-port=0"]
        cpus, gpus = (0, 0) if head and self._idle_head else (self._profile.cpus, self._profile.gpus)
        python = [*self._profile.python.split()] or [sys.executable]
        command = [
            *("srun", "--overlap", "--nodes=1", "--ntasks=1", f"--nodelist={node.name}", "--mem=0", "--input=none"),
            *(f"--cpus-per-task={self._profile.cpus}", f"--job-name=ray-{'head' if head else 'worker'}"),
            *([f"--gpus-per-node={self._profile.gpus}"] if self._profile.gpus else []),
            *("sh", "-c", STEP, "sh", str(own.parent), str(own)),
            *(*python, "-P", "-m", "slurm.workers.start", "start", "--block", *role, *ports),
            *(f"--temp-dir={own}", f"--node-ip-address={node.address}", f"--num-cpus={cpus}"),
            *(f"--num-gpus={gpus}", f"--object-store-memory={OBJECT_STORE}", "--disable-usage-stats"),
        ]
        with self._log(node).open("ab") as file:
            self._begun[node.name] = file.tell()
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
