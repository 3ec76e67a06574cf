"""The few things that the mirror asks of MLflow, and what MLflow's errors mean."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.mirror.errors import Refused, translated
from orchestrator.mirror.pages import PAGE, Selected, rest_pages
from orchestrator.mirror.run_data import MEMBER_TAG, PACK_TAG, SWEEP_TAG, TRIAL_TAG, RunData
from orchestrator.mirror.server import credentials
from orchestrator.mirror.uri import knock, sqlite_file, with_driver
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.entities import Run

_MOST = 50_000  # what MLflow returns in one answer
PARENT_TAG = "normsweep.parent"
_THREADS_OF_A_SERVER = 4
# MLflow's own patience is minutes; ours ends sooner, because the next sync catches up. A user's setting stands.
_MANNERS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True, slots=True)
class Found:
    run: str
    trial: str
    pack: str  # whose result it shows; "" when it was not said
    complete: bool
    start_ms: int
    sweeps: frozenset[str]


class Tracker:
    def __init__(self, workspace: Workspace, uri: str) -> None:
        file = sqlite_file(uri)
        self.threads = 1 if file is not None else _THREADS_OF_A_SERVER
        self._uri = uri
        # A server keeps artifacts itself; beside a database they lie in the workspace, not in the working folder.
        self._artifacts = None if uri.startswith("http") else workspace.mlflow / "artifacts"
        self._experiments: dict[str, str] = {}
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        knock(uri)
        for name, value in {**_MANNERS, **credentials(workspace, uri)}.items():
            os.environ.setdefault(name, value)
        with translated(uri):  # which imports mlflow, whose import sets the levels that `speaking` changes
            from mlflow.tracking import MlflowClient
        with self.speaking():
            self._client = MlflowClient(with_driver(uri))
            self._client.search_experiments(max_results=1)  # an SQLite file gets its tables here

    @contextmanager
    def speaking(self) -> Generator[None]:
        """Silences MLflow and turns its errors into Refused (one run) or UnavailableError (all of it)."""
        loggers = [logging.getLogger(name) for name in ("mlflow", "alembic", "urllib3")]
        levels = [logger.level for logger in loggers]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for logger in loggers:
                    logger.setLevel(logging.CRITICAL)
                with translated(self._uri):
                    yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)

    def refusals(self) -> AbstractContextManager[None]:
        """`speaking` inside itself, around one run: so that the others are tried when MLflow refuses it."""
        return translated(self._uri)

    def experiment(self, name: str) -> str:
        """The id of the experiment, which is created when there is none. Raises Refused when it was deleted."""
        return self.find_experiment(name) or self._created(name)

    def _created(self, name: str) -> str:
        place = (self._artifacts / name).as_uri() if self._artifacts else None
        self._experiments[name] = self._client.create_experiment(name, artifact_location=place)
        return self._experiments[name]

    def find_experiment(self, name: str) -> str | None:
        """The id of the experiment, None when there is none. Raises Refused when it was deleted."""
        if name not in self._experiments:
            found = self._client.get_experiment_by_name(name)
            if found is None:
                return None
            if found.lifecycle_stage == "deleted":
                raise Refused(
                    f"the experiment '{name}' was deleted in MLflow: bring it back with "
                    f"`mlflow experiments restore --experiment-id {found.experiment_id}`, then sync again"
                )
            self._experiments[name] = found.experiment_id
        return self._experiments[name]

    def parent(self, sweep: str, plan: str) -> str:
        """The one run of the sweep itself, below which its trials appear."""
        experiment = self.experiment(sweep)
        runs = self._client.search_runs([experiment], f"tags.`{PARENT_TAG}` = '{sweep}'")
        ordered = sorted(runs, key=_age)
        for run in ordered[1:]:
            self._client.delete_run(run.info.run_id)
        if not ordered:
            tags = {PARENT_TAG: sweep, SWEEP_TAG: sweep, "normsweep.plan": plan}
            return self._client.create_run(experiment, tags=tags, run_name=sweep).info.run_id
        first = ordered[0]
        if first.data.tags.get("normsweep.plan") != plan:
            self._client.set_tag(first.info.run_id, "normsweep.plan", plan)
        return first.info.run_id

    def close_parent(self, run: str, done: int, total: int) -> None:
        """Notes how far the sweep is; the run is finished when every trial of it is in the ledger."""
        self._client.log_metric(run, "trials_done", done)
        self._client.set_tag(run, "normsweep.trials", str(total))
        if done == total:
            self._client.set_terminated(run)
        else:
            self._client.update_run(run, status="RUNNING")

    def log_artifact(self, run: str, path: Path) -> None:
        self._client.log_artifact(run, str(path))

    def find(self, trial: str, experiments: Iterable[str]) -> list[Found]:
        """The runs of the trial: complete ones first, then by age."""
        return self._search(experiments, f"tags.`{TRIAL_TAG}` = '{trial}'")

    def all(self, experiments: Iterable[str]) -> dict[str, list[Found]]:
        """The runs of every trial: complete ones first, then by age."""
        found: dict[str, list[Found]] = {}
        for run in self._search(experiments, f"tags.`{TRIAL_TAG}` LIKE '%'"):
            found.setdefault(run.trial, []).append(run)
        return found

    def _search(self, experiments: Iterable[str], query: str) -> list[Found]:
        ids = [found for name in experiments if (found := self.find_experiment(name))]
        return sorted((_found(run) for page in self._pages(ids, query) for run in page), key=_order)

    def select(self, query: str) -> Iterator[list[Selected]]:
        """The trials' runs of all experiments that MLflow's filter language selects, page by page, some twice."""
        experiments = [e.experiment_id for e in self._client.search_experiments(max_results=_MOST)]
        if self._uri.startswith("http"):
            yield from rest_pages(self._uri, experiments, query, self.threads)
        else:
            for page in self._pages(experiments, query):
                yield [Selected(run.data.params, run.data.metrics, run.data.tags) for run in page]

    def _pages(self, experiments: list[str], query: str) -> Iterator[list[Run]]:
        token = None
        while experiments:
            page = self._client.search_runs(experiments, query, max_results=PAGE, page_token=token)
            yield list(page)
            token = page.token
            if not token:
                return

    def create(self, data: RunData, sweep: str, parent: str | None) -> str:
        tags = {**data.tags, SWEEP_TAG: sweep}
        if parent is not None:
            tags["mlflow.parentRunId"] = parent
        run = self._client.create_run(self.experiment(sweep), data.start_ms, tags=tags, run_name=data.name)
        return run.info.run_id

    def complete(self, run: str, data: RunData, *, created: bool) -> None:
        """Writes everything about the trial, its status last: what is there already is not written again.

        `created`: the run was created just now, with its tags.
        """
        from mlflow.entities import Metric, Param, RunTag

        self._client.log_batch(
            run,
            # The newest first: MLflow then settles on the last value of a curve at once, not point by point.
            metrics=[Metric(*point) for point in reversed(data.metrics)],
            params=[Param(key, value) for key, value in data.params.items()],
            tags=[RunTag(key, value) for key, value in data.tags.items() if not created],
        )
        self._client.set_terminated(run, data.status, data.end_ms)

    def tag(self, run: str, key: str, value: str) -> None:
        self._client.set_tag(run, key, value)

    def untag(self, run: str, key: str) -> None:
        with suppress(Refused), self.refusals():  # without the tag already
            self._client.delete_tag(run, key)

    def delete(self, run: str) -> None:
        self._client.delete_run(run)

    def has(self, run: str) -> bool:
        """Whether the tracking server knows the run, deleted or not."""
        try:
            with self.refusals():
                self._client.get_run(run)
        except Refused:
            return False
        return True


def _found(run: Run) -> Found:
    tags: dict[str, Any] = run.data.tags
    return Found(
        run=run.info.run_id,
        trial=tags[TRIAL_TAG],
        pack=tags.get(PACK_TAG, ""),
        complete=run.info.status != "RUNNING",
        start_ms=run.info.start_time,
        sweeps=frozenset(t.removeprefix(MEMBER_TAG) for t in tags if t.startswith(MEMBER_TAG)),
    )


def _age(run: Run) -> tuple[int, str]:
    return run.info.start_time, run.info.run_id


def _order(found: Found) -> tuple[bool, int, str]:
    return not found.complete, found.start_ms, found.run
