"""Keeps a driver and its Ray cluster at work in one allocation until there is nothing left to do.

It stands between SLURM and them: it hears the signals, it outlives both, and the job lives as long as it stays.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from slurm.command import ask
from slurm.errors import Unanswered, reason_in
from slurm.job import Incarnation, nodes, seconds_left, shown
from slurm.patience import patiently, refused
from slurm.profile import Profile
from slurm.ray_cluster import RayCluster
from slurm.signals import UNHEEDING, Signals

OUT_OF_TIME = 75  # exit status of a driver that ends because the allocation's time does
SILENT = 77  # the same, of one whose Ray did not answer
NO_TIME = 76  # the same, of one that found no time left to begin anything
SILENCE = 180.0  # seconds that such a driver waited for an answer, at most
STRIKES = 5  # drivers in a row that ended within a minute of their start
FRUITLESS = 5  # runs of the job in a row in which Ray was up too late to begin anything
REFUSALS = 3  # to queue this job again, after which it is believed
END_SECONDS = 30.0  # before the time limit: what is told to end then is not preempted
GRACE = 900.0  # a job told to end that still lives goes back to work after so many seconds
LOOK = 0.5


def supervise(
    driver: Sequence[str],
    *,
    folder: Path,
    profile: Profile,
    umask: int,
    worker_imports: str = "",
    left: Callable[[], bool] = lambda: True,
    heir: Callable[[], bool] = lambda: False,
) -> bool:
    """Runs `driver` until it exits with 0 or nothing is `left` to do, again whenever it or Ray is lost.

    Workers import the modules `worker_imports`, with spaces between, once a node.

    True when there was no more time, though something was left: SLURM did not queue the job again, so `heir` was asked
    to see to it that another job goes on.

    The driver finds the cluster in its environment: RAY_ADDRESS, NORMSWEEP_JOB (job.restart) and NORMSWEEP_DEADLINE, of
    this node's `time.monotonic`, which no change of the clock moves. TERM asks it to save and end. RuntimeError, with
    the reason, when it never gets going.
    """
    incarnation = Incarnation.current()
    deadline = time.monotonic() + patiently(seconds_left)
    machines = patiently(nodes)
    strikes, attempt, fruitful = 0, 0, False
    with Signals().listening() as told:
        while patiently(left):
            attempt += 1
            began = time.monotonic()
            refused_nodes = excluded(folder, incarnation)
            cluster = RayCluster(machines, refused_nodes, incarnation, attempt, folder, profile, umask, worker_imports)
            code, reasons = None, list[str]()
            try:
                if cluster.start(lambda: told.anything):
                    log = folder / f"driver-{incarnation.job}.log"
                    since = log.stat().st_size if log.exists() else 0
                    code = _drive(cluster, driver, told, incarnation, deadline, profile, umask, log)
                    fruitful |= code not in (NO_TIME, SILENT)
                    if code not in (None, 0, OUT_OF_TIME, NO_TIME):
                        said = reason_in(log, since) or f"it ended with exit status {code}"
                        reasons.append(f"the driver on {machines[0].name}: {said}")
                reasons += cluster.reasons()
            except OSError as error:
                if not refused(error):
                    raise
                reasons.append(f"the shared disk refuses: {error}")
            finally:
                cluster.stop()
            if told.ending:
                if time.monotonic() < deadline - END_SECONDS:  # else the time limit's own TERM
                    _note_preemption(folder)
                # Any exit during the grace time would be the job's end; SLURM requeues who stays until it is killed.
                time.sleep(GRACE)
                told.ending = False
            elif told.warned or code in (OUT_OF_TIME, NO_TIME):
                if not patiently(left):
                    return False
                if not fruitful:
                    _count_fruitless(folder, incarnation, reasons)
                if not patiently(_requeue):
                    heir()
                    return True
                time.sleep(GRACE)
                told.warned = False
            elif code == 0:
                return False
            else:
                early = time.monotonic() - began - (SILENCE if code == SILENT else 0.0) < 60
                strikes = strikes + 1 if early else 1
                reason = "; ".join(reasons) or "nothing says why"
                if strikes >= STRIKES:
                    raise RuntimeError(
                        f"Ray or its driver ended {strikes} times within a minute of the start: {reason}; see {folder}"
                    )
                print(f"Ray and the driver start anew: {reason}", flush=True)
                time.sleep(2 * strikes)
    return False


def _requeue() -> bool:
    """False where SLURM refuses to queue this job again, and answers otherwise."""
    for _ in range(REFUSALS):
        try:
            ask(["scontrol", "requeue", shown()])
            return True
        except Unanswered as error:
            print(f"SLURM does not queue this job again: {error}", flush=True)
        seconds_left()
        time.sleep(LOOK)
    return False


def excluded(folder: Path, incarnation: Incarnation) -> set[str]:
    """The nodes that the driver wants no more, by name."""
    return {path.name.partition("-without-")[2] for path in folder.glob(f"{incarnation}-without-*")}


def exclude(folder: Path, incarnation: Incarnation, node: str) -> None:
    """From the next start of Ray in this run of the job on, `node` gets nothing to do."""
    (folder / f"{incarnation}-without-{node}").touch()


def preempted(folder: Path, job: str) -> Path:
    """Exists once SLURM told that job to end, whatever it had done until then."""
    return folder / f"{job}-preempted"


def _note_preemption(folder: Path) -> None:
    with suppress(OSError):
        preempted(folder, shown()).touch()


def _count_fruitless(folder: Path, incarnation: Incarnation, reasons: Sequence[str]) -> None:
    """RuntimeError when this run of the job and those before it had no time for anything: requeued, it never would."""
    patiently((folder / f"{incarnation}-fruitless").touch)
    last = [Incarnation(job=incarnation.job, restart=incarnation.restart - n) for n in range(FRUITLESS)]
    if all((folder / f"{run}-fruitless").exists() for run in last):
        raise RuntimeError(
            f"in {FRUITLESS} runs of this job in a row Ray took the allocation's whole time to start"
            + "".join(f"; {reason}" for reason in reasons)
            + f": raise `minutes` in the site file, or see why it is slow in {folder}/ray-*.log"
        )


def _drive(
    cluster: RayCluster,
    driver: Sequence[str],
    told: Signals,
    incarnation: Incarnation,
    deadline: float,
    profile: Profile,
    umask: int,
    log: Path,
) -> int | None:
    """The driver's exit status; None when the head was lost. What it writes to stderr is added to `log`."""
    environment = os.environ | cluster.environment
    environment |= {
        "RAY_ADDRESS": cluster.address,
        "NORMSWEEP_JOB": str(incarnation),
        "NORMSWEEP_DEADLINE": str(deadline),
    }
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [*UNHEEDING, *driver], env=environment, cwd="/", umask=umask, stdin=subprocess.DEVNULL, stderr=stderr
        )
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
