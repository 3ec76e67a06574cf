"""The line of a log that says why something ended, among all that Ray, SLURM and Python say beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from slurm.errors import LOG_BYTES, reason_in

TRACEBACK = """submitit INFO (2026-01-01 00:00:00,000) - Starting with JobEnvironment(job_id=7, hostname=n1)
submitit ERROR (2026-01-01 00:00:09,000) - Submitted job triggered an exception
Traceback (most recent call last):
  File "x.py", line 1, in <module>
    raise ValueError("no")
{}
srun: error: n1: task 0: Exited with exit code 1
"""
RAYLET = """2026-11-26 17:40:17,965\tSUCC scripts.py:1085 -- Ray runtime started.
2026-11-26 17:40:31,028\tERR scripts.py:1307 -- Some Ray subprocesses exited unexpectedly:
2026-11-26 17:40:31,030\tERR scripts.py:87 -- raylet [exit code=-9]
2026-11-26 17:40:31,031\tERR scripts.py:115 -- ----- BEGIN raylet.out tail (exit code(s)=-9 (signal 9)) -----
[2026-11-26 17:40:12,837 I 145 155] (raylet) dlmalloc.cc:153: create_and_mmap_buffer(83886088, /dev/shm/plasmaXXXXXX)
{}
[state-dump] - num pull retries: 0
- objects errored: 0
2026-11-26 17:40:31,032\tERR scripts.py:128 -- ----- END raylet.out tail (exit code(s)=-9 (signal 9)) -----
2026-11-26 17:40:31,032\tERR scripts.py:1315 -- Remaining processes will be killed.
srun: error: n1: task 0: Exited with exit code 1
"""
FATAL = "[2026-11-26 17:40:12,837 C 145 155] (raylet) main.cc:9: Check failed: no room in /dev/shm"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (TRACEBACK.format("RuntimeError: Ray ended 5 times: no room"), "Ray ended 5 times: no room"),
        (TRACEBACK.format("slurm.errors.Unanswered: `squeue` failed: down"), "`squeue` failed: down"),
        (TRACEBACK.format("ImportError: no module y"), "ImportError: no module y"),
        (RAYLET.format(""), "raylet [exit code=-9]"),
        (RAYLET.format(FATAL), "(raylet) main.cc:9: Check failed: no room in /dev/shm"),
        ("pack 1 done\n/bin/bash: line 9: module: command not found\n", "/bin/bash: line 9: module: command not found"),
        ("pack 1 done\nsrun: error: n1: task 0: Out Of Memory\n", "srun: error: n1: task 0: Out Of Memory"),
        ("srun: error: n1: task 0: Killed\n", "srun: error: n1: task 0: Killed"),
        ("pack 1 done\nsrun: error: n1: task 0: Exited with exit code 1\n", "pack 1 done"),
        ("\x1b[31mno more today\x1b[0m\n\n", "no more today"),
        ("", ""),
    ],
)
def test_the_line_that_tells_most_is_taken(tmp_path: Path, log: str, reason: str) -> None:
    (tmp_path / "log").write_text(log)
    assert reason_in(tmp_path / "log") == reason


def test_only_what_came_since_counts_and_of_a_long_log_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("OSError: long ago\n")
    since = log.stat().st_size
    assert reason_in(log, since) == ""
    log.write_text("OSError: long ago\n" + LOG_BYTES * "." + "\nit ended\n")
    assert reason_in(log) == "it ended"
    assert reason_in(tmp_path / "none") == ""
