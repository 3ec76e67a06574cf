"""Leases: who trains which pack. `<pack>.<generation>`; taking over creates generation + 1.

A lease saves double work, it does not guard the truth: a pack trained twice gives the same part, and the first wins.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass

from orchestrator.store.files import publish
from orchestrator.store.owner import Liveness, Owner
from orchestrator.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Lease:
    pack: str
    generation: int
    owner: Owner

    def superseded(self, workspace: Workspace) -> bool:
        """Somebody took over: stop without publishing."""
        return workspace.lease(self.pack, self.generation + 1).exists()

    def started(self, workspace: Workspace) -> bool:
        """The pack's training has begun, as its log says; a lease may be taken some time before."""
        return self.node(workspace) is not None

    def node(self, workspace: Workspace) -> str | None:
        """Where the pack is or was trained under this lease, as its log says; None when that has not begun."""
        try:
            log = workspace.log(self.pack).read_text(errors="replace")
        except FileNotFoundError:
            return None
        found = re.search(rf" attempt {self.generation} on ([^\s:]+):", log)
        return found[1] if found else None


class Leases:
    def __init__(self, workspace: Workspace, owner: Owner, liveness: Liveness | None = None) -> None:
        self._workspace = workspace
        self._owner = owner
        self._liveness = liveness or Liveness(workspace)

    def take(self, pack: str) -> Lease | None:
        """Leases the pack; None when somebody who may be alive has it, or took it in this moment."""
        newest = self.newest(pack)
        if newest is not None:
            released = self._workspace.released(pack, newest.generation).exists()
            if not released and not self._liveness.dead(newest.owner):
                return None
        lease = Lease(pack, newest.generation + 1 if newest else 1, self._owner)
        content = json.dumps(lease.owner.as_json()).encode()
        published = publish(self._workspace.lease(pack, lease.generation), content)
        # Ours already, when the disk refused right after the lease was there and we were asked again.
        return lease if published or self.newest(pack) == lease else None

    def newest(self, pack: str) -> Lease | None:
        """The lease of the highest generation, whoever holds it."""
        generation = 0
        while self._workspace.lease(pack, generation + 1).exists():
            generation += 1
        if generation == 0:
            return None
        try:
            owner = Owner(**json.loads(self._workspace.lease(pack, generation).read_bytes()))
        except FileNotFoundError:  # its pack was finished in this moment
            return None
        return Lease(pack, generation, owner)

    def release(self, lease: Lease) -> None:
        """Gives the pack back, to be taken at once by anybody."""
        publish(self._workspace.released(lease.pack, lease.generation), b"")

    def forget(self, pack: str) -> None:
        """Removes the leases of a finished pack, newest first, so that no reader sees a gap."""
        _forget(self._workspace, pack)


def forget_finished(workspace: Workspace, done: Set[str]) -> None:
    """Removes the leases of packs in `done` whose drivers died between a pack's end and its lease's."""
    if workspace.leases.is_dir():
        for pack in {path.name.split(".")[0] for path in workspace.leases.iterdir()} & done:
            _forget(workspace, pack)


def _forget(workspace: Workspace, pack: str) -> None:
    for generation in range(_count(workspace, pack), 0, -1):
        workspace.released(pack, generation).unlink(missing_ok=True)
        workspace.lease(pack, generation).unlink(missing_ok=True)


def _count(workspace: Workspace, pack: str) -> int:
    generation = 0
    while workspace.lease(pack, generation + 1).exists():
        generation += 1
    return generation


def owners(workspace: Workspace, pack: str) -> dict[int, Owner]:
    """Who leased a pack, by generation, as far as its leases are kept; reads only."""
    found: dict[int, Owner] = {}
    for generation in range(1, _count(workspace, pack) + 1):
        try:
            found[generation] = Owner(**json.loads(workspace.lease(pack, generation).read_bytes()))
        except FileNotFoundError:  # its pack was finished in this moment
            break
    return found


def held(workspace: Workspace) -> dict[str, Lease]:
    """The newest unreleased lease of every leased pack; reads only."""
    if not workspace.leases.is_dir():
        return {}
    generations: dict[str, int] = defaultdict(int)
    released: set[tuple[str, int]] = set()
    for path in workspace.leases.iterdir():
        if path.name.startswith("."):
            continue
        pack, generation, *rest = path.name.split(".")
        if rest:
            released.add((pack, int(generation)))
        else:
            generations[pack] = max(generations[pack], int(generation))
    leases: dict[str, Lease] = {}
    for pack, generation in generations.items():
        if (pack, generation) in released:
            continue
        try:
            owner = Owner(**json.loads(workspace.lease(pack, generation).read_bytes()))
        except FileNotFoundError:
            continue
        leases[pack] = Lease(pack, generation, owner)
    return leases
