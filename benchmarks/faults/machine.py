"""Faults of this machine: two lanes of `normsweep run` on one workspace, begun anew whenever they end too soon."""

from __future__ import annotations

import os
import random
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.faults import say
from benchmarks.faults.kinds import MACHINE
from benchmarks.faults.lanes import Lane
from benchmarks.faults.torn import tear
from tests.chaos.evidence import command, lasting, living, shown

CHECKPOINT_SECONDS = 0.5
STOPPED_SECONDS = 3.0  # until a stopped process goes on
REFUSED_SECONDS = 2.0  # until the disk accepts again
PATIENCE = {"mlflow": 5.0, "loader": 8.0}  # for somebody to hit; for others:
LONGEST = 60.0
DISK = "256m"
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "end": signal.SIGTERM, "interrupt": signal.SIGINT}
PATTERNS = {
    "driver": r"-m orchestrator[.]cli run ",
    "worker": r"^ray::[A-Za-z]*Trainable",
    "rank": r"^ray::Rank",
    "raylet": r"/raylet/raylet ",
    "gcs": r"/gcs_server ",
    "forks": r"-m slurm[.]workers[.]forks ",
    "loader": r"multiprocessing[.]forkserver",  # and a child of such a one
    "mlflow": r"-m orchestrator[.]mirror ",
}


class Machine:
    name = MACHINE

    def __init__(self, folder: Path, chance: random.Random, stall_seconds: float | None = None) -> None:
        """With `stall_seconds`, run.stall_seconds, nobody but a watchdog mends a stopped worker, rank or loader."""
        self._folder, self._chance = folder, chance
        self._stops_for_good = stall_seconds is not None
        more = "" if stall_seconds is None else f", stall_seconds: {stall_seconds}"
        self.lanes = [Lane(kind, folder, CHECKPOINT_SECONDS, more) for kind in ("packs", "gangs")]
        self._runs: dict[Lane, subprocess.Popen[bytes]] = {}
        self._stopped: dict[psutil.Process, float] = {}  # until when
        self.starts = 0
        self.workspace = folder / "disk" / "out"
        self._mark = secrets.token_hex(8)  # in the environment of all that is begun here
        self.has_disk = os.getuid() == 0  # of its own
        disk = self.workspace.parent
        disk.mkdir()
        if self.has_disk:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", disk], check=True)

    def close(self) -> None:
        self._end_all()
        if self.has_disk:
            subprocess.run(["umount", "--lazy", self.workspace.parent], check=False)

    def rest(self, seconds: float, last: bool) -> bool:
        until = time.monotonic() + seconds
        while True:
            self._look(last)
            if time.monotonic() >= until or not self._runs:
                return bool(self._runs)
            time.sleep(0.1)

    def _look(self, last: bool) -> None:
        for process in [p for p, until in self._stopped.items() if time.monotonic() > until]:
            del self._stopped[process]
            with suppress(psutil.Error):
                process.resume()
        for lane in self.lanes:
            run = self._runs.get(lane)
            if run is not None and run.poll() is None:
                continue
            if run is not None:
                say(f"{lane.name}: the run ended with {run.returncode}")
                if run.returncode in (0, 4):
                    if last:
                        del self._runs[lane]
                        lane.over = True
                        continue
                    lane.next()
            elif lane.over:
                continue
            words = command(self.workspace, "run", str(lane.file), "--cpus", "2")
            with (self._folder / f"{lane.name}.log").open("ab") as log:
                self._runs[lane] = subprocess.Popen(
                    words,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "NORMSWEEP_CHAOS": self._mark},
                    start_new_session=True,
                )
            self.starts += 1

    def left_behind(self) -> list[str]:
        return [f"still running: {line}" for line in lasting(self._mark)]

    def strike(self, fault: str) -> str:
        match fault.split():
            case ["torn", what]:
                return self._torn(what)
            case ["power", "loss"]:
                self._wait(lambda: any(self.workspace.glob("checkpoints/*.pt")), LONGEST)
                return self._end_all()
            case ["disk", how]:
                return self._disk(how) if self.has_disk else ""
            case [how, "group"]:
                return self._signal_group(how)
            case [how, who]:
                return self._signal(how, who)
            case _:
                raise ValueError(fault)

    def _signal_group(self, how: str) -> str:
        """As `timeout` and a terminal do: every process of the group of a `run`."""
        self._wait(lambda: bool(self._processes("worker")), LONGEST)
        runs = [run for run in self._runs.values() if run.poll() is None]
        if not runs:
            return ""
        victim = self._chance.choice(runs)
        os.killpg(victim.pid, SIGNALS[how])
        return f"process group {victim.pid}"

    def _signal(self, how: str, who: str) -> str:
        self._wait(lambda: bool(self._processes(who)), PATIENCE.get(who, LONGEST))
        victims = self._processes(who)
        if not victims:
            return ""
        victim = self._chance.choice(victims)
        hit = f"{victim.pid} {shown(victim)[:70].rstrip()}"
        try:
            victim.send_signal(SIGNALS[how])
        except psutil.Error:  # it ended in this moment
            return ""
        if how == "stop" and not (self._stops_for_good and who in ("worker", "rank", "loader")):
            self._stopped[victim] = time.monotonic() + STOPPED_SECONDS
        if how == "kill":
            self._wait(lambda: not _runs(victim), 10)
        return hit

    def _wait(self, happened: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not happened() and time.monotonic() < until:
            self.rest(0.4, last=False)

    def _processes(self, who: str) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for process in living(self._mark):
            with suppress(psutil.Error):
                above = who != "loader" or re.search(PATTERNS[who], shown(process.parent() or process))
                if above and re.search(PATTERNS[who], shown(process)) and _runs(process):
                    found.append(process)
        return sorted(found, key=lambda process: process.pid)

    def _end_all(self) -> str:
        """Kills everything at once, as when the power goes."""
        count = 0
        while found := [*living(self._mark), *(p for p in self._stopped if p.is_running())]:
            count = max(count, len(found))
            for process in found:
                with suppress(psutil.Error):
                    process.kill()
            for run in self._runs.values():
                run.poll()
            time.sleep(0.1)
        self._stopped.clear()
        return f"{count} processes" if count else ""

    def _torn(self, what: str) -> str:
        """Tears a file while nothing runs, as a power loss may have left it."""
        self._end_all()
        packs = {pack for lane in self.lanes for pack in lane.packs(self.workspace)}
        return tear(self.workspace, what, packs, self._chance)

    def _disk(self, how: str) -> str:
        disk = self.workspace.parent
        if how == "full":
            filler = disk / "filler"
            with filler.open("wb") as file, suppress(OSError):
                while True:
                    file.write(bytes(2**20))
            time.sleep(REFUSED_SECONDS)
            filler.unlink()
            return str(disk)
        # Not the file system itself, which stays writable while somebody has a file open for writing.
        subprocess.run(["mount", "--bind", disk, disk], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
        time.sleep(REFUSED_SECONDS)
        subprocess.run(["umount", "--lazy", disk], check=True)
        return str(disk)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
