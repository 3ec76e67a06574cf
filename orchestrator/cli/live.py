"""What a person sees of a run: one live bar over all trials on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from orchestrator.store.roster import RosterPack

LOG_SECONDS = 20.0  # between two lines where there is no terminal


class RunProgress:
    """Counts trials, finished packs whole and running ones in part. A context manager; a `View`."""

    def __init__(self, console: Console, title: str, total: int, done: int, packs: Sequence[RosterPack]) -> None:
        self._console = console
        self._share = {pack.id: 0.0 for pack in packs}
        self._sizes = {pack.id: len(pack.trial_ids) for pack in packs}
        self._title, self._total, self._before = title, total, done
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("trials"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            speed_estimate_period=120.0,
        )
        self._task = self._bar.add_task(title, total=total, completed=done)
        self._logged = self._began = time.monotonic()

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def phase(self, what: str) -> None:
        self._bar.update(self._task, description=f"{self._title}: {what}")
        if not self._console.is_terminal:
            self.tell(f"{self._title}: {what}")

    def progressed(self, pack: RosterPack, share: float) -> None:
        self._bar.update(self._task, description=self._title)
        self._share[pack.id] = max(self._share.get(pack.id, 0.0), share)
        self._sizes[pack.id] = len(pack.trial_ids)
        self._show()

    def ended(self, pack: RosterPack, state: str) -> None:
        self._sizes[pack.id] = len(pack.trial_ids)
        if state == "done":
            self._share[pack.id] = 1.0
        elif state not in ("superseded", "stopped", "lost"):  # what goes on from where it is saved
            self._share[pack.id] = 0.0
        self._show()

    def tell(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False)

    def _show(self) -> None:
        trials = self._before + sum(share * self._sizes[pack] for pack, share in self._share.items())
        self._bar.update(self._task, completed=min(int(trials), self._total))
        now = time.monotonic()
        if not self._console.is_terminal and now - self._logged >= LOG_SECONDS:
            self._logged = now
            self._console.print(
                f"{self._title}: {int(trials)} of {self._total} trials after {now - self._began:.0f} s", highlight=False
            )


class Terminal:
    """A `Watcher` that prints to a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def tell(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False)

    def waiting(self, reason: str) -> AbstractContextManager[object]:
        return self._console.status(reason)

    def training(self, title: str, total: int, done: int, packs: Sequence[RosterPack]) -> RunProgress:
        return RunProgress(self._console, title, total, done, packs)
