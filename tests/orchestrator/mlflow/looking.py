"""What MLflow holds, asked with MLflow's own client."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from orchestrator.mirror.run_data import TRIAL_TAG
from orchestrator.mirror.uri import tracking_uri
from orchestrator.store.workspace import Workspace

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient


def client(workspace: Workspace, uri: str | None = None) -> MlflowClient:
    return MlflowClient(tracking_uri(workspace, uri))


def all_runs(workspace: Workspace, uri: str | None = None, query: str = "") -> list[Run]:
    mlflow = client(workspace, uri)
    experiments = [e.experiment_id for e in mlflow.search_experiments()]
    runs, token = [], None
    while True:
        page = mlflow.search_runs(experiments, query, max_results=500, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def trial_runs(workspace: Workspace, uri: str | None = None) -> dict[str, Run]:
    """The one run of each trial; fails when a trial has several."""
    runs = [r for r in all_runs(workspace, uri) if TRIAL_TAG in r.data.tags]
    counts = Counter(r.data.tags[TRIAL_TAG] for r in runs)
    assert not [trial for trial, count in counts.items() if count > 1]
    return {r.data.tags[TRIAL_TAG]: r for r in runs}


def artifacts(workspace: Workspace, run: Run) -> Path:
    """The folder of a run's files, which a server of the workspace shows."""
    uri: Any = run.info.artifact_uri
    return workspace.mlflow / "artifacts" / uri.removeprefix("mlflow-artifacts:/")


def parents(workspace: Workspace, uri: str | None = None) -> dict[str, Run]:
    runs = [r for r in all_runs(workspace, uri) if "normsweep.parent" in r.data.tags]
    assert len({r.info.run_name for r in runs}) == len(runs)
    return {str(r.info.run_name): r for r in runs}
