"""Processes of this machine under a name as Ray gives it: how they are seen, and ended with what they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

from orchestrator.engine.stalls import processes
from orchestrator.engine.stalls.processes import Look

STARTS_ANOTHER = """
import subprocess
other = subprocess.Popen(["sleep", "600"])
print(other.pid, flush=True)
other.wait()
"""


@pytest.fixture
def pair(tmp_path: Path) -> Generator[tuple[int, int]]:
    """A process and one that it started."""
    named = tmp_path / "ray::Some"
    named.symlink_to(sys.executable)
    with subprocess.Popen([named, "-c", STARTS_ANOTHER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        helper = int(process.stdout.readline())
        while psutil.Process(process.pid).status() != psutil.STATUS_SLEEPING:  # until it waits for the other
            time.sleep(0.01)
        yield process.pid, helper
        process.kill()


def test_one_that_is_stopped_is_found_wherever_it_is_in_the_tree(pair: tuple[int, int]) -> None:
    leader, helper = pair
    os.kill(helper, signal.SIGSTOP)
    look = Look(seen=processes._look([leader]), silent=[])
    assert [(p.pid, p.state, p.trains) for p in look.seen] == [
        (leader, psutil.STATUS_SLEEPING, True),
        (helper, psutil.STATUS_STOPPED, False),
    ]
    assert look.held == look.seen[1]
    assert (look.moves, look.pace) == ([], None)


def test_a_whole_tree_is_ended_even_if_it_is_stopped(pair: tuple[int, int]) -> None:
    for pid in pair:
        os.kill(pid, signal.SIGSTOP)
    assert processes._end([pair[0]]) == []
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pair)


def test_what_does_not_end_is_told(pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that waits for a device does not."""
    monkeypatch.setattr(processes, "END_SECONDS", 0.2)
    monkeypatch.setattr(psutil.Process, "kill", lambda _: None)
    monkeypatch.setattr(psutil.Process, "status", lambda _: psutil.STATUS_DISK_SLEEP)
    assert [(p.pid, p.state) for p in processes._end([pair[0]])] == [(pid, "disk-sleep") for pid in pair]


def test_a_process_that_is_not_rays_is_left_alone() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        assert processes._look([process.pid]) == processes._end([process.pid]) == []
        assert process.poll() is None
        process.kill()
