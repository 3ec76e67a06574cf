"""The contract of trackers, for each of ours; which of them a tracking URI names."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.mirror.mlflow_tracker import MLflowTracker
from orchestrator.mirror.tracker import Refused, Tracker
from orchestrator.mirror.trackers import NoTracker, open_tracker
from orchestrator.mirror.uri import NONE, tracking_uri
from orchestrator.store.workspace import Workspace
from orchestrator.testing.tracker import TrackerContract, a_trial
from sweeps.errors import UsageError
from tests.orchestrator.mlflow.looking import client


class TestNoTracker(TrackerContract):
    keeps = False

    @pytest.fixture
    def tracker(self, tmp_path: Path) -> Tracker:
        return NoTracker()


class TestSQLite(TrackerContract):
    @pytest.fixture
    def tracker(self, tmp_path: Path, workspace: Workspace) -> Tracker:
        return open_tracker(workspace, tracking_uri(workspace))


@pytest.mark.mlflow
class TestServer(TrackerContract):
    @pytest.fixture
    def tracker(self, tmp_path: Path, workspace: Workspace, let_in: str) -> Tracker:
        return open_tracker(workspace, let_in)


def test_the_uri_names_the_tracker(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_tracker(workspace, tracking_uri(workspace)), MLflowTracker)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    assert tracking_uri(workspace) == NONE
    assert isinstance(open_tracker(workspace, tracking_uri(workspace)), NoTracker)


def test_nothing_can_be_asked_where_nothing_is_shown(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path / "out")
    for uri, sentence in ((NONE, "the tracking URI `none` shows no results"), (None, "nothing is mirrored in")):
        with pytest.raises(UsageError, match=sentence):
            open_tracker(workspace, tracking_uri(workspace, uri), existing=True)
    assert not workspace.root.exists()


def test_a_deleted_experiment_is_refused(workspace: Workspace) -> None:
    uri = tracking_uri(workspace)
    with open_tracker(workspace, uri).quiet():
        open_tracker(workspace, uri).write(a_trial("small"), "small")
        client(workspace).delete_experiment(client(workspace).get_experiment_by_name("small").experiment_id)
        tracker = open_tracker(workspace, uri)
        with pytest.raises(Refused, match="the experiment 'small' was deleted in MLflow: bring it back"):
            tracker.check("small")
        with pytest.raises(Refused, match="was deleted"):
            tracker.write(a_trial("small"), "small")
