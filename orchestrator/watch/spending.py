"""What a sweep has cost and what it may still cost, by the plan's model: the median of seconds per operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import mul
from typing import Any

from orchestrator.planning.cost import ASSUMED_FLOPS_PER_SECOND
from orchestrator.planning.plan import facts_once
from orchestrator.store.roster import RosterPack
from orchestrator.watch.states import SweepStates
from sweeps.cost import flops, steps, steps_per_epoch
from sweeps.errors import NormsweepError
from sweeps.facts import Facts
from sweeps.trial import Trial

# What a trial's operations depend on; all trials of a pack agree in it, but for the split, which moves no size there.
_SHAPE = ("dataset", "split", "model", "depth", "width", "batch_size", "epochs", "steps_per_epoch", "steps")


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a pack's trials: operations of one trial (None: not known for its model or data set), epochs."""

    flops: float | None
    epochs: int


class Shapes:
    """The shapes of packs, each worked out once."""

    def __init__(self) -> None:
        self._facts: Facts = facts_once()
        self._known: dict[str, Shape] = {}

    def of(self, pack: RosterPack) -> Shape:
        data: dict[str, Any] = pack.common | pack.own[0]
        key = str([data[name] for name in _SHAPE])
        if key not in self._known:
            trial = Trial.from_json(data)
            try:
                facts = self._facts(trial.dataset)
            except NormsweepError:  # its data set is not here
                self._known[key] = Shape(None, trial.epochs)
            else:
                epochs = -(-steps(trial, facts) // max(steps_per_epoch(trial, facts), 1))
                self._known[key] = Shape(flops(trial, facts), epochs)
        return self._known[key]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spend:
    """Core-hours spent on results, and seconds of training that are left (p50); None where nothing tells."""

    core_hours: float
    seconds_left: float | None
    core_hours_left: float | None


def spend(states: SweepStates, shapes: Shapes, begun: Mapping[str, tuple[float, float]]) -> Spend:
    """`begun`: of packs without a part, the share that is trained (0..1) and the core-seconds that it took."""
    rows = states.rows
    operations = {pack.id: shapes.of(pack).flops for pack in states.packs}
    seconds = [s or 0.0 for s in rows["seconds"].to_pylist()]
    threads = [n or 1 for n in rows["threads"].to_pylist()]
    taken = [(s, operations[pack]) for pack, s in zip(rows["pack_id"].to_pylist(), seconds, strict=True) if s]
    rates = sorted(s / count for s, count in taken if count)
    run = states.version.spec["run"]
    cores = int(run["cpus"]) * int(run["devices"])
    rate = rates[len(rates) // 2] if rates else 1 / (ASSUMED_FLOPS_PER_SECOND * cores)
    mean = sum(s for s, _ in taken) / len(taken) if taken else None  # where operations are not known
    left: float | None = 0.0
    for pack in states.packs:
        trials = sum(states.of.get(trial) in ("todo", "running") for trial in pack.trial_ids)
        count = operations[pack.id]
        each = mean if count is None else count * rate
        if trials:
            share = begun.get(pack.id, (0.0, 0.0))[0]
            left = None if left is None or each is None else left + trials * each * (1 - share)
    spent = sum(map(mul, seconds, threads)) + sum(s for _, s in begun.values())
    return Spend(
        core_hours=spent / 3600,
        seconds_left=left,
        core_hours_left=None if left is None else left * cores / 3600,
    )
