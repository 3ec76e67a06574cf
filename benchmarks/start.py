"""How long a user waits for an answer: `--help`, and `plan` of a sweep of 10,000 trials, each in a fresh process.

python benchmarks/start.py [--repeat 7] [--json]
Prints the median wall seconds, and their ratio to starting a bare Python, measured side by side.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SWEEP = """
name: many
trial:
  dataset: [wine, titanic]
  depth: [2, 4, 8]
  activation: [relu, elu, selu]
  normalizer: [none, bn, vcl]
  epochs: 10
  seed: 0..185
"""


def seconds(*words: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.yaml"
        file.write_text(SWEEP)
        command = ("-m", "orchestrator.cli")
        asked = {
            "bare python": ("-c", "pass"),
            "--help": (*command, "--help"),
            "plan of 10,044 trials": (*command, "plan", str(file), "--workspace", folder),
        }
        taken = {name: [seconds(*words) for _ in range(arguments.repeat)] for name, words in asked.items()}
    medians = {name: statistics.median(values) for name, values in taken.items()}
    if arguments.json:
        print(json.dumps(medians, indent=2))
        return
    for name, median in medians.items():
        print(f"{name:24} {median:6.3f} s  {median / medians['bare python']:6.1f}x")


if __name__ == "__main__":
    main()
