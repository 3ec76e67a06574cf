"""What the mirror asks of the place where results are shown beside the ledger: one run a trial.

The ledger owns the results and the mirror decides what is shown; a tracker only writes, finds and removes runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from orchestrator.mirror.run_data import RunData
from sweeps.errors import UsageError


class Refused(UsageError):
    """The tracker refuses one run, one experiment or one filter; others may succeed."""


@dataclass(frozen=True, slots=True)
class TrialRun:
    """A run as its own tags describe it."""

    run: str
    trial: str
    pack: str  # whose result it shows; "" when its tags do not say
    complete: bool
    tags: dict[str, str]  # those of ours


class Selected(NamedTuple):
    """What a run says, by name."""

    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


class Tracker(Protocol):
    """Runs of trials in one experiment a sweep, and one run for each sweep itself.

    Every method but `quiet` raises UnavailableError when the place does not answer, now or with this password: repeat
    later. A method that raises Refused as well says when. The caller holds the lease of the mirror while it writes, so
    a tracker has one writer a workspace; its `write`, `delete` and `tag` may be called by several threads at once.
    """

    @property
    def threads(self) -> int:
        """How many threads may write runs at once."""
        ...

    def quiet(self) -> AbstractContextManager[None]:
        """Keeps the place's own log lines and warnings off the terminal. Around everything else, in one thread."""
        ...

    def check(self, sweep: str) -> None:
        """Raises Refused when somebody deleted the sweep's experiment; does nothing when there is none yet."""
        ...

    def parent(self, sweep: str, plan: str) -> str:
        """The id of the one run of the sweep itself, which is created when it is missing and says the plan's hash.

        Raises Refused when the sweep's experiment was deleted.
        """
        ...

    def progress(self, parent: str, done: int, total: int) -> None:
        """Notes in the sweep's run how many trials are done; the run is finished when all of them are."""
        ...

    def present(self, sweep: str, metrics: Sequence[str], axes: Sequence[str], query: str) -> None:
        """Has the page of the sweep show these metrics and settings as columns, and the runs that the filter selects.

        Raises Refused when the sweep's experiment was deleted.
        """
        ...

    def attach(self, parent: str, path: Path) -> None:
        """Keeps a copy of the file with the sweep's run, in place of one of the same name. Raises Refused."""
        ...

    def runs(self, sweeps: Iterable[str], trial: str | None = None) -> list[TrialRun]:
        """The runs of one trial, or of all, in the experiments of the sweeps: complete ones first, then by age.

        An unknown sweep has no runs. Raises Refused when an experiment was deleted.
        """
        ...

    def write(self, data: RunData, sweep: str, parent: str | None = None, into: str | None = None) -> str:
        """Writes everything about a trial and returns its run's id; the run is complete when this has returned.

        `into`: a run of the trial, which a killed writer may have left incomplete; else a new one is created in the
        experiment of `sweep`, below the run `parent`. To write the same twice changes nothing. Raises Refused when the
        run says something else already, or the experiment was deleted.
        """
        ...

    def tag(self, run: str, key: str, value: str | None) -> None:
        """Sets a tag of the run; None removes it, if it is there. Raises Refused for an unknown run."""
        ...

    def delete(self, run: str) -> None:
        """Removes the run, so that neither `runs` nor `select` returns it. Raises Refused for an unknown run."""
        ...

    def has(self, run: str) -> bool:
        """Whether the place knows the run, deleted or not."""
        ...

    def select(self, query: str) -> Iterator[list[Selected]]:
        """The runs that a filter in MLflow's language selects, page by page, some twice. Raises Refused for the filter.

        Reads only.
        """
        ...
