"""Workers that are forks of one process: what they have, that there are never two, and what happens without it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from slurm.workers import launcher
from slurm.workers.forks import Request

# Stands for Ray's worker: tells what it has, and stays until its standard input ends.
WORKER = """
import json, os, sys
from pathlib import Path
from slurm.workers import forks

wanted = forks.serve(Path(sys.argv[1]))
wanted.take_on()
has = dict(arguments=wanted.arguments, folder=os.getcwd(), variable=os.environ.get("VARIABLE"), parent=os.getppid())
has |= dict(group=os.getpgid(0), imported="fractions" in sys.modules, pid=os.getpid())
print(json.dumps(has), flush=True)
sys.stdin.read()
"""


class Forks:
    """A process that forks, of a raylet that is a sleeping process."""

    def __init__(self, folder: Path, over: ExitStack) -> None:
        self.folder, self._over = folder, over
        self.raylet = subprocess.Popen(["sleep", "600"])
        self.arguments = [f"--raylet-name={folder / 'raylet'}", "--webui=", "--words=one two"]
        self.place = launcher.meeting_place(self.arguments)
        self.environment = {**os.environ, "RAY_RAYLET_PID": str(self.raylet.pid), launcher.IMPORTS: "fractions"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", WORKER, str(self.place)], env=self.environment, stdin=subprocess.DEVNULL
        )
        until = time.monotonic() + 30
        while not self.place.exists():
            assert time.monotonic() < until
            time.sleep(0.01)

    def launch(self, **more: Any) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """A launcher that Ray starts, and what the worker that comes of it has."""
        process = self._over.enter_context(
            subprocess.Popen(
                [sys.executable, launcher.__file__, *self.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self.folder,
                env={**self.environment, "VARIABLE": "a=b\nc"},
                **more,
            )
        )
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    def call(self) -> socket.socket:
        """A line to it on which a whole request was sent."""
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(10)
        line.connect(str(self.place))
        wanted = launcher.request(self.arguments)
        socket.send_fds(line, [len(wanted).to_bytes(8, "big")], [0, 1, 2])
        line.sendall(wanted)
        return line

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()


@pytest.fixture
def forks(tmp_path: Path) -> Generator[Forks]:
    with ExitStack() as over:
        made = Forks(tmp_path, over)
        yield made
    for process in (made.process, made.raylet):
        process.kill()
        process.wait()


def test_a_fork_has_what_its_launcher_had(forks: Forks) -> None:
    process, has = forks.launch(process_group=0)
    assert process.wait(10) == 0
    assert has.pop("pid") != process.pid
    assert has == {
        "arguments": forks.arguments,
        "folder": str(forks.folder),
        "variable": "a=b\nc",
        "group": process.pid,
        "imported": True,
        "parent": forks.process.pid,
    }
    _, other = forks.launch()
    assert other["group"] == os.getpgid(0)
    assert len(forks.children()) == 2


def test_a_fork_that_ends_leaves_nothing(forks: Forks) -> None:
    process, has = forks.launch()
    assert process.stdin is not None
    process.stdin.close()  # also the fork's
    until = time.monotonic() + 10
    while psutil.pid_exists(has["pid"]):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not forks.children()


def test_it_ends_with_its_raylet_and_its_forks_stay(forks: Forks) -> None:
    _, has = forks.launch()
    forks.raylet.kill()
    assert forks.process.wait(10) == 0
    assert psutil.Process(has["pid"]).is_running()


def test_nothing_is_forked_for_a_launcher_that_does_not_say_go(forks: Forks) -> None:
    with forks.call() as line:
        assert line.recv(1) == launcher.READY
    with socket.socket(socket.AF_UNIX) as cut:  # in the middle of its request
        cut.connect(str(forks.place))
        socket.send_fds(cut, [(1000).to_bytes(8, "big")], [0, 1, 2])
    forks.launch()
    assert len(forks.children()) == 1


def test_a_launcher_gives_up_on_one_that_does_not_answer(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "READY_SECONDS", 0.5)
    forks.process.send_signal(signal.SIGSTOP)
    assert not launcher.forked(forks.arguments)
    forks.process.send_signal(signal.SIGCONT)
    forks.launch()
    assert len(forks.children()) == 1  # it forked none for the one that gave up


def test_launchers_start_one_process_that_forks(tmp_path: Path) -> None:
    """Ray starts a worker for each core at once."""
    raylet = subprocess.Popen(["sleep", "600"])
    arguments = [f"--raylet-name={tmp_path / 'raylet'}"]
    environment = {**os.environ, "RAY_RAYLET_PID": str(raylet.pid), launcher.IMPORTS: "json"}
    script = f"""
from slurm.workers import launcher
launcher.connected(launcher.meeting_place({arguments!r})).close()
"""
    command = [sys.executable, "-c", script]
    several = [subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) for _ in range(3)]
    until = time.monotonic() + 30
    while len(forking := [process for process in several if process.poll() is None]) > 1:
        assert time.monotonic() < until
        time.sleep(0.01)
    (process,) = forking
    assert psutil.Process(process.pid).cmdline()[1:] == ["-P", "-m", "slurm.workers.forks", str(tmp_path / "forks")]
    raylet.kill()
    raylet.wait()
    process.wait(10)
    assert [process.returncode for process in several] == [0] * 3


def test_without_imports_a_launcher_becomes_rays_own_worker() -> None:
    environment = {name: value for name, value in os.environ.items() if name != launcher.IMPORTS}
    asked = subprocess.run(
        [sys.executable, launcher.__file__, "--help"], capture_output=True, text=True, env=environment, check=True
    )
    assert "--node-manager-port" in asked.stdout


def test_a_request_holds_any_words() -> None:
    wanted = Request.decode(launcher.request(["", "a b", "é"]))
    assert wanted.arguments == ["", "a b", "é"]
    assert wanted.folder == str(Path.cwd())
    assert wanted.environment == dict(os.environb)
