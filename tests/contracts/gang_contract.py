"""Runs the contract of trainers on a gang of two processes: `python -m tests.contracts.gang_contract FOLDER`.

A process of its own, since ray reads its environment when it is imported, and a gang lives in a placement group.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from orchestrator.engine.local import local_ray
from orchestrator.engine.task import PackTask
from orchestrator.store.leases import Lease
from orchestrator.store.owner import myself
from orchestrator.store.roster import RosterPack
from tests.trainers.factory import trial
from tests.trainers.probes.looking import probe
from tests.trainers.trials import method
from trainers.data import load
from trainers.testing import TrainerContract


def task(root: Path) -> PackTask:
    data = load("waveform-generated")
    seen = (probe("kurtosis"), probe("gradient-variance", batches=2))
    one = trial(
        data, normalizer=method("bn"), epochs=3, steps_per_epoch=10, momentum=0.9, batch_size=20, shards=2, record=seen
    )
    pack = RosterPack.of([one])
    return PackTask(
        root=str(root), pack=pack, lease=Lease(pack=pack.id, generation=1, owner=myself()), checkpoint_seconds=60.0,
        cpus=1, gpus=0.0, devices=2, device="cpu", channels_last=False, compile=False, code_version="0",
    )  # fmt: skip


def keep_the_contract(task: PackTask) -> list[str]:
    from orchestrator.engine.gang import Gang

    def make() -> Gang:
        gang = Gang(task)
        gang.meet()
        return gang

    kept: list[str] = []
    contract = TrainerContract()
    for name in dir(contract):
        if name.startswith("test_"):
            check = getattr(contract, name)
            with tempfile.TemporaryDirectory() as folder:
                check(make, Path(folder)) if "checkpoint" in name or "interrupted" in name else check(make)
            kept.append(name)
    return kept


def main(root: str) -> None:
    with local_ray(2, 0):
        import ray
        from ray.util.placement_group import placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        group = placement_group([{"CPU": 1}, {"CPU": 1}])
        ray.get(group.ready(), timeout=60)
        inside = PlacementGroupSchedulingStrategy(group, placement_group_capture_child_tasks=True)
        led = ray.remote(num_cpus=0)(keep_the_contract).options(scheduling_strategy=inside)
        for name in ray.get(led.remote(task(Path(root))), timeout=540):
            print(name)


if __name__ == "__main__":
    main(sys.argv[1])
