"""Trains sweeps in peace: all in one run, each pack in one process.

python -m benchmarks.faults.calm WORKSPACE FILE...
"""

from __future__ import annotations

import sys
from dataclasses import replace

from orchestrator.engine.driver import drive
from orchestrator.engine.local import LocalBackend
from orchestrator.engine.view import View
from orchestrator.planning.plan import commit
from orchestrator.store import Store
from sweeps import load_spec


class Quiet(View):
    """Shows nothing."""


def main(root: str, *files: str) -> None:
    store, specs = Store.at(root), [load_spec(file) for file in files]
    wanted = {trial for spec in specs for trial in commit(store, spec)[0].trials}
    run = replace(specs[0].run, devices=1)
    outcome = drive(store, wanted, run, LocalBackend(store.workspace, cpus=2, gpus=0), Quiet())
    assert not outcome.over, outcome


if __name__ == "__main__":
    main(*sys.argv[1:])
