"""INT and TERM to the process group of a run, at any moment from its first on.

`NORMSWEEP_MOMENTS` says at how many moments: 12 unless it is set.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.store import Store
from tests.chaos.evidence import lasting
from tests.chaos.test_failures import sweep, wait_for

MOMENTS = int(os.environ.get("NORMSWEEP_MOMENTS", "12"))
LATEST_SECONDS = 14.0
SENTENCES = (
    "normsweep: interrupted",
    "small: 8 of 8 trials to train, in 2 packs, on ",
    "small: starting Ray",
    "small: reading data",
    "stopped at once: run again to go on",
    "stopping: the running packs save what they have; run again to go on",
    "small: 0 of 8 trials done",
    "MLflow may lack the last results: the next run, or `normsweep sync`, catches up",
    "MLflow: ",
)

pytestmark = pytest.mark.kill


@contextmanager
def started(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run of a process group of its own that heeds signals already: before, Python itself does not."""
    command = [sys.executable, "-m", "orchestrator.cli", "run", str(sweep(folder, 300_000)), *words]
    command += ["--workspace", str(folder / "out")]
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
    ) as run:
        wait_for(lambda: heeds(run.pid, signal.SIGTERM), run)
        yield run


def heeds(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = [int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")]
    return bool(caught >> (number - 1) & 1)


@dataclass(frozen=True)
class Moment:
    after: float
    number: signal.Signals
    words: tuple[str, ...]


def interrupted(moment: Moment) -> None:
    with tempfile.TemporaryDirectory(prefix="ns", dir="/tmp") as name:  # short, as Ray's sockets need it
        folder = Path(name)
        with started(folder, *moment.words) as run:
            time.sleep(moment.after)
            trained = bool(list((folder / "out" / "progress").glob("*.parquet")))
            interrupt(run, moment.number)
            out, _ = run.communicate(timeout=100)
        ends_well(folder, run.returncode, moment.number, out)
        assert not trained or "stopping: " in out, (moment, out)


def interrupt(run: subprocess.Popen[str], number: signal.Signals) -> None:
    """As `timeout` does: the process, and then its group, which it belongs to."""
    run.send_signal(number)
    os.killpg(run.pid, number)


def ends_well(folder: Path, code: int, number: signal.Signals, out: str) -> None:
    assert code == 128 + number, out
    foreign = [line for line in out.splitlines() if not line.startswith(SENTENCES)]
    assert not foreign, out
    assert sum("interrupted" in line or "stopp" in line for line in out.splitlines()) == 1, out
    held = Store.at(folder / "out").leases.held()
    mirror = [lease.owner.id for lease in (held.pop("mirror", None),) if lease]  # of one that was killed, for the next
    assert held == {}
    assert {path.stem for path in (folder / "out").glob("heartbeats/*")} <= {*mirror}
    assert lasting(str(folder)) == []
    assert not list(folder.glob("normsweep-*"))


@pytest.mark.timeout(60 * MOMENTS)
def test_a_run_is_interrupted_at_any_moment() -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"moments drawn with seed {seed}")
    chance = random.Random(seed)
    moments = [
        Moment(
            (i + chance.random()) * LATEST_SECONDS / MOMENTS,
            (signal.SIGINT, signal.SIGTERM)[i % 2],
            ("--no-mlflow",) if i // 2 % 2 else (),
        )
        for i in range(MOMENTS)
    ]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(interrupted, moments))


def test_in_training_all_is_saved_and_a_second_int_ends_at_once(tmp_path: Path, temporary: Path) -> None:
    out = temporary / "out"
    with started(temporary, "--no-mlflow") as run:
        wait_for(lambda: len(list((out / "leases").glob("*.started"))) == 2, run)
        interrupt(run, signal.SIGINT)
        told, _ = run.communicate(timeout=100)
    ends_well(temporary, run.returncode, signal.SIGINT, told)
    assert "stopping: " in told
    assert len(list((out / "checkpoints").glob("*.pt"))) == 2
