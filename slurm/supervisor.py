"""Keeps a driver and its Ray cluster at work in one allocation until there is nothing left to do.

It stands between SLURM and them: it hears the signals, it outlives both, and the job lives as long as it stays.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from slurm.command import Unanswered, ask
from slurm.job import Incarnation, nodes, seconds_left, shown
from slurm.profile import Profile
from slurm.ray_cluster import RayCluster
from slurm.signals import UNHEEDING, Told

OUT_OF_TIME = 75  # exit status of a driver that ends because the allocation's time does
STRIKES = 5  # drivers in a row that ended within a minute of their start
GRACE = 900.0  # a job told to end that still lives goes back to work after so many seconds
LOOK = 0.5

T = TypeVar("T")


def supervise(driver: Sequence[str], *, folder: Path, profile: Profile, umask: int) -> None:
    """Runs `driver` until it exits with 0, again whenever it or Ray is lost. RuntimeError when it never gets going.

    The driver finds the cluster in its environment: RAY_ADDRESS, NORMSWEEP_JOB (job.restart) and NORMSWEEP_DEADLINE
    (seconds since the epoch). TERM asks it to save and end.
    """
    incarnation = Incarnation.current()
    deadline = time.time() + _patiently(seconds_left)
    machines = _patiently(nodes)
    strikes, attempt = 0, 0
    with Told().listening() as told:
        while True:
            attempt += 1
            began = time.monotonic()
            cluster = RayCluster(machines, incarnation, attempt, folder, profile, umask)
            code = None
            try:
                if cluster.start(lambda: told.anything):
                    code = _drive(cluster, driver, told, incarnation, deadline, profile, umask)
            finally:
                if not told.ending:
                    cluster.stop()
            if told.ending:
                # Any exit during the grace time would be the job's end; SLURM requeues who stays until it is killed.
                time.sleep(GRACE)
                told.ending = False
            elif told.warned or code == OUT_OF_TIME:
                _requeue()
                time.sleep(GRACE)
                told.warned = False
            elif code == 0:
                return
            else:
                strikes = strikes + 1 if time.monotonic() - began < 60 else 1
                if strikes >= STRIKES:
                    raise RuntimeError(f"the driver ended {strikes} times within a minute of its start: see {folder}")
                time.sleep(2 * strikes)


def _drive(
    cluster: RayCluster,
    driver: Sequence[str],
    told: Told,
    incarnation: Incarnation,
    deadline: float,
    profile: Profile,
    umask: int,
) -> int | None:
    """The driver's exit status; None when the head was lost."""
    environment = os.environ | cluster.environment
    environment |= {
        "RAY_ADDRESS": cluster.address,
        "NORMSWEEP_JOB": str(incarnation),
        "NORMSWEEP_DEADLINE": str(deadline),
    }
    process = subprocess.Popen([*UNHEEDING, *driver], env=environment, cwd="/", umask=umask, stdin=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            if told.ending:
                process.terminate()  # Ray dies in the same moment: what was saved on the clock is what there is
                return None
            if told.warned:
                process.terminate()
                return _last_words(process, profile.signal_seconds * 0.7)
            if not cluster.alive:
                return None
            cluster.mend()
            time.sleep(LOOK)
        return process.returncode
    finally:
        if process.poll() is None and not told.ending:
            process.kill()
            process.wait()


def _last_words(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _requeue() -> None:
    _patiently(lambda: ask(["scontrol", "requeue", shown()]))


def _patiently(question: Callable[[], T]) -> T:
    """Asks again until SLURM answers, for ten minutes: its controller may be starting anew."""
    until = time.monotonic() + 600
    while True:
        try:
            return question()
        except Unanswered:
            if time.monotonic() > until:
                raise
            time.sleep(3)
