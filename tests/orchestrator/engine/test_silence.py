"""A process whose Ray does not answer ends itself; one whose Ray does is left alone. Ray is a stand-in here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orchestrator.engine.stalls.silence import SILENT

PROCESS = """
import sys, time, types
from orchestrator.engine.stalls import silence
silence.LOOK_SECONDS = 0.05
ray = types.ModuleType("ray")
ray.get_runtime_context = lambda: types.SimpleNamespace(get_node_id=lambda: "here")
ray.nodes = lambda: [{"NodeID": "there", "Alive": True}, {"NodeID": "here", "Alive": True}]
sys.modules["ray"] = ray
with silence.answering(0.5) as answers, answers.expected():
    time.sleep(0.3)
WHAT
print("ended")
"""


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("    time.sleep(1)", 0, ""),
        ("    ray.nodes = lambda: time.sleep(99)\n    time.sleep(30)", SILENT, "Ray did not answer for 0 s"),
        ("    ray.nodes = lambda: 1 / 0\n    time.sleep(30)", SILENT, "Ray did not answer for 0 s"),
        (
            "    ray.nodes = lambda: [{'NodeID': 'here', 'Alive': False}]\n    time.sleep(30)",
            SILENT,
            "Ray lost this node",
        ),
        # The error comes once the last look that was answered is over.
        (
            "    ray.nodes = lambda: time.sleep(99)\n    time.sleep(0.2)\n    raise ValueError",
            SILENT,
            "Ray does not answer",
        ),
        ("    raise ValueError", 1, "ValueError"),
    ],
    ids=["answers", "hangs", "raises", "is dead", "fails and hangs", "answers what fails by itself"],
)
def test_who_ends(what: str, code: int, said: str) -> None:
    words = [sys.executable, "-c", PROCESS.replace("WHAT", what)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (code, "" if code else "ended\n"), done.stderr
    assert said in done.stderr


SLOW = """
import time, types, sys
from orchestrator.engine.stalls import silence
silence.LOOK_SECONDS = 0.05
ray = types.ModuleType("ray")
ray.get_runtime_context = lambda: types.SimpleNamespace(get_node_id=lambda: "here")
ray.nodes = lambda: [{"NodeID": "here", "Alive": True}]
sys.modules["ray"] = ray
for _ in range(8):
    with silence.answering(0.2) as answers:
        time.sleep(0.5)
        with answers.expected():
            time.sleep(0.2)
print("ended")
"""


def test_a_ray_that_is_slow_to_start_is_not_taken_for_silent() -> None:
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")
