"""The roster: every pack that was ever planned in a workspace, appended file by file, never changed."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from orchestrator.store.files import publish
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError
from sweeps.identity import pack_id
from sweeps.trial import Trial

ROSTER_SCHEMA = 1


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
        common = {k: v for k, v in data[0].items() if all(d[k] == v for d in data)}
        own = tuple({k: v for k, v in d.items() if k not in common} for d in data)
        ids = tuple(trial.id for trial in trials)
        name = next(name for name in (pack_id(ids, retry) for retry in count()) if name not in known)
        return cls(name, ids, common, own)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RosterPack:
        return cls(data["id"], tuple(data["trials"]), data["common"], tuple(data["trials"].values()))

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "common": self.common, "trials": dict(zip(self.trial_ids, self.own, strict=True))}

    @property
    def data(self) -> list[dict[str, Any]]:
        """The members' settings as plain data, in order."""
        return [self.common | own for own in self.own]

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        return tuple(Trial.from_json(d) for d in self.data)


class Roster:
    """What the roster's files said when they were read."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.packs: dict[str, RosterPack] = {}
        self.replaced: set[str] = set()  # by their halves or by a retry; their parts are ignored
        self.entries = 0
        self.read()

    def read(self) -> None:
        """Reads the entries that have come since the last reading."""
        while True:
            try:
                entry = json.loads(self._path(self.entries + 1).read_bytes())
            except FileNotFoundError:
                return
            if entry["schema"] != ROSTER_SCHEMA:
                raise UsageError(
                    f"{self._path(self.entries + 1)} is of schema {entry['schema']}; this program reads {ROSTER_SCHEMA}"
                )
            self.entries += 1
            self.packs.update((pack["id"], RosterPack.from_json(pack)) for pack in entry["packs"])
            self.replaced.update(entry["replaces"])

    def append(self, packs: Sequence[Sequence[Trial]], replaces: Iterable[str] = ()) -> bool:
        """Appends one entry. False when another planner took the number: read again and plan again."""
        entry = {
            "schema": ROSTER_SCHEMA,
            "packs": [RosterPack.of(members, self.packs).as_json() for members in packs],
            "replaces": sorted(replaces),
        }
        published = publish(self._path(self.entries + 1), json.dumps(entry).encode())
        if published:
            self.read()
        return published

    @property
    def live(self) -> list[RosterPack]:
        """The packs that count: recorded and not replaced by their halves or by a retry."""
        return [pack for pack in self.packs.values() if pack.id not in self.replaced]

    def _path(self, number: int) -> Path:
        return self._workspace.roster / f"{number:06d}.json"
