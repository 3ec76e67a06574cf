"""From a sweep to what is left to do: its trials, the recorded packs that serve it, the packs it still needs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache

from orchestrator.store import Store
from orchestrator.store.roster import Roster, RosterPack
from orchestrator.store.sweeps import SweepVersion
from sweeps.errors import UsageError
from sweeps.facts import Facts
from sweeps.file.changes import changes
from sweeps.file.spec import SweepSpec
from sweeps.identity import canonical, digest
from sweeps.plan import Pack, by_id, expand, packs
from sweeps.roster import service
from sweeps.select import Selector
from sweeps.trial import Trial
from sweeps.words import rules
from trainers import data


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


def check(trials: Sequence[Trial], facts: Facts, spec: SweepSpec | None = None) -> None:
    """UsageError, one sentence a problem, for what a trial must not ask for; models of images are rehearsed.

    `spec`: the sweep, whose file the sentences name.
    """
    with spec.located() if spec else nullcontext():
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
    check(trials, facts, spec)
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


def commit(store: Store, spec: SweepSpec, where: Selector | None = None) -> tuple[Plan, list[str]]:
    """Records the sweep and appends the packs that it lacks. Returns what changed since it was last recorded, in words.

    Another planner may append at the same time: whoever loses the number reads again and plans again.
    """
    roster = store.roster
    roster.read()
    planned = plan(roster, spec, where)
    while planned.new and not roster.append([p.trials for p in planned.new]):
        roster.read()
        planned = plan(roster, spec, where)
    if planned.new:
        planned = plan(roster, spec, where)
    return planned, _record(store, planned)


def _record(store: Store, planned: Plan) -> list[str]:
    """Appends the sweep's version when it says something new."""
    last = store.sweeps.newest(planned.spec.name)
    now = SweepVersion(
        name=planned.spec.name, plan=planned.hash, spec=planned.spec.as_json(), trials=list(planned.trials)
    )
    if last is None:
        store.sweeps.append(now)
        return []
    if (last.plan, last.trials, canonical(last.spec)) == (now.plan, now.trials, canonical(now.spec)):
        return []
    store.sweeps.append(now)
    before, after = set(last.trials), set(now.trials)
    return [
        *changes(last.sweep, planned.spec),
        f"{len(after - before)} trials are new, {len(after & before)} are kept, {len(before - after)} are left out",
    ]
