"""Runs in MLflow, by its own client; and what MLflow's errors mean."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from orchestrator.mirror.pages import PAGE, rest_pages
from orchestrator.mirror.run_data import OURS, PACK_TAG, SWEEP_TAG, TRIAL_TAG, RunData
from orchestrator.mirror.server import credentials
from orchestrator.mirror.tracker import Refused, Selected, TrialRun
from orchestrator.mirror.uri import (
    artifact_location,
    knock,
    make_relative,
    masked,
    put_artifact,
    sqlite_file,
    with_driver,
)
from orchestrator.store.workspace import Workspace
from sweeps.errors import UnavailableError

if TYPE_CHECKING:
    from mlflow.entities import Run

PARENT_TAG = "normsweep.parent"
_PLAN_TAG = "normsweep.plan"
# What MLflow's page keeps for a link that shares its columns; `viewStateShareKey` names it.
_VIEW = "normsweep"
_VIEW_TAG = f"mlflow.sharedViewState.{_VIEW}"
_KIND = ("mlflow.experimentKind", "custom_model_development")  # its page opens on the runs
_MOST = 50_000  # what MLflow returns in one answer
_THREADS_OF_A_SERVER = 4
# MLflow's own patience is minutes; ours ends sooner, because the next sync catches up. A user's setting stands.
_MANNERS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# Errors about one run, one experiment or one filter: the others are tried.
_OF_ONE_RUN = {"INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST"}

_P = ParamSpec("_P")
_T = TypeVar("_T")


@contextmanager
def _translated(uri: str) -> Generator[None]:
    """Raises Refused for an error about one run, else UnavailableError; neither shows a password."""
    # Not at the top: a sync with nothing new imports none of them.
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlflowException as error:
        if error.error_code in _OF_ONE_RUN:
            raise Refused(_sentence(uri, str(error))) from error
        if error.error_code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED"):
            raise UnavailableError(
                f"MLflow at {masked(uri)} refuses the user name or password: "
                f"set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            ) from error
        raise UnavailableError(f"MLflow at {masked(uri)} failed: {_sentence(uri, str(error))}") from error
    except (RequestException, SQLAlchemyError, ImportError, OSError) as error:
        raise UnavailableError(f"MLflow at {masked(uri)} failed: {_sentence(uri, str(error))}") from error


def _sentence(uri: str, text: str) -> str:
    """The first line of an error that says something, without the secret of the URI."""
    lines = text.replace(uri, masked(uri)).strip().splitlines() or ["no reason given"]
    return next((line for line in lines if not line.startswith("(raised as a result of")), lines[0])[:300]


def _translating(
    method: Callable[Concatenate[MLflowTracker, _P], _T],
) -> Callable[Concatenate[MLflowTracker, _P], _T]:
    """The method with MLflow's errors translated."""

    @wraps(method)
    def translating(self: MLflowTracker, *arguments: _P.args, **named: _P.kwargs) -> _T:
        with _translated(self.uri):
            return method(self, *arguments, **named)

    return translating


