"""The roster: every pack that was ever planned in a workspace, appended file by file, never changed."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from orchestrator.store.codec import Format
from orchestrator.store.files import Disk
from orchestrator.store.workspace import Workspace
from sweeps.identity import pack_id
from sweeps.trial import Trial


@dataclass(frozen=True)
class RosterPack:
    """A recorded pack: its members' ids in order, what they have in common, and what each has of its own."""

    id: str
    trial_ids: tuple[str, ...]
    common: dict[str, Any]
    own: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, trials: Sequence[Trial], known: Container[str] = ()) -> RosterPack:
        """`known`: recorded packs; one of the same members, to be trained again, gets an id of its own."""
        data = [trial.as_json() for trial in trials]
        common = {k: v for k, v in data[0].items() if all(k in d and d[k] == v for d in data)}
        own = tuple({k: v for k, v in d.items() if k not in common} for d in data)
        ids = tuple(trial.id for trial in trials)
        name = next(name for name in (pack_id(ids, retry) for retry in count()) if name not in known)
        return cls(name, ids, common, own)

    @classmethod
    def read(cls, entry: PackEntry) -> RosterPack:
        return cls(entry.id, tuple(entry.trials), entry.common, tuple(entry.trials.values()))

    @property
    def entry(self) -> PackEntry:
        return PackEntry(self.id, self.common, dict(zip(self.trial_ids, self.own, strict=True)))

    @property
    def data(self) -> list[dict[str, Any]]:
        """The members' settings as plain data, in order."""
        return [self.common | own for own in self.own]

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        return tuple(Trial.from_json(d) for d in self.data)


@dataclass(frozen=True, slots=True)
class PackEntry:
    """A pack as the roster's files have it. `trials`: what each has of its own, by id, in order."""

    id: str
    common: dict[str, Any]
    trials: dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """`replaces`: packs that count no more, since these ones take their place."""

    packs: list[PackEntry]
    replaces: list[str]


ENTRY = Format(
    record="roster entry",
    schema=1,
    type=Entry,
    remedy="restore it from a copy, or move it and those after it away: the next run plans their packs anew",
)


class Roster:
    """What the roster's files said when they were read."""

    def __init__(self, workspace: Workspace, disk: Disk) -> None:
        self._workspace = workspace
        self._disk = disk
        self.packs: dict[str, RosterPack] = {}
        self.replaced: set[str] = set()  # by their halves or by a retry; their parts are ignored
        self.entries = 0
        self.read()

    def read(self) -> None:
        """Reads the entries that have come since the last reading."""
        while True:
            try:
                entry = ENTRY.read(self._path(self.entries + 1))
            except FileNotFoundError:
                return
            self.entries += 1
            self.packs.update((pack.id, RosterPack.read(pack)) for pack in entry.packs)
            self.replaced.update(entry.replaces)

    def append(self, packs: Sequence[Sequence[Trial]], replaces: Iterable[str] = ()) -> bool:
        """Appends one entry. False when another planner took the number: read again and plan again."""
        entry = Entry(packs=[RosterPack.of(members, self.packs).entry for members in packs], replaces=sorted(replaces))
        published = self._disk.publish(self._path(self.entries + 1), ENTRY.encode(entry))
        if published:
            self.read()
        return published

    @property
    def live(self) -> list[RosterPack]:
        """The packs that count: recorded and not replaced by their halves or by a retry."""
        return [pack for pack in self.packs.values() if pack.id not in self.replaced]

    def parents(self, pack: RosterPack) -> list[RosterPack]:
        """The replaced packs that it is a part of."""
        members = {*pack.trial_ids}
        return [p for i in self.replaced if (p := self.packs.get(i)) and members < {*p.trial_ids}]

    def _path(self, number: int) -> Path:
        return self._workspace.roster / f"{number:06d}.json"
