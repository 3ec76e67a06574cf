"""INT and TERM to the verbs beside `run`: exit code 130 or 143 and one sentence, at any moment."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.orchestrator.stage import Stage

SIGNALS = [signal.SIGINT, signal.SIGTERM]
# Runs the command line with a verb that tells when it works, and is in the middle of something then.
SCRIPT = """
import sys, time
from orchestrator.cli import interrupts
interrupts.heed()
from orchestrator.cli import main, watch
{works}
sys.argv = ["normsweep", "cancel", "mine", "--jobs"]
main.main()
"""
AMID_WORK = """
def work(*_):
    try:
        print("works", flush=True)
        time.sleep(60)
    finally:
        print("in order", flush=True)
watch._end_jobs = work
"""
AMID_AN_IMPORT = """
import pathlib
pathlib.Path("slow.py").write_text("import time; print('works', flush=True); time.sleep(60)")
sys.path.insert(0, ".")
def work(*_):
    try:
        import slow
    finally:
        print("in order", flush=True)
watch._end_jobs = work
"""
THAT_DOES_NOT_END = """
interrupts.UNWIND_SECONDS = 1
def work(*_):
    try:
        print("works", flush=True)
        time.sleep(60)
    finally:
        time.sleep(60)
watch._end_jobs = work
"""


def ended(words: Sequence[str], number: int, *, twice: bool = True) -> tuple[int, str, str]:
    """Starts it, waits for its first line, interrupts it as `timeout` does: the process, and then its group."""
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        if twice:
            os.killpg(process.pid, number)
        out, err = process.communicate(timeout=30)
    return process.returncode, out, re.sub(r"\x1b\[\?25h", "", err)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("works", "out"), [(AMID_WORK, "in order\n"), (AMID_AN_IMPORT, ""), (THAT_DOES_NOT_END, "")])
def test_an_interrupted_verb_puts_in_order_what_it_began(stage: Stage, works: str, out: str, number: int) -> None:
    code, told, err = ended([sys.executable, "-c", SCRIPT.format(works=works)], number)
    assert (code, told, err) == (128 + number, out, "normsweep: interrupted\n")


AMID_WATCHING = """
from orchestrator.cli import status_view
def sleep(seconds, really=time.sleep):
    print("works", flush=True)
    really(60)
status_view.time = type("", (), {"sleep": sleep, "strftime": time.strftime, "localtime": time.localtime})
watch._end_jobs = lambda *_: watch.status(watch=True)
"""


WHILE_PYTHON_ENDS = """
import atexit, os, sys
from orchestrator.cli import interrupts
interrupts.heed()
from orchestrator.cli import main
atexit.register(os.kill, os.getpid(), {number})
sys.argv = ["normsweep", "wins", "absent"]
main.main()
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_python_ends_changes_nothing(stage: Stage, number: int) -> None:
    script = WHILE_PYTHON_ENDS.format(number=int(number))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("normsweep: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", SIGNALS)
def test_watching_is_ended(stage: Stage, number: int) -> None:
    code, _, err = ended([sys.executable, "-c", SCRIPT.format(works=AMID_WATCHING)], number)
    assert (code, err) == (128 + number, "normsweep: interrupted\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_log_that_is_followed_is_ended(stage: Stage, number: int) -> None:
    words = ["logs", "normalizer=bn seed=0 activation=relu", "-f"]
    code, out, err = ended([sys.executable, "-m", "orchestrator.cli", *words], number)
    assert (code, out, err) == (128 + number, "", "normsweep: interrupted\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_verb_is_interrupted_at_any_moment(stage: Stage, number: int) -> None:
    """From the first on at which signals are heeded: before, Python itself is not up."""
    for after in (0.0, 0.1, 0.5):
        with subprocess.Popen(
            [sys.executable, "-m", "orchestrator.cli", "wins", "mine", "--average", "seed"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while not heeds(process.pid, signal.SIGTERM) and process.poll() is None:
                time.sleep(0.002)
            time.sleep(after)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        if process.returncode == 2:  # it was over: nothing has a result
            assert "no result" in err
            continue
        assert (process.returncode, out, err) == (128 + number, "", "normsweep: interrupted\n")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("after", [0.0, 1.5])
def test_reading_many_images_is_ended_with_its_processes(
    after: float, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the moment on at which the first of them is there."""
    monkeypatch.setenv("NORMSWEEP_DATA", str(tmp_path / "home"))
    Image.new("L", (4000, 4000)).save(tmp_path / "slow.png")
    for label in ("a", "b"):
        (tmp_path / "in" / label).mkdir(parents=True)
        for i in range(300):
            (tmp_path / "in" / label / f"{i}.png").symlink_to(tmp_path / "slow.png")
    words = ["data", "import", str(tmp_path / "in"), "--name", "mine"]
    with subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not any("spawn_main" in line for line in alive(process.pid)):
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(after)
        began = time.monotonic()
        process.send_signal(number)
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (128 + number, "", "normsweep: interrupted\n")
    assert time.monotonic() - began < 6  # of the 10 s after which it is ended by force
    while time.monotonic() - began < 7 and alive(process.pid):
        time.sleep(0.05)
    assert alive(process.pid) == []


def alive(group: int) -> list[str]:
    """The command lines of a session's processes."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if session == str(group) and state != "Z":
                found.append((folder / "cmdline").read_text())
        except OSError:
            continue
    return found


def heeds(pid: int, number: int) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    (caught,) = [int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")]
    return bool(caught >> (number - 1) & 1)