class MLflowTracker:
    """A Tracker. Raises UnavailableError when MLflow does not answer. Makes the tables of a new SQLite file."""

    def __init__(self, workspace: Workspace, uri: str) -> None:
        file = sqlite_file(uri)
        self.threads = 1 if file is not None else _THREADS_OF_A_SERVER
        self.uri = uri
        # A server keeps artifacts itself; beside a database they lie in the workspace, not in the working folder.
        self._artifacts = None if uri.startswith("http") else workspace.mlflow / "artifacts"
        self._experiments: dict[str, str] = {}
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        knock(uri)
        for name, value in {**_MANNERS, **credentials(workspace, uri)}.items():
            os.environ.setdefault(name, value)
        with _translated(uri):  # which imports mlflow, whose import sets the levels that `quiet` changes
            from mlflow.tracking import MlflowClient
        with self.quiet(), _translated(uri):
            self._client = MlflowClient(with_driver(uri))
            self._client.search_experiments(max_results=1)  # an SQLite file gets its tables here
        if file is not None and file.is_relative_to(workspace.root):
            with suppress(sqlite3.OperationalError):  # read-only or locked now: its old places can still be read
                make_relative(file)

    @contextmanager
    def quiet(self) -> Generator[None]:
        loggers = [logging.getLogger(name) for name in ("mlflow", "alembic", "urllib3")]
        levels = [logger.level for logger in loggers]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for logger in loggers:
                    logger.setLevel(logging.CRITICAL)
                yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)

    @_translating
    def check(self, sweep: str) -> None:
        self._find_experiment(sweep)

    @_translating
    def parent(self, sweep: str, plan: str) -> str:
        experiment = self.experiment(sweep)
        runs = self._client.search_runs([experiment], f"tags.`{PARENT_TAG}` = '{sweep}'")
        ordered = sorted(runs, key=_age)
        for run in ordered[1:]:
            self._client.delete_run(run.info.run_id)
        if not ordered:
            tags = {PARENT_TAG: sweep, SWEEP_TAG: sweep, _PLAN_TAG: plan}
            return self._client.create_run(experiment, tags=tags, run_name=sweep).info.run_id
        first = ordered[0]
        if first.data.tags.get(_PLAN_TAG) != plan:
            self._client.set_tag(first.info.run_id, _PLAN_TAG, plan)
        return first.info.run_id

    @_translating
    def progress(self, parent: str, done: int, total: int) -> None:
        self._client.log_metric(parent, "trials_done", done)
        self._client.set_tag(parent, "normsweep.trials", str(total))
        if done == total:
            self._client.set_terminated(parent)
        else:
            self._client.update_run(parent, status="RUNNING")

    @_translating
    def present(self, sweep: str, metrics: Sequence[str], axes: Sequence[str], query: str) -> None:
        experiment = self.experiment(sweep)
        columns = [*(f"metrics.`{name}`" for name in metrics), *(f"params.`{name}`" for name in axes)]
        view = {
            "searchFilter": query,
            "orderByKey": columns[0],
            "orderByAsc": True,
            "selectedColumns": ["attributes.`Source`"] * (not columns) + columns,
        }
        self._client.set_experiment_tag(experiment, _VIEW_TAG, json.dumps(view))
        self._client.set_experiment_tag(experiment, *_KIND)

    @_translating
    def views(self) -> dict[str, str]:
        """By sweep, the address of its page on the server, with the columns of `present`."""
        experiments = self._client.search_experiments(max_results=_MOST)
        return {
            e.name: f"{self.uri}/#/experiments/{e.experiment_id}/runs?viewStateShareKey={_VIEW}"
            for e in experiments
            if _VIEW_TAG in e.tags
        }

    @_translating
    def attach(self, parent: str, path: Path) -> None:
        uri: str = self._client.get_run(parent).info.artifact_uri or ""
        if self._artifacts is None or not put_artifact(self._artifacts, uri, path):
            self._client.log_artifact(parent, str(path))

    @_translating
    def runs(self, sweeps: Iterable[str], trial: str | None = None) -> list[TrialRun]:
        ids = [experiment for name in sweeps if (experiment := self._find_experiment(name))]
        query = f"tags.`{TRIAL_TAG}` " + ("LIKE '%'" if trial is None else f"= '{trial}'")
        return [_trial_run(run) for run in sorted((r for page in self._pages(ids, query) for r in page), key=_order)]

    @_translating
    def write(self, data: RunData, sweep: str, parent: str | None = None, into: str | None = None) -> str:
        """What is there already is not written again; the status comes last."""
        from mlflow.entities import Metric, Param, RunTag

        run = into or self._create(data, sweep, parent)
        self._client.log_batch(
            run,
            # The newest first: MLflow then settles on the last value of a curve at once, not point by point.
            metrics=[Metric(*point) for point in reversed(data.metrics)],
            params=[Param(key, value) for key, value in data.params.items()],
            tags=[RunTag(key, value) for key, value in data.tags.items() if into],  # a new run was created with them
        )
        self._client.set_terminated(run, data.status, data.end_ms)
        return run

    def _create(self, data: RunData, sweep: str, parent: str | None) -> str:
        tags = {**data.tags, SWEEP_TAG: sweep}
        if parent is not None:
            tags["mlflow.parentRunId"] = parent
        run = self._client.create_run(self.experiment(sweep), data.start_ms, tags=tags, run_name=data.name)
        return run.info.run_id

    @_translating
    def tag(self, run: str, key: str, value: str | None) -> None:
        if value is not None:
            self._client.set_tag(run, key, value)
        elif key in self._client.get_run(run).data.tags:
            self._client.delete_tag(run, key)

    @_translating
    def delete(self, run: str) -> None:
        self._client.delete_run(run)

    def has(self, run: str) -> bool:
        with suppress(Refused), _translated(self.uri):
            self._client.get_run(run)
            return True
        return False

    def select(self, query: str) -> Iterator[list[Selected]]:
        with _translated(self.uri):
            experiments = [e.experiment_id for e in self._client.search_experiments(max_results=_MOST)]
            if self.uri.startswith("http"):
                yield from rest_pages(self.uri, experiments, query, self.threads)
            else:
                for page in self._pages(experiments, query):
                    yield [Selected(run.data.params, run.data.metrics, run.data.tags) for run in page]

    def experiment(self, name: str) -> str:
        """The id of the experiment, which is created when it is missing. Raises Refused when it was deleted."""
        return self._find_experiment(name) or self._create_experiment(name)

    def _create_experiment(self, name: str) -> str:
        place = artifact_location(name) if self._artifacts else None
        self._experiments[name] = self._client.create_experiment(name, artifact_location=place)
        return self._experiments[name]

    def _find_experiment(self, name: str) -> str | None:
        """The id of the experiment, None when it is missing. Raises Refused when it was deleted."""
        if name not in self._experiments:
            experiment = self._client.get_experiment_by_name(name)
            if experiment is None:
                return None
            if experiment.lifecycle_stage == "deleted":
                raise Refused(
                    f"the experiment '{name}' was deleted in MLflow: bring it back with "
                    f"`mlflow experiments restore --experiment-id {experiment.experiment_id}`, then sync again"
                )
            self._experiments[name] = experiment.experiment_id
        return self._experiments[name]

    def _pages(self, experiments: list[str], query: str) -> Iterator[list[Run]]:
        token = None
        while experiments:
            page = self._client.search_runs(experiments, query, max_results=PAGE, page_token=token)
            yield list(page)
            token = page.token
            if not token:
                return


def _trial_run(run: Run) -> TrialRun:
    tags: dict[str, Any] = run.data.tags
    return TrialRun(
        run=run.info.run_id,
        trial=tags[TRIAL_TAG],
        pack=tags.get(PACK_TAG, ""),
        complete=_complete(run),
        tags={key: value for key, value in tags.items() if key.startswith(OURS)},
    )


def _complete(run: Run) -> bool:
    return run.info.status != "RUNNING"


def _age(run: Run) -> tuple[int, str]:
    return run.info.start_time, run.info.run_id


def _order(run: Run) -> tuple[bool, int, str]:
    return not _complete(run), *_age(run)
