"""Leases: who trains which pack. `<pack>.<generation>`; taking over creates generation + 1.

A lease saves double work, it does not guard the truth: a pack trained twice gives the same part, and the first wins.
Beside a lease lie `<pack>.<generation>.started`, once its training has begun, `.still`, while it does not move, and
`.released`, once it is given back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass

from orchestrator.store.codec import Format
from orchestrator.store.files import Disk
from orchestrator.store.owner import Liveness, Owner
from orchestrator.store.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    pack: str
    generation: int
    owner: Owner


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Where the training of a lease began: the node's name, the process there, seconds since 1970."""

    node: str
    pid: int
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Still:
    """A training that does not move: the node's name, since when (seconds since 1970), and after how many seconds it is
    ended by force."""

    node: str
    since: float
    limit: float


LEASE = Format(record="lease", schema=1, type=Owner, remedy="remove it, and its pack is leased anew")
STARTED = Format(record="start", schema=1, type=Start, remedy="remove it; it only tells where the pack is trained")
STILL = Format(record="still", schema=1, type=Still, remedy="remove it; it only tells that the pack does not move")


class Leases:
    def __init__(self, workspace: Workspace, disk: Disk) -> None:
        self._workspace = workspace
        self._disk = disk

    def take(self, pack: str, owner: Owner, liveness: Liveness) -> Lease | None:
        """Leases the pack; None when somebody who may be alive has it, or took it in this moment."""
        return self._disk.patiently(lambda: self._take(pack, owner, liveness))

    def _take(self, pack: str, owner: Owner, liveness: Liveness) -> Lease | None:
        newest = self.newest(pack)
        if newest is not None:
            released = self._workspace.released(pack, newest.generation).exists()
            if not released and not liveness.dead(newest.owner):
                return None
        lease = Lease(pack=pack, generation=newest.generation + 1 if newest else 1, owner=owner)
        published = self._disk.publish(self._workspace.lease(pack, lease.generation), LEASE.encode(owner))
        # Ours already, when the disk refused right after the lease was there and it was asked again.
        return lease if published or self.newest(pack) == lease else None

    def newest(self, pack: str) -> Lease | None:
        """The lease of the highest generation, whoever holds it."""
        generation = self._count(pack)
        return self._read(pack, generation) if generation else None

    def superseded(self, lease: Lease) -> bool:
        """Whether somebody took over: stop without publishing."""
        return self._workspace.lease(lease.pack, lease.generation + 1).exists()

    def start(self, lease: Lease, start: Start) -> None:
        """Records where the training of a lease begins."""
        # One that is there already is a leftover: of a pack that was trained before, or of a lease that was forgotten.
        self._disk.replace(self._workspace.started(lease.pack, lease.generation), STARTED.encode(start))

    def started(self, lease: Lease) -> Start | None:
        """Where the pack is or was trained under this lease; None when that has not begun."""
        try:
            return STARTED.read(self._workspace.started(lease.pack, lease.generation))
        except FileNotFoundError:
            return None

    def stand_still(self, lease: Lease, still: Still | None) -> None:
        """Records that the training of a lease does not move; None: that it does, or is over."""
        path = self._workspace.still(lease.pack, lease.generation)
        if still is None:
            self._disk.remove(path)
        else:
            self._disk.replace(path, STILL.encode(still))

    def still(self, lease: Lease) -> Still | None:
        """Since when the training under this lease does not move; None while it does."""
        try:
            return STILL.read(self._workspace.still(lease.pack, lease.generation))
        except FileNotFoundError:
            return None

    def release(self, lease: Lease) -> None:
        """Gives the pack back, to be taken at once by anybody."""
        self._disk.publish(self._workspace.released(lease.pack, lease.generation), b"")

    def forget(self, pack: str) -> None:
        """Removes the leases of a finished pack, newest first, so that no reader sees a gap."""
        for generation in range(self._disk.patiently(lambda: self._count(pack)), 0, -1):
            self._disk.remove(
                self._workspace.released(pack, generation),
                self._workspace.started(pack, generation),
                self._workspace.still(pack, generation),
                self._workspace.lease(pack, generation),
            )

    def forget_finished(self, done: Set[str]) -> None:
        """Removes the leases of packs in `done` whose drivers died between a pack's end and its lease's."""
        if self._workspace.leases.is_dir():
            for pack in {path.name.split(".")[0] for path in self._workspace.leases.iterdir()} & done:
                self.forget(pack)
                for kind in ("started", "still"):  # of a lease forgotten meanwhile
                    self._disk.remove(*self._workspace.leases.glob(f"{pack}.*.{kind}"))

    def of_pack(self, pack: str) -> list[Lease]:
        """The pack's leases, oldest first, as far as they are kept."""
        leases = [self._read(pack, generation) for generation in range(1, self._count(pack) + 1)]
        return [lease for lease in leases if lease is not None]

    def held(self) -> dict[str, Lease]:
        """The newest unreleased lease of every leased pack."""
        leases = [self._read(*newest) for newest in self.generations().items()]
        return {lease.pack: lease for lease in leases if lease is not None}

    def generations(self) -> dict[str, int]:
        """By pack, the generation of its newest lease where that is unreleased; reads file names only."""
        if not self._workspace.leases.is_dir():
            return {}
        generations: dict[str, int] = defaultdict(int)
        released: set[tuple[str, int]] = set()
        for path in self._workspace.leases.iterdir():
            if path.name.startswith("."):
                continue
            pack, generation, *beside = path.name.split(".")
            if beside == ["released"]:
                released.add((pack, int(generation)))
            elif not beside:
                generations[pack] = max(generations[pack], int(generation))
        return {pack: newest for pack, newest in generations.items() if (pack, newest) not in released}

    def owner(self, pack: str, generation: int) -> Owner | None:
        """Who has or had that lease; None when it was forgotten."""
        lease = self._read(pack, generation)
        return lease.owner if lease else None

    def _read(self, pack: str, generation: int) -> Lease | None:
        """None when the pack was finished in this moment."""
        try:
            owner = LEASE.read(self._workspace.lease(pack, generation))
        except FileNotFoundError:
            return None
        return Lease(pack=pack, generation=generation, owner=owner)

    def _count(self, pack: str) -> int:
        generation = 0
        while self._workspace.lease(pack, generation + 1).exists():
            generation += 1
        return generation
