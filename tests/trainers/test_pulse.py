"""What a process says of its training, read by another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from trainers import pulse
from trainers.pulse import Pace

LOOPS = """
from trainers import pulse
pulse.listen()
mine = pulse.mine()
mine.train(5)
mine.move(6, warm=True)
def loop():
    print(flush=True)
    while True:
        pass
loop()
"""


def test_a_process_is_read_while_it_is_stopped_and_says_where_it_is_while_it_loops() -> None:
    with subprocess.Popen([sys.executable, "-c", LOOPS], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            assert pulse.stack(other.pid, 20.0).splitlines()[1].endswith("in loop")
            os.kill(other.pid, signal.SIGSTOP)
            assert pulse.read(other.pid) == Pace(moves=1, steps=6, slowest=0.0, warm=True)
            assert pulse.stack(other.pid, 0.1) == ""
        finally:
            other.kill()
    assert pulse.read(other.pid) is None
    assert pulse.stack(other.pid) == ""


def test_a_process_that_trains_nothing_is_not_disturbed() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        assert (pulse.read(other.pid), pulse.stack(other.pid)) == (None, "")
        assert other.poll() is None
        other.kill()


def test_what_comes_once_is_not_the_slowest() -> None:
    mine = pulse.mine()
    mine.reset()
    begun = mine.pace
    assert (begun.steps, begun.warm) == (-1, False)
    mine.train(0)
    mine.move()  # a batch that is seen before training
    mine.move(1)
    assert (mine.pace.steps, mine.pace.slowest) == (1, 0.0)
    mine.move(warm=True)
    mine.move(2)
    assert mine.pace.moves == begun.moves + 4
    assert (mine.pace.steps, mine.pace.warm) == (2, True)
    assert mine.pace.slowest > 0
