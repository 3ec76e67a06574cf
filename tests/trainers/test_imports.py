"""What a worker does not import, since each of them takes seconds that every process of a run would pay."""

from __future__ import annotations

import subprocess
import sys

TRAINS = """
import sys

from tests.trainers.factory import trial
from trainers.data import load
from trainers.pack import PackTrainer

data = load("wine")
trainer = PackTrainer([trial(data, epochs=2)], data)
while not trainer.finished:
    trainer.advance(60.0)
assert trainer._repeated and not trainer._repeated.reason
heavy = ("torch._dynamo", "sympy", "sklearn", "scipy", "pandas", "ray", "mlflow")
print([name for name in heavy if name in sys.modules])
"""


def test_a_pack_is_trained_without_a_compiler_and_without_scikit_learn() -> None:
    done = subprocess.run([sys.executable, "-c", TRAINS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
