"""A Ray that is killed, or stopped and does not answer, is started anew; the results are the undisturbed ones."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from orchestrator.store import Store
from tests.chaos.evidence import lasting
from tests.chaos.test_failures import results, sweep, wait_for

RUN = """
import sys
from rich.console import Console
from orchestrator.cli.live import Terminal
from orchestrator.engine.run import run
from orchestrator.store import Store
from sweeps.file.spec import load_spec
store, spec = Store.at(sys.argv[2]), load_spec(sys.argv[1])
summary = run(store, spec, Terminal(Console(width=200)), cpus=2, tracking_uri="none", silent_seconds=float(sys.argv[3]))
sys.exit(summary.exit_code)
"""
# Ray's own settings: a raylet that does not answer for seconds is dead.
HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "1",
}
FAULTS = (("gcs_server", signal.SIGSTOP), ("raylet", signal.SIGSTOP), ("gcs_server", signal.SIGKILL))
LOST = "Ray was lost, as it did not answer: starting it again, packs go on from their checkpoints"
SECONDS = 240.0
TRAINERS = ("ray::PackTrainable", "ray::ResourceTrainable")  # as Ray calls them between two steps and in one


@pytest.mark.kill
@pytest.mark.timeout(900)
def test_a_run_whose_ray_is_lost_ends_with_the_undisturbed_results(tmp_path: Path, temporary: Path) -> None:
    file = sweep(tmp_path, 2000)
    words = [sys.executable, "-c", RUN, str(file)]
    subprocess.run([*words, str(tmp_path / "calm"), "60"], check=True, capture_output=True)

    stormy, environment = tmp_path / "stormy", os.environ | HEALTH
    with subprocess.Popen(
        [*words, str(stormy), "8"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as run:
        since = 0.0
        for name, number in FAULTS:
            wait_for(lambda since=since: newest_start(stormy) > since, run)
            for trainer in processes(run.pid, *TRAINERS):  # the pack does not end before the loss is seen
                trainer.send_signal(signal.SIGSTOP)
            (daemon,) = processes(run.pid, name)
            daemon.send_signal(number)
            since = newest_start(stormy) + 6  # no process of this Ray begins later
        out, _ = run.communicate(timeout=SECONDS)
    assert run.returncode == 0, out
    passing = r"small: \d of 8 trials done, .* after \d+ s$|pack .* retry$"
    lines = [line for line in out.splitlines() if not re.match(passing, line)]
    start = ["small: starting Ray", "small: reading data"]
    told = ["small: 8 of 8 trials to train, in 2 packs, on 2 cores", *[*start, LOST] * len(FAULTS)]
    assert lines in ([*told, *start], told), out  # the last pack may end just before Ray is found lost
    store, calm = Store.at(stormy), Store.at(tmp_path / "calm")
    assert results(store.workspace) == results(calm.workspace)
    for pack in store.roster.live:  # Ray may tell of a lost trainer before it is lost itself
        assert [failure.kind for failure in store.attempts.failures(pack.id)] in ([], ["lost_process"])
    assert lasting(str(temporary)) == []
    assert list(temporary.glob("normsweep-*")) == []


def newest_start(workspace: Path) -> float:
    return max((path.stat().st_mtime for path in (workspace / "leases").glob("*.started")), default=0.0)


def processes(run: int, *names: str) -> list[psutil.Process]:
    children = psutil.Process(run).children(recursive=True)
    return [process for process in children if Path("".join(process.cmdline()[:1])).name.startswith(names)]
