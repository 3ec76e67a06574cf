"""From a sweep to its trials, and from trials to the packs that are trained together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise
from operator import attrgetter
from typing import Any

from sweeps.errors import NormsweepError, UsageError
from sweeps.facts import Facts
from sweeps.file.spec import SweepSpec
from sweeps.identity import canonical, digest, pack_id, sha256
from sweeps.plugins.use import alone
from sweeps.select import Selector
from sweeps.trial import SCHEMA, Trial, as_json, field_names, is_left_out
from sweeps.words.choice import Choice
from sweeps.words.composition import normalizer, parts
from sweeps.words.kinds import entry_of, fixed
from sweeps.words.settings import CHOICES, DECLARED

Choices = Choice | tuple[Choice, ...]

# Fields that all trials of a pack share; choices and the split are looked at closer.
_SHARED = tuple(
    name for name in field_names() if name not in CHOICES and not (name in DECLARED and DECLARED[name].packs)
)


def expand(spec: SweepSpec, facts: Facts, where: Selector | None = None) -> list[Trial]:
    """The trials of a sweep, each once, in the order of its axes. What `where` leaves out needs no data set.

    UsageError that names every data set which is not here, and how to get it.
    """
    with alone(spec.plugins):  # a record may be older than a method of the package of the same name
        drafts = [draft for draft in spec.trial.drafts() if where is None or where.matches(draft)]
        revisions = {name: normalizer(name).revision for name in {_name(draft["normalizer"]) for draft in drafts}}
    digests: dict[str, str] = {}
    absent: list[str] = []
    for name in dict.fromkeys(str(draft["dataset"]) for draft in drafts):
        try:
            digests[name] = facts(name).digest
        except NormsweepError as error:
            absent.append(str(error))
    if absent:
        with spec.located():
            raise UsageError("\n".join(absent))
    from_file = _of_plugins(spec)
    made: list[Trial] = []
    for draft in drafts:
        values: dict[str, Any] = draft
        for field, given in from_file.items():
            values[field] = given(values[field])
        values["digest"] = digests[values["dataset"]]
        values["revision"] = revisions[values["normalizer"].name]
        made.append(Trial(**values))
    return made


def _of_plugins(spec: SweepSpec) -> dict[str, Callable[[Choices], Choices]]:
    """By the field of a trial: gives a choice that a plug-in declares, or a part of it, the digest of the file; others
    stay as they are. So with each of a list."""
    digests: dict[str, dict[str, str]] = {}
    for plugin in spec.plugins:
        for field, name in plugin.entries:
            digests.setdefault(field, {})[name] = plugin.digest
    return {field: _giver(field, own) for field, own in digests.items()}


def _giver(field: str, digests: Mapping[str, str]) -> Callable[[Choices], Choices]:
    @cache  # equal choices become the same object, whose text `by_id` makes once
    def given(value: Choices) -> Choices:
        return tuple(map(one, value)) if isinstance(value, tuple) else one(value)

    def one(choice: Choice) -> Choice:
        names = parts(choice.name) if field == "normalizer" else (choice.name,)
        used = sorted({digests[name] for name in names if name in digests})
        return replace(choice, plugin="+".join(used)) if used else choice

    return given


def by_id(trials: Iterable[Trial]) -> dict[str, Trial]:
    """The trials by their ids, in order.

    Neighbours of a sweep share most of their values: the text of a value that is the same object is made once.
    """
    names = sorted(field_names())
    values_of = attrgetter(*names)
    texts = dict.fromkeys(sorted((*names, "schema")), "")
    texts["schema"] = f'"schema":{SCHEMA}'
    before: tuple[object, ...] = (object(),) * len(names)
    found: dict[str, Trial] = {}
    for trial in trials:
        values = values_of(trial)
        for name, value, last in zip(names, values, before, strict=True):
            if value is not last:
                texts[name] = "" if is_left_out(name, value) else f'"{name}":{_text(value)}'
        before = values
        vars(trial)["id"] = identifier = sha256(f"{{{','.join(filter(None, texts.values()))}}}")
        found[identifier] = trial
    return found


def _text(value: object) -> str:
    if type(value) is int:  # as JSON writes it; seeds change from one trial to the next
        return str(value)
    return canonical(as_json(value))


@dataclass(frozen=True)
class Pack:
    """Trials whose tensors have the same shapes, trained at once; the order of its members is that of the replicas."""

    trials: tuple[Trial, ...]

    @cached_property
    def id(self) -> str:
        return pack_id(self.trial_ids)

    @cached_property
    def trial_ids(self) -> tuple[str, ...]:
        return tuple(trial.id for trial in self.trials)


def packs(trials: Sequence[Trial], facts: Facts, size: int) -> list[Pack]:
    """Trials of the same shape in packs of at most `size`, as equal as possible, in the order of training.

    Within a shape the low splits and seeds come first, and so do their packs: the blocks (data set, seed) that a
    comparison needs are complete early. Within a data set the packs of the methods follow each other in the order of
    their hashes, which favours no method when a sweep is stopped half-way.
    """
    groups: dict[object, list[Trial]] = {}
    known = cache(facts)
    for trial in trials:
        groups.setdefault(shape_key(trial, known), []).append(trial)
    made: list[Pack] = []
    for members in groups.values():
        members.sort(key=lambda trial: (trial.split, trial.seed))
        parts = -(-len(members) // size)
        bounds = [len(members) * i // parts for i in range(parts + 1)]
        made += [Pack(tuple(members[a:b])) for a, b in pairwise(bounds)]
    rank = {name: i for i, name in enumerate(dict.fromkeys(trial.dataset for trial in trials))}
    made.sort(key=lambda pack: (pack.trials[0].split, pack.trials[0].seed, rank[pack.trials[0].dataset], pack.id))
    return made


def shape_key(trial: Trial, facts: Facts) -> tuple[object, ...]:
    """What trials of one pack have in common: everything but values that change no shape."""
    return (
        *(getattr(trial, name) for name in _SHARED),
        facts(trial.dataset).sizes(trial.split),
        *(_choice_key(field, trial) for field in CHOICES),
    )


def _choice_key(field: str, trial: Trial) -> tuple[object, ...]:
    choice: Choice = getattr(trial, field)
    entry = entry_of(field, choice.name)
    if not entry.packs:
        return (trial.id,)
    if field == "schedule":
        return (choice.plugin,)
    name = "" if DECLARED[field].packs else choice.name
    return name, *fixed(choice, entry)


def plan_hash(trials: Iterable[Trial]) -> str:
    """Of what is trained, whatever the order: 64 hex digits."""
    return digest(sorted(trial.id for trial in trials))


def _name(value: object) -> str:
    assert isinstance(value, Choice)
    return value.name
