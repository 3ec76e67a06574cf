"""Faults of a cluster, the tests' own: three allocations of two nodes, two for packs and one for gangs."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from contextlib import suppress
from copy import copy
from pathlib import Path

from benchmarks.faults import say
from benchmarks.faults.kinds import CLUSTER
from benchmarks.faults.lanes import Lane
from slurm.job import parse_duration
from tests.cluster.conftest import NODES, SITE, Cluster

CHECKPOINT_SECONDS = 2.0
STOPPED_SECONDS = 4.0  # until a stopped process goes on
REFUSED_SECONDS = 8.0  # until the disk accepts again
PATIENCE = 40.0  # for somebody to hit
WRITTEN_SECONDS = 15.0  # until slurmctld surely has what became of a job on its disk
LIMIT_MINUTES = 2  # of a job whose time is to run out; the site file gives more
ALLOCATIONS = {"packs": 2, "gangs": 1}
PATTERNS = {
    "driver": "-m orchestrator[.]cluster[.]allocation",
    "worker": "^ray::[A-Za-z]*Trainable",
    "rank": "^ray::Rank",
    "raylet": r"^\S+/raylet/raylet ",
    "gcs": r"^\S+/gcs_server ",
    "forks": "-m slurm[.]workers[.]forks ",
    "slurmd": "^slurmd ",
}
OURS = "orchestrator|slurm[.]workers|raylet|gcs_server|ray::|submitit"


class Machines:
    name = CLUSTER

    def __init__(self, cluster: Cluster, folder: Path, chance: random.Random) -> None:
        self._chance = chance
        self._cluster, self._user = cluster, copy(cluster)
        passed = {name: os.environ[name] for name in ("NORMSWEEP_DATA", "XDG_CACHE_HOME", "OMP_NUM_THREADS")}
        self._user.environment = cluster.environment | passed  # not that of SLURM's own daemons
        self._site = folder / "site.toml"
        self._site.write_text(SITE)
        self.lanes = [Lane(kind, folder, CHECKPOINT_SECONDS) for kind in ALLOCATIONS]
        self.workspace = folder / "out"
        self._stopped: dict[tuple[int, int], float] = {}  # node and process: until when
        self._cancelled: dict[str, str] = {}  # kinds of lanes that lost a job to `cancel`, and that job
        self._limited: dict[str, float] = {}  # jobs with a short time limit; their ages when they got it
        self._changed = 0.0  # when a job was submitted, or SLURM was told to do something to one
        self.starts = 0
        self.deserted: list[str] = []
        for lane in self.lanes:
            self._submit(lane)

    def close(self) -> None:
        for node, pid in self._stopped:
            self._send(node, pid, "CONT")
        self._cluster.clear()

    def _submit(self, lane: Lane) -> None:
        words = ["submit", str(lane.file), "--site", str(self._site), "--workspace", str(self.workspace)]
        count = ALLOCATIONS[lane.kind]
        done = self._user.normsweep(*words, "--allocations", str(count), "--nodes", "2", check=False)
        if done.returncode:  # SLURM is away, or a node: once more later
            say(f"{lane.name}: submit ended with {done.returncode}: {done.stderr.strip()[-200:]}")
        else:
            self.starts += count
            self._changed = time.monotonic()

    def rest(self, seconds: float, last: bool) -> bool:
        until = time.monotonic() + seconds
        while True:
            going = self._look(last)
            if time.monotonic() >= until or not going:
                return going
            time.sleep(0.5)

    def _look(self, last: bool) -> bool:
        for (node, pid), until in list(self._stopped.items()):
            if time.monotonic() > until:
                del self._stopped[node, pid]
                self._send(node, pid, "CONT")
        jobs = self._jobs()
        if jobs is None:
            return True
        self._release()
        for job, age, _ in jobs:
            if parse_duration(age) < self._limited.get(job, 0.0):  # it began anew, and the limit with it
                del self._limited[job]
                with suppress(subprocess.CalledProcessError):
                    self._cluster.ask("scontrol", "update", "TimeLimit=10", f"JobId={job}")
        for lane in self.lanes:
            mine = [job for job, _, sweep in jobs if sweep == lane.name]
            cancelled = self._cancelled.get(lane.kind)
            if mine and (cancelled is None or cancelled in mine):
                continue
            if lane.done(self.workspace):
                if not last:
                    lane.next()
                    self._submit(lane)
                continue
            if cancelled is None:
                self.deserted.append(f"the jobs of sweep {lane.name} ended before their time")
                say(self.deserted[-1])
                self._user.normsweep("retry", lane.name, "--workspace", str(self.workspace), check=False)
            self._cancelled.pop(lane.kind, None)
            self._submit(lane)
        return bool(jobs) or not all(lane.done(self.workspace) for lane in self.lanes)

    def _release(self) -> None:
        """What somebody does who looks at `status`: SLURM holds a job that a stopped slurmd failed to launch, and
        drains the node."""
        low = ("--noheader", "--partition=low")
        with suppress(subprocess.CalledProcessError):  # SLURM is away, or the job
            for line in self._cluster.ask("squeue", *low, "--states=PD", "--format=%i|%r").splitlines():
                job, _, reason = line.partition("|")
                if "held" in reason.lower():
                    say(f"job {job} is released: {reason}")
                    self._cluster.ask("scontrol", "release", job)
            for line in self._cluster.ask("sinfo", *low, "-N", "--states=drain", "--format=%N|%E").splitlines():
                node, _, reason = line.partition("|")
                if reason == "Duplicate jobid":
                    say(f"{node} is resumed: {reason}")
                    self._cluster.ask("scontrol", "update", f"nodename={node}", "state=resume")

    def _jobs(self, *states: str) -> list[tuple[str, str, str]] | None:
        """Id, time and sweep of our jobs that wait or run; None while SLURM is away."""
        try:
            lines = self._cluster.ask("squeue", "--noheader", "--partition=low", "--format=%i|%M|%k", *states)
        except subprocess.CalledProcessError:
            return None
        rows = (line.split("|") for line in lines.splitlines())
        return [(job, age, comment.split()[1]) for job, age, comment in rows]

    def left_behind(self) -> list[str]:
        until = time.monotonic() + 60
        while True:
            lines = [line for node in range(1, NODES + 1) for line in self._cluster.processes(node, OURS).values()]
            if not lines or time.monotonic() > until:
                return [*self.deserted, *(f"still running: {line}" for line in lines)]
            time.sleep(0.5)

    def strike(self, fault: str) -> str:
        cluster = self._cluster
        node = str(self._chance.randrange(NODES) + 1)
        match fault.split():
            case ["preempt"]:
                name = f"c{cluster.environment['CLUSTER_ID']}n{node}"
                above = ("--partition=high", "--exclusive", f"--nodelist={name}", "--output=/dev/null")
                victims = cluster.ask("squeue", "--noheader", "--states=R", f"--nodelist={name}", "--format=%i").split()
                cluster.ask("sbatch", *above, "--wrap=sleep 3")
                self._changed = time.monotonic()
                return " ".join(victims)
            case ["requeue"]:
                return self._ask("scontrol", "requeue", "{}")
            case ["cancel"]:
                return self._ask("scancel", "{}", cancels=True)
            case ["time", "limit"]:
                return self._ask("scontrol", "update", f"TimeLimit={LIMIT_MINUTES}", "JobId={}", younger=90)
            case ["restart", "slurmctld"]:
                # It is killed. A job that it has not written down would be gone; one whose requeue it has not written
                # down would be running for it, and for nobody else, until its time is over.
                self.rest(max(0.0, self._changed + WRITTEN_SECONDS - time.monotonic()), last=False)
                cluster.control("restart-ctld")
                return "slurmctld"
            case ["stop", "slurmctld"]:
                return self._controller_away()
            case ["power", "loss"]:
                cluster.control("crash", node)
                self.rest(3, last=False)
                cluster.control("boot", node)
                return f"node {node}"
            case ["disk", "read-only"]:
                cluster.control("disk-ro", str(self.workspace))
                time.sleep(REFUSED_SECONDS)
                cluster.control("disk-rw", str(self.workspace))
                return str(self.workspace)
            case [how, who]:
                return self._signal(how, who)
            case _:
                raise ValueError(fault)

    def _ask(self, *words: str, younger: float = float("inf"), cancels: bool = False) -> str:
        """Says it of one of our running jobs."""
        jobs = [job for job in self._jobs("--states=R") or () if parse_duration(job[1]) < younger]
        if not jobs:
            return ""
        job, age, sweep = self._chance.choice(jobs)
        with suppress(subprocess.CalledProcessError):  # it ended in this moment
            self._cluster.ask(*(word.format(job) for word in words))
            self._changed = time.monotonic()
            if younger < float("inf"):
                self._limited[job] = parse_duration(age)
            if cancels:
                self._cancelled[sweep.partition("-")[0]] = job
            return f"job {job} of {sweep}"
        return ""

    def _controller_away(self) -> str:
        """SLURM does not answer for a while."""
        record = Path(self._cluster.environment["SLURM_CONF"]).parent.parent / "run" / "slurmctld.pid"
        pid = int(record.read_text().split()[0])
        os.kill(pid, signal.SIGSTOP)
        time.sleep(STOPPED_SECONDS)
        os.kill(pid, signal.SIGCONT)
        return "slurmctld"

    def _signal(self, how: str, who: str) -> str:
        until = time.monotonic() + PATIENCE
        if (how, who) == ("kill", "worker"):  # one that has begun to train, so that there is something to lose
            while not any(self.workspace.glob("checkpoints/*")) and time.monotonic() < until:
                self.rest(0.5, last=False)
        while True:
            for node in self._chance.sample(range(1, NODES + 1), NODES):
                found = self._cluster.processes(node, PATTERNS[who])
                if found:
                    pid = self._chance.choice(sorted(found))
                    assert re.search(PATTERNS[who], found[pid])
                    if self._send(node, pid, {"kill": "KILL", "stop": "STOP"}[how]):
                        self._follow(node, pid, how, who)
                        return f"node {node}: {pid} {found[pid][:60].rstrip()}"
            if time.monotonic() > until:
                return ""
            self.rest(1, last=False)

    def _follow(self, node: int, pid: int, how: str, who: str) -> None:
        """What must come after: who is stopped goes on, a daemon of SLURM is started again."""
        if how == "stop":
            self._stopped[node, pid] = time.monotonic() + STOPPED_SECONDS
        elif who == "slurmd":
            self.rest(2, last=False)
            self._cluster.control("start-slurmd", str(node))

    def _send(self, node: int, pid: int, name: str) -> bool:
        """False when the process, or its node, is gone."""
        try:
            self._cluster.control("exec", str(node), "kill", f"-{name}", str(pid))
        except AssertionError:
            return False
        return True
