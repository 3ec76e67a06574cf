"""Which trial or pack a person means: an id's first digits, or a selector that names one trial."""

from __future__ import annotations

import re
from typing import NamedTuple

from orchestrator.store.roster import RosterPack
from orchestrator.watch.states import Observer
from sweeps.errors import UsageError
from sweeps.identity import short
from sweeps.select import Selector
from sweeps.trial import field_names

LEAST_DIGITS = 6
_ID = re.compile(r"[0-9a-f]{1,64}")
_LISTED = 3


class TrialMatch(NamedTuple):
    """A trial, the pack that counts for it, and all packs that ever held it, oldest first."""

    trial: str
    pack: RosterPack
    history: list[RosterPack]


def find_trial(observer: Observer, text: str, sweep: str | None = None) -> TrialMatch:
    """The trial that `text` names, among those of `sweep` (`SWEEP@2`), else among all that are recorded.

    Of several, what some sweep wants now goes before what none does. UsageError when `text` names none, or several;
    MissingError for an unknown sweep.
    """
    live = observer.roster.live
    if _ID.fullmatch(text):
        _long_enough(text)
        found = [t for pack in observer.roster.packs.values() for t in pack.trial_ids if t.startswith(text)]
    elif not re.search("[=<>]", text):
        raise UsageError(f"'{text}' is neither a trial's id (its first {LEAST_DIGITS} digits or more) nor a selector")
    else:
        found = _selected(observer, live, Selector.parse(text), [sweep] if sweep else list(observer.versions))
    trials = _scoped(observer, list(dict.fromkeys(found)), sweep)
    if not trials:
        raise UsageError(_nothing(observer, text, sweep))
    if len(trials) > 1:
        named = set(trials)
        members = [t for pack in live if not named.isdisjoint(pack.trial_ids) for t in pack.trials if t.id in named]
        varying = [f for f in field_names() if len({getattr(t, f) for t in members}) > 1]
        some = ", ".join(short(t) for t in trials[:_LISTED])
        differ = f", which differ in {', '.join(varying)}" if varying else ""
        sweeps = sorted(name for name, v in observer.versions.items() if not named.isdisjoint(v.trials))
        scope = f", or of which sweep: --sweep {' or '.join(sweeps)}" if len(sweeps) > 1 else ""
        raise UsageError(f"'{text}' names {len(trials)} trials ({some}, ...){differ}: say which{scope}")
    history = [pack for pack in observer.roster.packs.values() if trials[0] in pack.trial_ids]
    pack = next((p for p in history if p.id not in observer.roster.replaced), history[-1])
    return TrialMatch(trials[0], pack, history)


def _scoped(observer: Observer, trials: list[str], sweep: str | None) -> list[str]:
    if sweep is not None:
        wanted = set(observer.store.sweeps.needed(sweep).trials)
        return [t for t in trials if t in wanted]
    if len(trials) > 1:
        wanted = {t for version in observer.versions.values() for t in version.trials}
        trials = [t for t in trials if t in wanted] or trials
    return trials


def find_pack(observer: Observer, text: str, sweep: str | None = None) -> RosterPack:
    """The pack of that id, or that counts for that trial. UsageError when there is none, or several."""
    if _ID.fullmatch(text):
        _long_enough(text)
        packs = [pack for pack in observer.roster.packs.values() if pack.id.startswith(text)]
        if len(packs) > 1:
            some = ", ".join(short(p.id) for p in packs[:_LISTED])
            raise UsageError(f"'{text}' names {len(packs)} packs ({some}, ...): give more digits")
        if packs:
            return packs[0]
    return find_trial(observer, text, sweep).pack


def _long_enough(text: str) -> None:
    if len(text) < LEAST_DIGITS:
        raise UsageError(f"'{text}' is too short: give the id's first {LEAST_DIGITS} digits or more")


def _selected(observer: Observer, packs: list[RosterPack], where: Selector, sweeps: list[str]) -> list[str]:
    """Looks at the settings alone; then at the states of these sweeps' trials, when the selector asks for them."""
    own, others = where.split()
    if not others:
        return [i for pack in packs for i, t in zip(pack.trial_ids, pack.trials, strict=True) if own.matches(t)]
    found: list[str] = []
    for name in sweeps:
        states = observer.sweep(name)
        chosen = states.selected(where, least=0)
        found += [trial for trial in states.of if trial in chosen]
    return found


def _nothing(observer: Observer, text: str, sweep: str | None) -> str:
    """What to say of a trial that is not recorded; of a selector, which clause is in the way."""
    told = f"no recorded trial {f'of sweep {sweep} ' if sweep else ''}is '{text}'"
    if not observer.roster.packs:
        return f"{told}: nothing is recorded in {observer.workspace.root}"
    if _ID.fullmatch(text):
        return f"{told}: `normsweep export` lists the ids, and a selector does as well"
    clauses = Selector.parse(text).split()[0].clauses
    for clause in clauses if len(clauses) > 1 else ():
        rest = Selector(tuple(c for c in clauses if c is not clause))
        near = [t for pack in observer.roster.live for t in pack.trials if rest.matches(t)]
        scope = set(_scoped(observer, [t.id for t in near], sweep)) if sweep else {t.id for t in near}
        near = [t for t in near if t.id in scope]
        if near:
            kind = clause.field.partition(".")[0]
            shown = sorted({str(getattr(t, kind)) for t in near if hasattr(t, kind)}, key=lambda v: (len(v), v))
            known = f", whose {kind} is {', '.join(shown[:12])}" if shown else ""
            return f"{told}; without '{clause}' {len(near)} trials match{known}"
    return told
