"""The trackers there are, and which of them a tracking URI names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from orchestrator.mirror.run_data import RunData
from orchestrator.mirror.tracker import Selected, Tracker, TrialRun
from orchestrator.mirror.uri import NONE, sqlite_file
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError


def open_tracker(workspace: Workspace, uri: str, *, existing: bool = False) -> Tracker:
    """The tracker that the URI names, as `uri.tracking_uri` returns it: `none` is NoTracker, any other is MLflow's.

    `existing`: to ask, not to write; raises UsageError where nothing can have been shown yet. Raises UnavailableError
    when MLflow does not answer.
    """
    if uri == NONE:
        if existing:
            raise UsageError("the tracking URI `none` shows no results: name another one, or ask with --source ledger")
        return NoTracker()
    file = sqlite_file(uri)
    if existing and file is not None and not file.exists():
        raise UsageError(f"nothing is mirrored in {file} yet: `normsweep sync`, or ask with --source ledger")
    from orchestrator.mirror.mlflow_tracker import MLflowTracker

    return MLflowTracker(workspace, uri)


class NoTracker:
    """Shows nothing: takes every run, keeps none, and raises nothing."""

    threads = 1

    def quiet(self) -> AbstractContextManager[None]:
        return nullcontext()

    def check(self, sweep: str) -> None:
        pass

    def parent(self, sweep: str, plan: str) -> str:
        return ""

    def progress(self, parent: str, done: int, total: int) -> None:
        pass

    def present(self, sweep: str, metrics: Sequence[str], axes: Sequence[str], query: str) -> None:
        pass

    def attach(self, parent: str, path: Path) -> None:
        pass

    def runs(self, sweeps: Iterable[str], trial: str | None = None) -> list[TrialRun]:
        return []

    def write(self, data: RunData, sweep: str, parent: str | None = None, into: str | None = None) -> str:
        return ""

    def tag(self, run: str, key: str, value: str | None) -> None:
        pass

    def delete(self, run: str) -> None:
        pass

    def has(self, run: str) -> bool:
        return False

    def select(self, query: str) -> Iterator[list[Selected]]:
        return iter(())
