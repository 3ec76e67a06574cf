"""What a user sees of a sweep on the cluster, how often SLURM is asked for it, and how the user ends it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import SITE, SWEEP, Cluster

pytestmark = pytest.mark.cluster

COUNTING = """#!/bin/sh
date +%s.%N >> {log}
exec {real} "$@"
"""
WATCHED_SECONDS = 22.0


def counted(cluster: Cluster, folder: Path) -> dict[str, str]:
    """An environment in which every call of squeue and sacct leaves its time in a file of that name."""
    folder.mkdir()
    for name in ("squeue", "sacct"):
        real = shutil.which(name, path=cluster.environment["PATH"])
        (folder / name).write_text(COUNTING.format(log=folder / f"{name}.times", real=real))
        (folder / name).chmod(0o700)
    return {**cluster.environment, "PATH": f"{folder}:{cluster.environment['PATH']}"}


def calls(folder: Path, name: str) -> list[float]:
    path = folder / f"{name}.times"
    return [float(line) for line in path.read_text().split()] if path.exists() else []


@pytest.mark.timeout(400)
def test_status_joins_ledger_leases_and_slurm_and_asks_seldom(cluster: Cluster, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Path("sweep.yaml").write_text(SWEEP.replace("epochs: 40", "epochs: 20000"))
    Path("site.toml").write_text(SITE.replace("minutes = 10", "minutes = 60"))
    where = ["--workspace", str(out)]
    words = ["--site", "site.toml", *where, "--allocations", "4"]
    cluster.normsweep("submit", "sweep.yaml", *words)

    def status() -> dict[str, Any]:
        return json.loads(cluster.normsweep("status", "cluster", "--json", *where, check=False).stdout)[0]

    cluster.wait(lambda: any(job["packs"] for job in status()["jobs"]), 150)
    told = status()
    queue = dict(line.split() for line in cluster.ask("squeue", "--noheader", "--array", "--format=%i %N").splitlines())
    assert {job["job"]: job["hosts"] for job in told["jobs"]} == queue
    assert {job["state"] for job in told["jobs"]} == {"RUNNING"}
    assert all(0 < job["seconds_left"] <= 3600 for job in told["jobs"])
    holding = {pack: job["job"] for job in told["jobs"] for pack in job["packs"]}
    assert holding.keys() == {pack["pack"] for pack in told["running"]}

    counting = tmp_path / "counting"
    environment = counted(cluster, counting)
    watch = [sys.executable, "-m", "orchestrator.cli", "status", "cluster", "--watch", *where]
    watching = [subprocess.Popen(watch, env=environment, stdout=subprocess.DEVNULL) for _ in range(2)]
    time.sleep(WATCHED_SECONDS)
    for process in watching:
        process.terminate()
        process.wait(60)
    times = calls(counting, "squeue")
    assert len(times) <= WATCHED_SECONDS // 10 + 2
    assert all(after - before > 9 for before, after in pairwise(times))
    assert len(calls(counting, "sacct")) <= len(times)

    one = told["jobs"][0]["job"]
    assert f"job {one}: {out}" in cluster.normsweep("logs", one, *where).stdout
    assert "asked SLURM to end" in cluster.normsweep("cancel", "cluster", "--jobs", *where).stdout
    cluster.wait(lambda: not cluster.jobs(), 60)
    cluster.wait(lambda: all(job["state"] == "CANCELLED" for job in status()["jobs"]), 60)
    ended = status()
    assert ended["running"] == []
    assert ended["states"] == {"todo": 24}
