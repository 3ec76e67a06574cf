"""Seconds from free resources to a gang's first step: a trial of ResNet-20 goes through Ray Tune on a Ray that is idle.

python benchmarks/gang_start.py [--devices 2] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from pathlib import Path
from typing import Any

from orchestrator.engine.local import local_ray
from orchestrator.engine.task import PackTask
from orchestrator.store.leases import Lease
from orchestrator.store.owner import myself
from orchestrator.store.roster import RosterPack
from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from trainers import data

TRIAL = {"dataset": "shapes-generated", "model": {"resnet20": {"width": 0.25}}, "normalizer": "bn"}
PARTS = ("placement group, trial's process", "ranks' processes, imports", "rendezvous", "data, network", "first step")


def measure(folder: Path, devices: int) -> list[float]:
    """Seconds of each part."""
    from ray import tune

    from orchestrator.engine.driver import bundles

    sweep = {"name": "one", "trial": TRIAL | {"shards": devices}, "run": {"devices": devices}}
    spec = SweepSpec.from_json(sweep)
    pack = RosterPack.of(expand(spec, data.facts))
    task = PackTask(
        root=str(folder / "work"),
        pack=pack,
        lease=Lease(pack=pack.id, generation=1, owner=myself()),
        checkpoint_seconds=60.0,
        cpus=1,
        gpus=0.0,
        devices=devices,
        device="cpu",
        channels_last=False,
        compile=False,
        code_version="",
    )
    begin = time.time()
    resources = bundles(spec.run, spread=False)
    run = tune.RunConfig(storage_path=str(folder), verbose=0)
    (result,) = tune.Tuner(tune.with_resources(first_step, resources), param_space={"task": task}, run_config=run).fit()
    return [after - before for before, after in itertools.pairwise([begin, *result.metrics["times"]])]


def first_step(config: dict[str, Any]) -> dict[str, Any]:
    from orchestrator.engine import gang
    from orchestrator.engine.remote import PackJob

    times, all_of = [time.time()], gang.Gang._all
    gang.Gang._all = lambda self, answers: (all_of(self, answers), times.append(time.time()))[0]
    job = PackJob(config["task"])
    job.trainer.advance(0.0)
    job.trainer.close()
    return {"times": [times[i] for i in (0, 1, 2, 3, 5)]}  # the fourth answer is on progress


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with local_ray(options.devices, 0) as folder:
        rounds = [measure(folder / str(i), options.devices) for i in range(options.rounds)]
    table = {part: statistics.median(column) for part, column in zip(PARTS, zip(*rounds, strict=True), strict=True)}
    table["all"] = statistics.median(map(sum, rounds))
    print(json.dumps(table, indent=2) if options.json else "\n".join(f"{k:34s} {v:6.2f}" for k, v in table.items()))


if __name__ == "__main__":
    main()
