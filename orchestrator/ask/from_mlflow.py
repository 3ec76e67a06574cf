"""The trials that MLflow selects, as a table: filtered by MLflow, page by page, and only what a comparison needs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from orchestrator.ask.frame import INTEGERS, NAMES, Progress, frame_of
from orchestrator.mirror.run_data import TRIAL_TAG, member_tag
from orchestrator.mirror.tracker import Refused, Selected
from orchestrator.mirror.trackers import open_tracker
from orchestrator.mirror.uri import tracking_uri
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError
from sweeps.records import METRICS

_KNOWN = {*NAMES, *INTEGERS}


def from_mlflow(
    workspace: Workspace,
    uri: str | None,
    sweeps: Sequence[str],
    query: str,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The complete runs of the sweeps (all: none) that the filter selects.

    `progress` gets how many runs were read. Raises UsageError for an invalid filter or URI and where nothing is
    mirrored, UnavailableError when MLflow does not answer.
    """
    tracker = open_tracker(workspace, tracking_uri(workspace, uri), existing=True)
    columns: dict[str, list[object]] = {name: [] for name in (*NAMES, *INTEGERS, *METRICS, "state")}
    settings: list[dict[str, str]] = []
    with tracker.quiet():
        try:
            for tag in [member_tag(sweep) for sweep in sweeps] or [TRIAL_TAG]:
                clauses = [f"tags.`{tag}` LIKE '%'", "attributes.status != 'RUNNING'", query]
                for page in tracker.select(" AND ".join(c for c in clauses if c)):
                    for run in page:
                        _append(run, columns)
                        settings.append(run.params)
                    if progress is not None:
                        progress(len(settings))
        except Refused as sentence:
            raise UsageError(f"MLflow does not take the filter {query!r}: {sentence}") from None
    others = {name for params in settings for name in params} - _KNOWN
    return frame_of(columns, {name: [params.get(name) for params in settings] for name in others})


def _append(run: Selected, columns: dict[str, list[object]]) -> None:
    columns["trial_id"].append(run.tags[TRIAL_TAG])
    columns["state"].append(run.tags["normsweep.state"])
    for name in NAMES[1:]:
        columns[name].append(run.params[name])
    for name in INTEGERS:
        columns[name].append(int(run.params[name]))
    for name in METRICS:
        columns[name].append(run.metrics.get(name))
