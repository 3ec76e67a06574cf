"""From a sweep to what is left to do: its trials, the recorded packs that serve it, the packs it still needs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.store.files import publish
from orchestrator.store.roster import Roster, RosterPack
from orchestrator.store.workspace import Workspace
from sweeps import rules
from sweeps.changes import changes
from sweeps.errors import UsageError
from sweeps.facts import Facts
from sweeps.identity import digest
from sweeps.plan import Pack, by_id, expand, packs
from sweeps.roster import service
from sweeps.select import Selector
from sweeps.spec import SweepSpec
from sweeps.trial import Trial
from trainers import data

SWEEP_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sweep wants (`trials` by id, in the order of its axes) and what serves it."""

    spec: SweepSpec
    trials: dict[str, Trial]
    serving: list[RosterPack]
    new: list[Pack]

    @property
    def hash(self) -> str:
        """Of what is trained, whatever the order: 64 hex digits."""
        return digest(sorted(self.trials))


def facts_once() -> Facts:
    """The data sets' facts, each looked up once: a plan of many trials asks for them over and over."""
    return cache(data.facts)


def check(trials: Sequence[Trial], facts: Facts) -> None:
    """UsageError, one sentence a problem, for what a trial must not ask for; models of images are rehearsed."""
    rules.check(trials, facts)
    deep = [t for t in trials if t.model.name != "mlp"]
    if deep:
        from trainers.models.dry import refusals

        if found := refusals(deep, facts):
            raise UsageError("\n".join(found[: rules.SHOWN]))


def plan(roster: Roster, spec: SweepSpec, where: Selector | None = None) -> Plan:
    """Expands and checks a sweep and looks up what the roster holds of it. Writes nothing.

    UsageError, one sentence a problem, for what a trial must not ask for and for data sets that are not here.
    """
    facts = facts_once()
    trials = expand(spec, facts, where)
    if not trials:
        raise UsageError(f"sweep {spec.name}: no trial is left" + (f" by the selector {where}" if where else ""))
    check(trials, facts)
    rules.divided(trials, spec.run.devices, spec.run.gpus)
    wanted = by_id(trials)
    recorded = {pack.id: pack.trial_ids for pack in roster.packs.values()}
    served = service(recorded, roster.replaced, wanted)
    return Plan(
        spec=spec,
        trials=wanted,
        serving=[roster.packs[p] for p in served.packs],
        new=packs([wanted[t] for t in served.unheld], facts, spec.run.pack_size),
    )


def commit(workspace: Workspace, spec: SweepSpec, where: Selector | None = None) -> tuple[Plan, Roster, list[str]]:
    """Records the sweep and appends the packs that it lacks. Returns what changed since it was last recorded, in words.

    Another planner may append at the same time: whoever loses the number reads again and plans again.
    """
    roster = Roster(workspace)
    planned = plan(roster, spec, where)
    while planned.new and not roster.append([p.trials for p in planned.new]):
        roster.read()
        planned = plan(roster, spec, where)
    if planned.new:
        planned = plan(roster, spec, where)
    return planned, roster, _record(workspace, planned)


def _record(workspace: Workspace, planned: Plan) -> list[str]:
    """Appends the sweep's version when it says something new."""
    last = recorded(workspace, planned.spec.name)
    content = {
        "schema": SWEEP_SCHEMA,
        "name": planned.spec.name,
        "plan": planned.hash,
        "spec": planned.spec.as_json(),
        "trials": list(planned.trials),
    }
    told: list[str] = []
    if last is not None:
        if {k: last[k] for k in content} == json.loads(json.dumps(content)):
            return []
        told = changes(SweepSpec.from_json(last["spec"]), planned.spec)
        before, now = set(last["trials"]), set(planned.trials)
        told.append(
            f"{len(now - before)} trials are new, {len(now & before)} are kept, {len(before - now)} are left out"
        )
    number = len(_versions(workspace, planned.spec.name))
    while not publish(workspace.sweep(planned.spec.name) / f"{number + 1:06d}.json", json.dumps(content).encode()):
        number += 1
    return told


def recorded(workspace: Workspace, name: str) -> dict[str, Any] | None:
    """The newest recorded version of a sweep (schema, name, plan, spec, trials: ids in order), or None."""
    versions = _versions(workspace, name)
    return json.loads(versions[-1].read_bytes()) if versions else None


def sweeps(workspace: Workspace) -> list[str]:
    """The names of the recorded sweeps."""
    return sorted(p.name for p in workspace.sweeps.iterdir()) if workspace.sweeps.is_dir() else []


def _versions(workspace: Workspace, name: str) -> Sequence[Path]:
    return sorted(workspace.sweep(name).glob("[0-9]*.json"))
