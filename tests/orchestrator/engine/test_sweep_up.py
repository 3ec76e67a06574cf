"""What killed drivers left in the temporary folder: removed when nothing of theirs runs, and not before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestrator.engine.local import sweep_up
from orchestrator.store.owner import Owner, myself, started

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="ns-") as folder:  # short, as Ray's folders have to be
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def left(temporary: Path, owner: Owner) -> Path:
    folder = temporary / "normsweep-abcdefgh"
    folder.mkdir()
    (folder / "owner.json").write_text(json.dumps(asdict(owner)))
    return folder


def gone() -> Owner:
    return replace(myself(), started=myself().started - 1)  # a process of this number that began before


def test_the_folder_of_a_killed_driver_goes(temporary: Path) -> None:
    folder = left(temporary, gone())
    sweep_up()
    assert not folder.exists()


def test_the_folders_of_a_living_driver_and_of_other_machines_stay(temporary: Path) -> None:
    for owner in (myself(), replace(gone(), boot="another")):
        folder = left(temporary, owner)
        sweep_up()
        assert (folder / "owner.json").exists()
        (folder / "owner.json").unlink()
        folder.rmdir()


@pytest.mark.parametrize("where", ["its command line", "its environment"])
def test_while_a_process_names_the_folder_it_stays(temporary: Path, where: str) -> None:
    folder = left(temporary, gone())
    words = [str(folder)] if where == "its command line" else []
    environment = os.environ | ({"TOKEN_PATH": str(folder / "token")} if not words else {})
    with subprocess.Popen([sys.executable, "-c", SLEEP, *words], env=environment) as process:
        # Until it runs Python itself, it has the command line and the environment of this process.
        until = time.monotonic() + 20
        while SLEEP not in Path(f"/proc/{process.pid}/cmdline").read_text() and time.monotonic() < until:
            time.sleep(0.01)
        sweep_up()
        assert folder.exists()
        process.kill()
    sweep_up()
    assert not folder.exists()


@pytest.mark.parametrize(("name", "stays"), [("raylet", True), ("cat", False)])
def test_a_process_that_waits_for_a_device_is_asked_for_nothing_that_may_hang(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, name: str, stays: bool
) -> None:
    """No such process can be made here: one that sleeps under that name is told to be one, a fake."""
    folder = left(temporary, gone())
    program = temporary / name
    program.symlink_to("/bin/sleep")

    def asked(self: psutil.Process, *_: object) -> dict[str, Any]:
        assert self.pid != process.pid
        return {"cmdline": [], "environ": {}}

    with subprocess.Popen([str(program), "60"]) as process:
        monkeypatch.setattr(psutil.Process, "as_dict", asked)
        state = psutil.Process.status
        monkeypatch.setattr(
            psutil.Process,
            "status",
            lambda self: psutil.STATUS_DISK_SLEEP if self.pid == process.pid else state(self),  # pyright: ignore[reportUnknownLambdaType]
        )
        sweep_up()
        process.kill()
    assert folder.exists() == stays


def test_a_process_that_ends_its_own_session_ends_last() -> None:
    code = (
        "import os, subprocess, sys\n"
        "from orchestrator.engine.local import end_session\n"
        "print(subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.DEVNULL).pid, flush=True)\n"
        "end_session(os.getpid())"
    )
    command = [sys.executable, "-c", code, SLEEP]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, start_new_session=True, check=False)
    assert done.returncode == -9
    assert started(int(done.stdout)) is None
