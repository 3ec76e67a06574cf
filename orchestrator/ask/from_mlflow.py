"""The trials that MLflow selects, as a table: filtered by MLflow, page by page, and only what a comparison needs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from orchestrator.ask.frame import INTEGERS, NAMES, Progress, frame_of
from orchestrator.mirror.run_data import MEMBER_TAG, SINCE_TAG, TRIAL_TAG, UNTIL_TAG, member_tag, setting_text
from orchestrator.mirror.tracker import Refused, Selected
from orchestrator.mirror.trackers import open_tracker
from orchestrator.mirror.uri import tracking_uri
from orchestrator.store import Store
from orchestrator.store.sweeps import AT, LATEST
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError
from sweeps.records import METRICS
from sweeps.trial import younger

_KNOWN = {*NAMES, *INTEGERS}
_YOUNGER = {name: setting_text(value) for name, value in younger().items()}  # older runs have no such parameter


def from_mlflow(
    workspace: Workspace,
    uri: str | None,
    sweeps: Sequence[str],
    query: str,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The complete runs of the sweeps (all: none) that the filter selects; of `SWEEP@2` those that it wanted.

    `progress` gets how many runs were read. Raises UsageError for an invalid filter or URI and where nothing is
    mirrored, UnavailableError when MLflow does not answer.
    """
    tracker = open_tracker(workspace, tracking_uri(workspace, uri), existing=True)
    columns: dict[str, list[object]] = {name: [] for name in (*NAMES, *INTEGERS, *METRICS, "state")}
    settings: list[dict[str, str]] = []
    with tracker.quiet():
        try:
            for tag, wanted in [_asked(workspace, sweep) for sweep in sweeps] or [(TRIAL_TAG, None)]:
                clauses = [f"tags.`{tag}` LIKE '%'", "attributes.status != 'RUNNING'", query]
                for page in tracker.select(" AND ".join(c for c in clauses if c)):
                    for run in page:
                        if run.tags[TRIAL_TAG] not in wanted if wanted is not None else _dropped(run):
                            continue
                        _append(run, columns)
                        settings.append(_YOUNGER | run.params)
                    if progress is not None:
                        progress(len(settings))
        except Refused as sentence:
            raise UsageError(f"MLflow does not take the filter {query!r}: {sentence}") from None
    # Options are asked of the ledger where they are needed: runs of 0.1.0 lack them.
    others = {name for params in settings for name in params if "." not in name} - _KNOWN
    return frame_of(columns, {name: [params.get(name) for params in settings] for name in others})


def _asked(workspace: Workspace, sweep: str) -> tuple[str, set[str] | None]:
    """The tag that the runs of a sweep, or of a version, have; the trials of the version."""
    name, _, version = sweep.partition(AT)
    if version in ("", LATEST):
        return member_tag(name), None
    return SINCE_TAG + name, set(Store(workspace).sweeps.needed(sweep).trials)


def _dropped(run: Selected) -> bool:
    """Whether no sweep wants the trial any more."""
    dropped = any(tag.startswith(UNTIL_TAG) for tag in run.tags)
    return dropped and not any(tag.startswith(MEMBER_TAG) for tag in run.tags)


def _append(run: Selected, columns: dict[str, list[object]]) -> None:
    columns["trial_id"].append(run.tags[TRIAL_TAG])
    columns["state"].append(run.tags["normsweep.state"])
    for name in NAMES[1:]:
        columns[name].append(run.params[name])
    for name in INTEGERS:
        columns[name].append(int(run.params[name]))
    for name in METRICS:
        columns[name].append(run.metrics.get(name))
