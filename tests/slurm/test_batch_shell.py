"""The batch shell's part: its log on a disk that refuses, and who comes again when killed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from slurm.allocation import SHELL

KILLED, TOLD, RAISED = "bash -c 'kill -KILL $$'", "bash -c 'kill -TERM $$'", "exit 1"
PREEMPTED = "2026-11-26T18:17:43"


@pytest.mark.parametrize(
    ("end", "age", "state", "array", "told"),
    [
        (KILLED, 100, "RUNNING", "", "requeue 12"),
        (KILLED, 100, "RUNNING", "SLURM_ARRAY_JOB_ID=11 SLURM_ARRAY_TASK_ID=3", "requeue 11_3"),
        (KILLED, 100, "COMPLETING", "", ""),  # scancel, preemption, time limit: SLURM knows what comes next
        (KILLED, 10, "RUNNING", "", ""),
        (TOLD, 1, f"RUNNING {PREEMPTED}", "", "requeue 12"),
        (TOLD, 1, f"COMPLETING {PREEMPTED}", "", "requeue 12"),
        (TOLD, 1, "COMPLETING N/A", "", ""),  # scancel
        (TOLD, 1, "RUNNING N/A", "", ""),
        (RAISED, 1, f"RUNNING {PREEMPTED}", "", ""),
        (RAISED, 100, "RUNNING", "", ""),
        ("true", 100, "RUNNING", "", ""),
    ],
)
def test_a_killed_function_comes_again_unless_slurm_ended_it_or_it_just_began(
    tmp_path: Path, end: str, age: int, state: str, array: str, told: str
) -> None:
    run(tmp_path, tmp_path, f"SECONDS={age}\n{end}", state, array)
    assert requeued(tmp_path) == told
    assert (tmp_path / f"{told.partition(' ')[2] or 12}_0_log.out").exists(), "the shell's words go here"


def test_a_job_started_while_the_disk_refuses_waits_and_comes_again(tmp_path: Path) -> None:
    run(tmp_path, tmp_path / "none", "exit 1")
    assert requeued(tmp_path) == "requeue 12"
    run(tmp_path, tmp_path / "none", f"mkdir {tmp_path}/none; exit 1")  # refused until now
    assert requeued(tmp_path) == ""


def run(programs: Path, folder: Path, rest: str, state: str = "RUNNING", array: str = "") -> None:
    for name, text in {
        "squeue": f"echo {state}",
        "scontrol": f'echo "$@" > {programs}/told',
        "sleep": f"echo >> {programs}/slept",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    (programs / "job.sh").write_text(
        f"export SLURM_JOB_ID=12 {array}\n{SHELL.replace('FOLDER', str(folder)).replace('120', '3')}\n{rest}\n"
    )
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash", programs / "job.sh"], env=environment, check=False, capture_output=True)


def requeued(programs: Path) -> str:
    """What scontrol was told, once."""
    record = programs / "told"
    if not record.exists():
        return ""
    said = record.read_text().strip()
    record.unlink()
    return said
