"""A job whose function was killed comes again, unless SLURM ended it itself or it was killed at once."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from slurm.allocation import RESCUE

KILLED, RAISED = "bash -c 'kill -KILL $$'", "exit 1"


@pytest.mark.parametrize(
    ("end", "age", "state", "array", "told"),
    [
        (KILLED, 100, "RUNNING", "", "requeue 12"),
        (KILLED, 100, "RUNNING", "SLURM_ARRAY_JOB_ID=11 SLURM_ARRAY_TASK_ID=3", "requeue 11_3"),
        (KILLED, 100, "COMPLETING", "", ""),  # scancel, preemption, time limit: SLURM knows what comes next
        (KILLED, 10, "RUNNING", "", ""),
        (RAISED, 100, "RUNNING", "", ""),
        ("true", 100, "RUNNING", "", ""),
    ],
)
def test_rescue(tmp_path: Path, end: str, age: int, state: str, array: str, told: str) -> None:
    for name, text in {"squeue": f"echo {state}", "scontrol": f'echo "$@" > {tmp_path}/told'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    exports = f"export SLURM_JOB_ID=12 {array}\n"
    (tmp_path / "job.sh").write_text(f"{exports}SECONDS={age}\n{RESCUE}\n{end}\n")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["bash", tmp_path / "job.sh"], env=environment, check=False)
    record = tmp_path / "told"
    assert (record.read_text().strip() if record.exists() else "") == told
