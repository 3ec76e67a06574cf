"""The packs that a driver may still lease, in the order in which it tries them."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable

from orchestrator.store import Store
from orchestrator.store.leases import Lease
from orchestrator.store.owner import Liveness, Owner
from orchestrator.store.roster import RosterPack

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 5.0  # seconds between two looks at what others hold, when nothing else is left


class PackQueue:
    """Hands out leases. What others have leased or finished costs one look at two folders for all packs, not one each.

    On SLURM each driver tries the packs in an order of its own: drivers with one order would meet at every pack.
    """

    def __init__(
        self,
        store: Store,
        packs: Iterable[RosterPack],
        owner: Owner,
        liveness: Liveness,
        ended: Callable[[RosterPack, str], None],
    ) -> None:
        """`ended` hears of packs that need no training any more: `done` by others or `cancelled`."""
        self._store, self._owner, self._liveness, self._ended = store, owner, liveness, ended
        tried = list(packs)
        if owner.job:
            random.Random(owner.id).shuffle(tried)
        self._free = deque(tried)
        self._elsewhere: list[RosterPack] = []  # leased by others who may be alive
        self._done: set[str] = set()  # as the last look showed them
        self._held: dict[str, int] = {}  # by pack, the generation of its unreleased lease
        self._owners: dict[tuple[str, int], Owner | None] = {}  # of leases, which never change
        self._looked, self._pause = 0.0, FIRST_PAUSE

    def __bool__(self) -> bool:
        return bool(self._free or self._elsewhere)

    @property
    def waits(self) -> bool:
        """Whether others hold all that is left."""
        return bool(self._elsewhere and not self._free)

    def push(self, pack: RosterPack) -> None:
        """A pack of ours, to be tried again."""
        self._held.pop(pack.id, None)
        self._free.append(pack)

    def leave(self, pack: RosterPack) -> None:
        """A pack that somebody took over from us."""
        self._elsewhere.append(pack)

    def lease(self, fits: Callable[[RosterPack], bool]) -> tuple[RosterPack, Lease] | None:
        """Leases the next free pack that `fits`; drops those that do not. None when there is none now."""
        if not self._free and self._elsewhere and time.monotonic() - self._looked > self._pause:
            self._look()
            self._recover()
            self._pause = FIRST_PAUSE if self._free else min(2 * self._pause, LONGEST_PAUSE)
        while self._free:
            pack = self._free.popleft()
            if pack.id in self._held:
                self._elsewhere.append(pack)
            elif self._is_over(pack):
                continue
            elif fits(pack):
                if lease := self._take(pack):
                    self._pause = FIRST_PAUSE
                    return pack, lease
                if time.monotonic() - self._looked > FIRST_PAUSE:
                    self._look()
        return None

    def _take(self, pack: RosterPack) -> Lease | None:
        if self._store.workspace.part(pack.id).exists():
            self._finish(pack)
            return None
        lease = self._store.leases.take(pack.id, self._owner, self._liveness)
        if lease is None:
            self._elsewhere.append(pack)
        elif self._store.workspace.part(pack.id).exists():  # finished, and its leases forgotten, while we looked
            self._finish(pack)
            return None
        return lease

    def _finish(self, pack: RosterPack) -> None:
        self._store.leases.forget(pack.id)
        self._ended(pack, "done")

    def _is_over(self, pack: RosterPack) -> bool:
        self._store.decisions.read()
        if pack.id in self._store.decisions.cancelled:
            self._ended(pack, "cancelled")
        elif pack.id in self._done:
            self._ended(pack, "done")
        else:
            return False
        return True

    def _look(self) -> None:
        self._looked = time.monotonic()
        # In this order: who finishes a pack publishes its part, then forgets its lease.
        self._held = self._store.leases.generations()
        self._done = self._store.ledger.done()

    def _recover(self) -> None:
        """Brings back what others finished, gave back, or died over."""
        dead: dict[Owner, bool] = {}
        still: list[RosterPack] = []
        for pack in self._elsewhere:
            generation = self._held.get(pack.id)
            if generation is None or pack.id in self._done or self._is_dead(pack.id, generation, dead):
                self._held.pop(pack.id, None)
                self._free.append(pack)
            else:
                still.append(pack)
        self._elsewhere = still

    def _is_dead(self, pack: str, generation: int, dead: dict[Owner, bool]) -> bool:
        if (pack, generation) not in self._owners:
            self._owners[pack, generation] = self._store.leases.owner(pack, generation)
        owner = self._owners[pack, generation]
        if owner is None:  # forgotten in this moment
            return True
        if owner not in dead:
            dead[owner] = self._liveness.dead(owner)
        return dead[owner]
