"""From a sweep to what is left to do: its trials, the recorded packs that serve it, the packs it still needs."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import chain

from orchestrator.planning import plugins
from orchestrator.store import Store
from orchestrator.store.owner import Liveness
from orchestrator.store.roster import RosterPack
from orchestrator.store.sweeps import SweepVersion
from orchestrator.words import counted
from sweeps.errors import NormsweepError, UsageError
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
    """What is to be trained of a sweep, and what serves it.

    `whole`: the ids of all its trials, in the order of its axes; `trials`: by id, those that are selected. Of the packs
    in `serving`, which hold a selected trial, `begun` ones have saved something or are leased, and `parted` ones hold
    others beside, so that they are split before they begin. `new` packs are lacking, `rest` ones are not selected.
    """

    spec: SweepSpec
    whole: list[str]
    trials: dict[str, Trial]
    serving: list[RosterPack]
    begun: list[RosterPack]
    parted: list[RosterPack]
    new: list[Pack]
    rest: list[Pack]

    @property
    def hash(self) -> str:
        """Of all that the sweep wants, whatever the order: 64 hex digits."""
        return digest(sorted(self.whole))

    def chosen(self, pack: RosterPack) -> list[Trial]:
        """The selected trials of a recorded pack."""
        return [self.trials[t] for t in pack.trial_ids if t in self.trials]

    def others(self, pack: RosterPack) -> list[Trial]:
        """Those of its trials that are not selected."""
        return [t for t in pack.trials if t.id not in self.trials]


def facts_once() -> Facts:
    """The data sets' facts, each looked up once: a plan of many trials asks for them over and over."""
    return cache(data.facts)


def check(trials: Sequence[Trial], facts: Facts, spec: SweepSpec | None = None, rehearsed: Container[str] = ()) -> None:
    """UsageError, one sentence a problem, for what a trial must not ask for; models of images and
    plug-ins are rehearsed.

    `spec`: the sweep, whose file the sentences name. `rehearsed`: ids of trials that were before.
    """
    with spec.located() if spec else nullcontext():
        rules.check(trials, facts)
    deep = [t for t in trials if (t.model.name != "mlp" or t.plugins) and t.id not in rehearsed]
    if deep:
        from trainers.models.dry import refusals

        if found := refusals(deep, facts):
            raise UsageError("\n".join(found[: rules.SHOWN]))


def plan(store: Store, spec: SweepSpec, where: Selector | None = None) -> Plan:
    """Expands and checks a sweep and looks up what the workspace holds of it. Writes nothing.

    `where` selects what is trained, not what the sweep is. UsageError, one sentence a problem, for what a trial must
    not ask for and for data sets that are not here.
    """
    facts, roster = facts_once(), store.roster
    spec = plugins.settled(store, spec)
    whole = by_id(_wanted(spec, facts, where))
    if spec.version:
        _check_version(store, spec, whole)
    trials = {i: t for i, t in whole.items() if where.matches(t)} if where else whole
    if not trials:
        raise UsageError(f"sweep {spec.name}: no trial is left" + (f" by the selector {where}" if where else ""))
    if not all(plugin.code for plugin in spec.plugins):  # of a recorded sweep
        plugins.run_copies(store, whole.values())
    recorded = {pack.id: pack.trial_ids for pack in roster.packs.values()}
    check([*whole.values()], facts, spec, rehearsed={*chain.from_iterable(recorded.values())})
    rules.divided([*whole.values()], spec.run.devices, spec.run.gpus)
    served = service(recorded, roster.replaced, trials)
    others = service(recorded, roster.replaced, [t for t in whole if t not in trials]).unheld
    serving = [roster.packs[p] for p in served.packs]
    begun = _begun(store, serving)
    closed = store.ledger.done() | store.decisions.cancelled | {p.id for p in begun}
    return Plan(
        spec=spec,
        whole=_whole(store, spec, whole),
        trials=trials,
        serving=serving,
        begun=begun,
        parted=[p for p in serving if p.id not in closed and not trials.keys() >= {*p.trial_ids}],
        new=packs([trials[t] for t in served.unheld], facts, spec.run.pack_size),
        rest=packs([whole[t] for t in others], facts, spec.run.pack_size),
    )


def _wanted(spec: SweepSpec, facts: Facts, where: Selector | None) -> list[Trial]:
    """All trials of a sweep, those of absent or damaged data sets left out where `where` leaves them out."""
    try:
        return expand(spec, facts)
    except UsageError:
        names = {str(draft["dataset"]) for draft in spec.trial.drafts()}
        kept = {t.dataset for t in expand(spec, facts, where)} if where else names
        absent = [name for name in names - kept if not _is_here(name, facts)]
        if not absent:
            raise
    return expand(spec, facts, Selector.parse(f"dataset!={','.join(absent)}"))


def _is_here(dataset: str, facts: Facts) -> bool:
    try:
        facts(dataset)
    except NormsweepError:
        return False
    return True


