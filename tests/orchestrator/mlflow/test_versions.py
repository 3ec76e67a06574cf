"""MLflow tells the versions of a sweep apart, names its runs by what varies, and is part of a workspace that moves."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.ask.compare import compare
from orchestrator.mirror.run_data import name, varying
from orchestrator.mirror.sync import SyncResult, pages, sync
from orchestrator.store import Store
from orchestrator.store.workspace import Workspace
from sweeps.words.choice import Choice
from tests.orchestrator.mlflow.ledgers import BASE, finish, record_packs, record_sweep, small_sweep, trials
from tests.orchestrator.mlflow.looking import all_runs, artifacts, client, parents, trial_runs


def two_versions(workspace: Workspace) -> None:
    """Twelve trials, of which the second version keeps six and adds six of other epochs."""
    members = small_sweep(workspace)
    assert sync(workspace).created == 12
    more = trials(("wine",), epochs=60)
    record_sweep(workspace, "small", members[:6] + more, version=2)
    finish(workspace, record_packs(workspace, more))
    assert sync(workspace).created == 6


def marks(workspace: Workspace) -> list[tuple[str, str | None, bool]]:
    """Since when and until when the sweep wanted a trial, and whether it does now; of every run."""
    tags = [run.data.tags for run in trial_runs(workspace).values()]
    return [(t["normsweep.since.small"], t.get("normsweep.until.small"), "normsweep.sweep.small" in t) for t in tags]


def test_runs_say_which_versions_want_them(workspace: Workspace) -> None:
    two_versions(workspace)
    expected = [("1", None, True)] * 6 + [("1", "1", False)] * 6 + [("2", None, True)] * 6
    assert sorted(marks(workspace), key=str) == sorted(expected, key=str)
    latest = all_runs(workspace, query="tags.`normsweep.sweep.small` LIKE '%'")  # the docs' own search
    assert len(latest) == 12
    record_sweep(workspace, "small", trials(), version=3)  # back to the first one
    sync(workspace)
    assert sorted(marks(workspace), key=str) == sorted([("1", None, True)] * 12 + [("2", "2", False)] * 6, key=str)


def test_runs_of_before_get_their_tags(workspace: Workspace) -> None:
    """As normsweep 0.1 left them: no journal that is known, no word of versions."""
    two_versions(workspace)
    wanted = sorted(marks(workspace), key=str)
    for run in trial_runs(workspace).values():
        for tag in run.data.tags.keys() & {"normsweep.since.small", "normsweep.until.small"}:
            client(workspace).delete_tag(run.info.run_id, tag)
    for path in workspace.mlflow.glob("synced-*"):
        path.unlink()
    assert sync(workspace) == SyncResult(unchanged=18)
    assert sorted(marks(workspace), key=str) == wanted


def test_compare_leaves_out_what_no_sweep_wants(workspace: Workspace) -> None:
    two_versions(workspace)
    store = Store(workspace)
    for source in ("mlflow", "ledger"):
        for asked, by, runs in (
            ([], ["normalizer", "epochs"], 12),
            (["small"], ["normalizer", "epochs"], 12),
            (["small@latest"], ["normalizer", "epochs"], 12),
            (["small@1"], ["normalizer"], 12),
            (["small@all"], ["normalizer", "epochs"], 18),
            (["small@1", "small@2"], ["normalizer", "epochs"], 18),
        ):
            assert compare(store, asked, source=source, by=by).runs == runs
    lines = [compare(store, ["small@all"], source=s, by=["epochs"]).lines for s in ("mlflow", "ledger")]
    assert lines[0] == lines[1]
    assert {line["method"] for line in lines[0]} == {"50", "60"}


def test_a_run_is_named_by_what_varies(workspace: Workspace) -> None:
    vcl = [replace(BASE, normalizer=Choice.of("vcl", {"n": n, "weight": 0.01}), lr=lr) for n in (2, 5) for lr in (1, 2)]
    members = [*vcl, BASE, replace(BASE, model=Choice.of("resnet20", {"width": 0.5}))]
    record_sweep(workspace, "small", members)
    finish(workspace, record_packs(workspace, members))
    sync(workspace)
    names = {run.info.run_name for run in trial_runs(workspace).values()}
    assert names == {
        "wine vcl(n=2) mlp lr 1",
        "wine vcl(n=2) mlp lr 2",
        "wine vcl(n=5) mlp lr 1",
        "wine vcl(n=5) mlp lr 2",
        "wine none mlp lr 0.01",
        "wine none resnet20(width=0.5) lr 0.01",
    }


def test_a_method_of_one_form_goes_by_its_name() -> None:
    data = [t.as_json() for t in trials()]
    varied = varying(data)
    assert varied == ["seed"]
    assert sorted({name(trial, varied) for trial in data})[-2:] == ["wine vcl seed 0", "wine vcl seed 1"]


def test_the_page_opens_with_metrics_and_axes(workspace: Workspace) -> None:
    small_sweep(workspace)
    sync(workspace)
    experiment: Any = client(workspace).get_experiment_by_name("small")
    tags = experiment.tags
    view = json.loads(tags["mlflow.sharedViewState.normsweep"])
    metrics = [f"metrics.`{name}`" for name in ("test_error", "val_error", "train_loss")]
    assert view["selectedColumns"] == [*metrics, *(f"params.`{name}`" for name in ("dataset", "normalizer", "seed"))]
    assert view["searchFilter"] == "tags.`normsweep.sweep.small` LIKE '%'"
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    (page,) = pages(workspace, f"sqlite:///{workspace.mlflow / 'mlflow.db'}").values()
    assert page.endswith("/runs?viewStateShareKey=normsweep")


def places(workspace: Workspace) -> set[str]:
    """What the database says of where files are."""
    with closing(sqlite3.connect(workspace.mlflow / "mlflow.db")) as database:
        rows = database.execute("SELECT artifact_location FROM experiments UNION SELECT artifact_uri FROM runs")
        return {text for (text,) in rows}


def report(workspace: Workspace, text: str) -> None:
    page = workspace.report("small") / "report.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text)


@pytest.mark.parametrize("keep", [True, False], ids=["copied", "moved"])
def test_a_workspace_that_moved_goes_on_where_it_is(workspace: Workspace, tmp_path: Path, keep: bool) -> None:
    members = small_sweep(workspace)
    report(workspace, "<p>first")
    sync(workspace)
    here = str(workspace.root).encode()
    assert not [path for path in workspace.root.rglob("*") if path.is_file() and here in path.read_bytes()]

    place = Workspace.at(tmp_path / "elsewhere" / "out")
    (shutil.copytree if keep else shutil.move)(workspace.root, place.root)
    before = {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")}
    report(place, "<p>second")
    more = trials(("led-display-generated",))
    record_sweep(place, "small", members + more, version=2)
    finish(place, record_packs(place, more))
    assert sync(place) == SyncResult(created=6, unchanged=12)
    assert (artifacts(place, parents(place)["small"]) / "report.html").read_text() == "<p>second"
    assert len(trial_runs(place)) == 18
    assert {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")} == before
    assert workspace.root.exists() == keep


def test_absolute_places_of_before_become_relative(workspace: Workspace) -> None:
    small_sweep(workspace)
    there = (workspace.mlflow / "artifacts" / "small").as_uri()
    experiment = client(workspace).create_experiment("small", there)
    run = client(workspace).create_run(experiment).info.run_id
    assert f"{there}/{run}/artifacts" in places(workspace)
    sync(workspace)
    assert {"mlflow-artifacts:/small", f"mlflow-artifacts:/small/{run}/artifacts"} <= places(workspace)
    assert all(place.startswith("mlflow-artifacts:/") for place in places(workspace))


def test_places_of_a_user_s_own_experiments_stay(workspace: Workspace) -> None:
    small_sweep(workspace)
    sync(workspace)
    database = client(workspace)
    own = database.create_experiment("own", "file:///data/mlflow/artifacts/mine")
    database.create_run(own)
    before = places(workspace)
    sync(workspace, verify=True)
    assert places(workspace) == before
    assert "file:///data/mlflow/artifacts/mine" in before
