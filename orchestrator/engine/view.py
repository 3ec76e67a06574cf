"""Who watches a run: a terminal, a job's log, or nobody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from orchestrator.store.roster import RosterPack


class View(Protocol):
    """Watches packs in training."""

    def phase(self, what: str) -> None:
        """What is done until something progresses: "starting Ray"."""

    def progressed(self, pack: RosterPack, share: float) -> None:
        """So much of the pack is trained, 0..1."""

    def ended(self, pack: RosterPack, state: str) -> None:
        """An attempt is over: done, stopped, superseded, failed, lost, cancelled."""

    def tell(self, sentence: str) -> None:
        """Something that a person should know."""


class Watcher(Protocol):
    """Watches a run from its plan to its end."""

    def tell(self, sentence: str) -> None:
        """Something that a person should know."""

    def waiting(self, reason: str) -> AbstractContextManager[object]:
        """While nothing is to be seen."""
        ...

    def training(
        self, title: str, total: int, done: int, packs: Sequence[RosterPack], begun: Collection[str]
    ) -> AbstractContextManager[View]:
        """While packs are trained; `total` and `done` count trials, `begun` are the ids of packs that go on."""
        ...
