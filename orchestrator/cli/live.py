"""What a person sees of a run: one live bar over all trials on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from orchestrator.store.roster import RosterPack
from orchestrator.words import counted, duration

LOG_SECONDS = 20.0  # between two lines where there is no terminal
ENOUGH = 0.05  # of what was to be done: a time left can be told from it
GOES_ON = ("superseded", "stopped", "lost")  # ends of an attempt whose pack goes on from where it is saved


class RunProgress:
    """Counts trials of finished packs; its bar shows running packs in part. A context manager; a `View`."""

    def __init__(
        self,
        console: Console,
        title: str,
        total: int,
        done: int,
        packs: Sequence[RosterPack],
        begun: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`begun`: ids of the packs of which something is saved."""
        self._console, self._clock = console, clock
        self._sizes = {pack.id: len(pack.trial_ids) for pack in packs}
        self._share = dict.fromkeys(self._sizes, 0.0)
        self._first = dict.fromkeys(self._sizes.keys() - {*begun}, 0.0)  # shares that packs had when this run came
        self._running: set[str] = set()
        self._over: set[str] = set()
        self._done: set[str] = set()
        self._title, self._total, self._before = title, total, done
        self._trains: float | None = None  # since when: from the last phase before it on
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[done]}/{task.total:.0f} trials"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=total, completed=done, done=done, left="")
        self._logged = self._began = clock()

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def done(self) -> int:
        """Trials that have a result."""
        return self._before + sum(self._sizes[pack] for pack in self._done)

    @property
    def counts(self) -> str:
        """`2 packs running, 22 waiting`."""
        waiting = len(self._sizes) - len(self._over) - len(self._running)
        return f"{counted(len(self._running), 'pack')} running, {waiting} waiting"

    @property
    def seconds_left(self) -> float | None:
        """At the pace of this run; None until a pack of it is done, or a real share of what was to be done."""
        if self._trains is None:
            return None
        left = self._work(lambda pack: 0.0 if pack in self._over else 1.0 - self._share[pack])
        here = self._work(lambda pack: self._share[pack] - self._first.get(pack, self._share[pack]))
        if not here or not (self._done or here >= ENOUGH * (here + left)):
            return None
        return (self._clock() - self._trains) * left / here

    def phase(self, what: str) -> None:
        if not self._running and not self._over:
            self._trains = self._clock()
        self._bar.update(self._task, description=f"{self._title}: {what}")
        if not self._console.is_terminal:
            self.tell(f"{self._title}: {what}")

    def progressed(self, pack: RosterPack, share: float) -> None:
        self._trains = self._clock() if self._trains is None else self._trains
        self._sizes[pack.id] = len(pack.trial_ids)
        self._share[pack.id] = max(self._share.get(pack.id, 0.0), share)
        self._first.setdefault(pack.id, share)
        self._running.add(pack.id)
        self._over.discard(pack.id)
        self._show()

    def ended(self, pack: RosterPack, state: str) -> None:
        self._sizes[pack.id] = len(pack.trial_ids)
        self._share.setdefault(pack.id, 0.0)
        self._running.discard(pack.id)
        if state == "done":
            self._share[pack.id] = 1.0
            self._done.add(pack.id)
        elif state not in GOES_ON:
            self._share[pack.id] = self._first[pack.id] = 0.0
        if state not in GOES_ON:
            self._over.add(pack.id)
        self._show()

    def tell(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False)

    def _work(self, share: Callable[[str], float]) -> float:
        """Trials, each counted by a share of it."""
        return sum(share(pack) * size for pack, size in self._sizes.items())

    def _show(self) -> None:
        trials = min(self._before + self._work(self._share.__getitem__), self._total)
        seconds = self.seconds_left
        left = "" if seconds is None else f"about {duration(seconds)} left"
        description = f"{self._title}: {self.counts}"
        self._bar.update(self._task, description=description, completed=trials, done=self.done, left=left)
        now = self._clock()
        if not self._console.is_terminal and now - self._logged >= LOG_SECONDS:
            self._logged = now
            told = [f"{self.done} of {self._total} trials done", self.counts, *([left] if left else [])]
            self.tell(f"{self._title}: {', '.join(told)}, after {now - self._began:.0f} s")


class Terminal:
    """A `Watcher` that prints to a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def tell(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False)

    def waiting(self, reason: str) -> AbstractContextManager[object]:
        return self._console.status(reason)

    def training(
        self, title: str, total: int, done: int, packs: Sequence[RosterPack], begun: Collection[str]
    ) -> RunProgress:
        return RunProgress(self._console, title, total, done, packs, begun)
