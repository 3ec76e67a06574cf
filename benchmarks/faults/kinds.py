"""The list of faults: each with the arenas that it applies to."""

from __future__ import annotations

import random

from orchestrator.steer.drill import drawn

BOTH = ("machine", "cluster")
MACHINE, CLUSTER = BOTH
PROCESSES = ("driver", "worker", "raylet", "gcs", "rank", "forks")
# Files that a crash leaves cut, empty or full of zeros. Most were never synced; a part, a checkpoint or progress is
# so where a disk says it is synced and it is not.
TORN = ("part", "checkpoint", "progress", "unsaved", "journal", "log", "temporary")

FAULTS: dict[str, tuple[str, ...]] = {
    **{f"{signal} {process}": BOTH for process in PROCESSES for signal in ("kill", "stop")},
    "kill loader": (MACHINE,),
    "stop loader": (MACHINE,),
    "kill mlflow": (MACHINE,),
    "stop mlflow": (MACHINE,),
    "end driver": (MACHINE,),
    "end group": (MACHINE,),
    "interrupt group": (MACHINE,),
    "disk full": (MACHINE,),
    "disk read-only": BOTH,
    "power loss": BOTH,
    **{f"torn {file}": (MACHINE,) for file in TORN},
    "kill slurmd": (CLUSTER,),
    "stop slurmd": (CLUSTER,),
    "restart slurmctld": (CLUSTER,),
    "stop slurmctld": (CLUSTER,),
    "requeue": (CLUSTER,),
    "cancel": (CLUSTER,),
    "preempt": (CLUSTER,),
    "time limit": (CLUSTER,),
}


def draw(arena: str, times: int, chance: random.Random) -> list[str]:
    """Each fault of the arena before any comes again; files are torn right after a power loss."""
    names = [name for name, arenas in FAULTS.items() if arena in arenas]
    torn = [name for name in names if name.startswith("torn ")]
    faults: list[str] = []
    while len(faults) < times:
        for name in drawn([name for name in names if name not in torn], len(names) - len(torn), chance):
            faults += [name, *chance.sample(torn, len(torn))] if name == "power loss" else [name]
    return faults[:times]
