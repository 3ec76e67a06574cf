"""What a sweep has cost and what it may still cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import mul

from orchestrator.planning.cost import CostModel
from orchestrator.watch.states import SweepStates


@dataclass(frozen=True, kw_only=True, slots=True)
class Spend:
    """Core-hours spent on results, and seconds of training that are left (p50); None where nothing tells."""

    core_hours: float
    seconds_left: float | None
    core_hours_left: float | None


def spend(states: SweepStates, costs: CostModel, begun: Mapping[str, tuple[float, float]]) -> Spend:
    """`begun`: of packs without a part, the share that is trained (0..1) and the core-seconds that it took."""
    run = states.version.run
    left: float | None = 0.0
    for pack in states.packs:
        trials = sum(states.of.get(trial) in ("todo", "running") for trial in pack.trial_ids)
        if trials and left is not None:
            seconds = costs.seconds(costs.of_pack(pack, trials), run)
            left = None if seconds is None else left + seconds * (1 - begun.get(pack.id, (0.0, 0.0))[0])
    seconds = [s or 0.0 for s in states.rows["seconds"].to_pylist()]
    threads = [n or 1 for n in states.rows["threads"].to_pylist()]
    spent = sum(map(mul, seconds, threads)) + sum(s for _, s in begun.values())
    return Spend(
        core_hours=spent / 3600,
        seconds_left=left,
        core_hours_left=None if left is None else left * run.cpus * run.devices / 3600,
    )