def _whole(store: Store, spec: SweepSpec, whole: dict[str, Trial]) -> list[str]:
    """Ids of what the sweep wants: as it was recorded, where it did not change and only data sets went away."""
    last = store.sweeps.needed(f"{spec.name}@{spec.version}") if spec.version else store.sweeps.newest(spec.name)
    if last and canonical(last.spec.get("trial")) == canonical(spec.trial.as_json()) and {*last.trials} >= {*whole}:
        return last.trials
    return list(whole)


def _check_version(store: Store, spec: SweepSpec, whole: dict[str, Trial]) -> None:
    """UsageError where the version's trials would not be those that were recorded."""
    name = f"{spec.name}@{spec.version}"
    if others := whole.keys() - {*store.sweeps.needed(name).trials}:
        raise UsageError(
            f"{counted(len(others), 'trial')} of {name} would be others today, as a data set or a method has changed "
            "since: record the sweep anew by running its file"
        )


def _begun(store: Store, packs: list[RosterPack]) -> list[RosterPack]:
    """The unfinished packs that have saved something or are leased by somebody who may be alive."""
    done, leases, liveness = store.ledger.done(), store.leases.held(), Liveness(store.workspace)
    leased = {pack for pack, lease in leases.items() if not liveness.dead(lease.owner)}
    return [p for p in packs if p.id not in done and (p.id in leased or store.workspace.checkpoint(p.id).exists())]


def commit(
    store: Store,
    spec: SweepSpec,
    where: Selector | None = None,
    confirm: Callable[[str], None] = lambda _: None,
) -> tuple[Plan, list[str]]:
    """Records the sweep, unless it is a recorded version, appends the packs that it lacks, and splits those of which
    only some trials are selected.

    Returns what changed since the sweep was last recorded, in words. `confirm` hears, before anything is written, how
    many trials drop out of it; what it raises ends this. Another planner may append at the same time: whoever loses the
    number reads again and plans again.
    """
    store.roster.read()
    store.decisions.read()
    planned = plan(store, spec, where)
    if not spec.version:
        _confirm(store.sweeps.newest(spec.name), planned, confirm)
    plugins.keep(store, planned.spec)
    while planned.new or planned.rest or planned.parted:
        first = [*map(planned.chosen, planned.parted), *(p.trials for p in planned.new)]
        later = [*map(planned.others, planned.parted), *(p.trials for p in planned.rest)]
        if store.roster.append([*first, *later], replaces=[p.id for p in planned.parted]) and planned.parted:
            # A driver that read the roster before has the whole packs in its queue.
            store.decisions.cancel(p.id for p in planned.parted)
        store.roster.read()
        planned = plan(store, spec, where)
    return planned, [] if spec.version else _record(store, planned)


def commit_and_tell(
    store: Store,
    spec: SweepSpec,
    where: Selector | None,
    confirm: Callable[[str], None],
    tell: Callable[[str], None],
    *,
    same_results: bool,
) -> Plan:
    """Commits, and tells what changed since the sweep was last recorded, edits of its plug-ins included.

    `same_results`: these edits change no result, which is recorded. `confirm`: as of `commit`.
    """
    for sentence in [] if same_results else plugins.edits(store, spec):
        tell(sentence)
    planned, changed = commit(store, plugins.unedited(store, spec) if same_results else spec, where, confirm)
    for sentence in plugins.accept(store, spec) if same_results else []:
        tell(sentence)
    if changed:
        tell("\n  ".join([f"sweep {spec.name} changed:", *changed]))
    return planned


def _confirm(last: SweepVersion | None, planned: Plan, confirm: Callable[[str], None]) -> None:
    if last is not None and (dropped := {*last.trials} - {*planned.whole}):
        confirm(
            f"{counted(len(dropped), 'trial')} of {len(last.trials)} drop out of sweep {last.name}, and can be asked "
            f"for as {last.name}@{last.number} from then on"
        )


def _record(store: Store, planned: Plan) -> list[str]:
    """Appends the sweep's version when it says something new."""
    last = store.sweeps.newest(planned.spec.name)
    now = SweepVersion(name=planned.spec.name, plan=planned.hash, spec=planned.spec.as_json(), trials=planned.whole)
    if last is None:
        store.sweeps.append(now)
        return []
    if (last.plan, last.trials, canonical(last.spec)) == (now.plan, now.trials, canonical(now.spec)):
        return []
    try:
        changed = changes(last.sweep, planned.spec)
    except UsageError as error:
        changed = [str(error)]
    store.sweeps.append(now)
    before, after = set(last.trials), set(now.trials)
    return [
        *changed,
        f"{len(after - before)} trials are new, {len(after & before)} are kept, {len(before - after)} are left out"
        + (f": `normsweep status {last.name}@{last.number}` shows what was" if before - after else ""),
    ]
