"""The mirror against a real MLflow on SQLite."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from orchestrator.ask.compare import SOURCES, compare
from orchestrator.mirror.run_data import TRIAL_TAG
from orchestrator.mirror.sync import LEASE, SyncResult, sync
from orchestrator.mirror.synchronization import synchronize
from orchestrator.mirror.uri import tracking_uri
from orchestrator.store import Store
from orchestrator.store.files import replace
from orchestrator.store.owner import Liveness, Owner, myself, started
from orchestrator.store.workspace import Workspace
from sweeps.identity import canonical
from tests.orchestrator.mlflow.ledgers import finish, record_packs, record_sweep, small_sweep, trials
from tests.orchestrator.mlflow.looking import all_runs, artifacts, client, parents, trial_runs


def test_every_trial_has_one_complete_run_and_its_sweep_a_parent(workspace: Workspace) -> None:
    members = small_sweep(workspace)
    assert sync(workspace) == SyncResult(created=12)

    runs = trial_runs(workspace)
    assert runs.keys() == {t.id for t in members}
    parent = parents(workspace)["small"]
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {"trials_done": 12}
    assert [path.name for path in artifacts(workspace, parent).iterdir()] == ["000001.json"]
    table, _ = Store(workspace).ledger.read(Store(workspace).ledger.done())
    for row in table.to_pylist():
        run = runs[row["trial_id"]]
        assert run.info.status == "FINISHED"
        assert (run.info.start_time, run.info.end_time) == (1_799_999_987_500, 1_800_000_000_000)
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["normsweep.pack_id"] == row["pack_id"]
        assert run.data.tags["normsweep.sweep.small"] == parent.data.tags["normsweep.plan"]
        assert run.data.metrics["test_error"] == row["test_error"]
        assert (run.data.params["dataset"], run.data.params["seed"]) == (row["dataset"], str(row["seed"]))
        assert (run.data.params["lr"], run.data.params["nesterov"]) == ("0.01", "false")
        shown = {name: value for name, value in run.data.params.items() if "." in name}
        assert shown == {
            f"{kind}.{name}": canonical(value) if not isinstance(value, str) else value
            for kind, choice in json.loads(row["trial"]).items()
            if isinstance(choice, dict)
            for name, value in choice["options"].items()
        }
        assert row["normalizer"] != "vcl" or {"normalizer.n", "normalizer.weight"} <= shown.keys()
    some = table.to_pylist()[0]
    history = client(workspace).get_metric_history(runs[some["trial_id"]].info.run_id, "curve/val_error")
    assert [m.value for m in history] == some["curve_val_error"]
    assert [m.step for m in history] == list(range(50))


def test_runs_without_parameters_of_options_stay(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """As 0.1.0 wrote them."""
    members = small_sweep(workspace)
    with monkeypatch.context() as past:
        past.setattr("orchestrator.mirror.run_data.options", lambda _: {})
        assert sync(workspace).created == len(members)
    before = {trial: run.info.run_id for trial, run in trial_runs(workspace).items()}
    packs = record_packs(workspace, trials(("led-display-generated",)))
    record_sweep(workspace, "small", [*members, *trials(("led-display-generated",))], version=2)
    finish(workspace, packs)
    assert (sync(workspace).created, sync(workspace, verify=True)) == (6, SyncResult(unchanged=18))
    assert before.items() <= {trial: run.info.run_id for trial, run in trial_runs(workspace).items()}.items()
    both = [compare(Store(workspace), ["small"], by=["normalizer", "normalizer.n"], source=s) for s in SOURCES]
    assert both[0] == dataclasses.replace(both[1], source="mlflow")
    assert both[0].runs == 18


def test_nothing_new_does_not_even_import_mlflow(workspace: Workspace) -> None:
    small_sweep(workspace)
    sync(workspace)
    script = (
        "import sys; from orchestrator.store.workspace import Workspace;"
        "from orchestrator.mirror.sync import sync; result = sync(Workspace.at(sys.argv[1]));"
        "print(result.unchanged, result.created, [m for m in ('mlflow', 'pyarrow', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(workspace.root)], capture_output=True, text=True, check=True
    ).stdout
    assert done.split() == ["12", "0", "[]"]


def test_only_what_is_new_is_written(workspace: Workspace) -> None:
    members = trials()
    packs = record_packs(workspace, members)
    record_sweep(workspace, "small", members)
    finish(workspace, packs[:1])
    assert sync(workspace) == SyncResult(created=4)
    assert parents(workspace)["small"].info.status == "RUNNING"
    finish(workspace, packs[1:])
    assert sync(workspace) == SyncResult(created=8, unchanged=4)
    assert parents(workspace)["small"].info.status == "FINISHED"
    assert len(trial_runs(workspace)) == 12


def test_a_trial_of_two_sweeps_has_one_run_that_names_both(workspace: Workspace) -> None:
    small_sweep(workspace)
    sync(workspace)
    shared = trials(("wine",))
    more = trials(("led-display-generated",))
    record_sweep(workspace, "another", shared + more)
    finish(workspace, record_packs(workspace, more))
    assert sync(workspace) == SyncResult(created=6, unchanged=12)
    runs = trial_runs(workspace)
    assert len(runs) == 18
    both = [r for r in runs.values() if {"normsweep.sweep.small", "normsweep.sweep.another"} <= r.data.tags.keys()]
    assert {r.data.tags[TRIAL_TAG] for r in both} == {t.id for t in shared}
    shared_runs = all_runs(workspace, query="tags.`normsweep.sweep.another` LIKE '%' AND params.dataset = 'wine'")
    assert len(shared_runs) == 6


def test_the_part_of_a_replaced_pack_is_ignored(workspace: Workspace) -> None:
    members = trials()
    record_sweep(workspace, "small", members)
    packs = record_packs(workspace, members, size=6)
    first = Store(workspace).roster.packs[packs[0]].trials
    assert Store(workspace).roster.append([first[:3], first[3:]], replaces=[packs[0]])
    finish(workspace, packs)
    assert sync(workspace) == SyncResult(created=6)
    assert trial_runs(workspace).keys() == {t.id for t in members[6:]}


def test_a_retried_trial_shows_its_new_result_alone(workspace: Workspace) -> None:
    members = trials()
    record_sweep(workspace, "small", members)
    packs = record_packs(workspace, members)
    finish(workspace, packs[:1], state="failed", test_error=None)
    finish(workspace, packs[1:])
    sync(workspace)
    retried = Store(workspace).roster.packs[packs[0]].trials
    assert Store(workspace).roster.append([retried], replaces=packs[:1])
    assert sync(workspace) == SyncResult(unchanged=8)  # the old result is shown until the new one is there
    assert len(trial_runs(workspace)) == 12

    again = Store(workspace).roster.live[-1].id
    finish(workspace, [again], test_error=0.125)
    assert sync(workspace) == SyncResult(created=4, removed=4, unchanged=8)
    runs = trial_runs(workspace)
    assert len(runs) == 12
    for trial in retried:
        shown = runs[trial.id]
        assert (shown.info.status, shown.data.metrics["test_error"]) == ("FINISHED", 0.125)
        assert shown.data.tags["normsweep.pack_id"] == again
    assert sync(workspace, verify=True) == SyncResult(unchanged=12)


def test_an_old_result_in_mlflow_is_recognized_without_the_record(workspace: Workspace) -> None:
    members = trials(("wine",))
    record_sweep(workspace, "small", members)
    (failed,) = record_packs(workspace, members, size=6)
    finish(workspace, [failed], state="failed")
    sync(workspace)
    assert Store(workspace).roster.append([members], replaces=[failed])
    finish(workspace, [Store(workspace).roster.live[0].id])
    for path in workspace.mlflow.glob("synced-*"):
        path.unlink()
    assert sync(workspace) == SyncResult(created=6, removed=6)
    assert {r.info.status for r in trial_runs(workspace).values()} == {"FINISHED"}


def test_one_sweep_alone(workspace: Workspace) -> None:
    small_sweep(workspace)
    other = trials(("led-display-generated",))
    record_sweep(workspace, "other", other)
    finish(workspace, record_packs(workspace, other))
    assert sync(workspace, sweep="other") == SyncResult(created=6)
    assert sync(workspace) == SyncResult(created=12, unchanged=6)
    with pytest.raises(ValueError, match="unknown sweep 'smal': did you mean small"):
        sync(workspace, sweep="smal", verify=True)


def test_a_diverged_and_a_failed_trial(workspace: Workspace) -> None:
    members = trials(("wine",), seeds=1)
    packs = record_packs(workspace, members, size=1)
    nothing = {"selected_epoch": None, "val_error": None, "test_error": None, "train_loss": None}
    finish(workspace, packs[:1], epochs=3, state="diverged", diverged_epoch=3, **nothing)
    curves = dict.fromkeys(("curve_train_loss", "curve_val_error", "curve_test_error"))
    finish(workspace, packs[1:2], state="failed", failure="Traceback\nValueError: no\n", **curves, **nothing)
    finish(workspace, packs[2:], curve_val_error=[0.5, float("nan"), float("inf"), 0.25])
    record_sweep(workspace, "small", members)
    sync(workspace)
    runs = trial_runs(workspace)
    diverged, failed, whole = (runs[t.id] for t in members)
    assert (diverged.info.status, diverged.data.tags["normsweep.state"]) == ("FINISHED", "diverged")
    assert diverged.data.tags["normsweep.diverged_epoch"] == "3"
    assert "test_error" not in diverged.data.metrics
    assert diverged.data.metrics["majority_error"] == 0.6
    assert (failed.info.status, failed.data.tags["normsweep.failure"]) == ("FAILED", "ValueError: no")
    history = client(workspace).get_metric_history(whole.info.run_id, "curve/val_error")
    assert [(m.step, m.value) for m in history] == [(0, 0.5), (3, 0.25)]


def test_a_lost_record_is_rebuilt_and_doubled_runs_are_removed(workspace: Workspace) -> None:
    members = small_sweep(workspace)
    sync(workspace)
    one = trial_runs(workspace)[members[0].id]
    tags = {k: v for k, v in one.data.tags.items() if not k.startswith("mlflow.")}
    later = client(workspace).create_run(one.info.experiment_id, one.info.start_time + 1, tags)
    client(workspace).set_terminated(later.info.run_id)
    assert sync(workspace, verify=True) == SyncResult(removed=1, unchanged=12)
    assert trial_runs(workspace)[members[0].id].info.run_id == one.info.run_id

    for path in workspace.mlflow.glob("synced-*"):
        path.unlink()
    client(workspace).delete_run(trial_runs(workspace)[members[1].id].info.run_id)
    assert sync(workspace) == SyncResult(created=1, unchanged=11)
    assert len(trial_runs(workspace)) == 12


@pytest.mark.mlflow
def test_a_new_database_at_the_old_place_gets_everything(workspace: Workspace, empty_database: Path) -> None:
    small_sweep(workspace)
    sync(workspace)
    replace(workspace.mlflow / "mlflow.db", empty_database.read_bytes())
    # In a process of its own: MLflow keeps the old file open in this one.
    script = "import sys; from orchestrator.cli.main import main; main()"
    command = [sys.executable, "-c", script, "sync", "--workspace", str(workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "MLflow runs: 12 new, 0 unchanged"
    assert done.stderr == ""


def test_a_record_cut_short_is_read_up_to_the_cut(workspace: Workspace) -> None:
    members = small_sweep(workspace)
    sync(workspace)
    (record,) = workspace.mlflow.glob("synced-*")
    content = record.read_bytes()
    more = trials(("led-display-generated",))
    record_sweep(workspace, "small", members + more, version=2)
    finish(workspace, record_packs(workspace, more))
    record.write_bytes(content[: content.rfind(b"complete") + 200])
    result = sync(workspace)
    assert (result.created, result.unchanged, result.problems) == (6, 12, [])
    assert len(trial_runs(workspace)) == 18
    assert sync(workspace) == SyncResult(unchanged=18)


def test_one_mirror_at_a_time_and_a_dead_one_is_taken_over(workspace: Workspace) -> None:
    small_sweep(workspace)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as holder:
        start = started(holder.pid)
        assert start is not None
        me = myself()
        other = Owner(boot=me.boot, namespace=me.namespace, pid=holder.pid, started=start, host="elsewhere")
        assert Store(workspace).leases.take(LEASE, other, Liveness(workspace))
        busy = sync(workspace)
        assert busy.busy is not None
        assert f"process {holder.pid} on elsewhere is mirroring" in busy.busy
        assert trial_runs(workspace) == {}
        holder.kill()
    assert sync(workspace) == SyncResult(created=12)


def test_a_mirror_that_was_taken_over_writes_nothing_more(workspace: Workspace) -> None:
    small_sweep(workspace)
    lease = Store(workspace).leases.take(LEASE, myself(), Liveness(workspace))
    assert lease is not None
    replace(workspace.lease(LEASE, lease.generation + 1), workspace.lease(LEASE, lease.generation).read_bytes())
    result = synchronize(Store(workspace), lease, tracking_uri(workspace))
    assert result == SyncResult(busy="another process has taken the mirror over")
    assert all_runs(workspace) == []


def test_a_deleted_experiment_is_one_sentence_and_the_others_go_on(workspace: Workspace) -> None:
    members = small_sweep(workspace)
    sync(workspace)
    experiment = client(workspace).get_experiment_by_name("small")
    client(workspace).delete_experiment(experiment.experiment_id)
    other = trials(("led-display-generated",))
    record_sweep(workspace, "other", other)
    record_sweep(workspace, "small", members + trials(seeds=3), version=2)
    finish(workspace, record_packs(workspace, other))
    finish(workspace, record_packs(workspace, [t for t in trials(seeds=3) if t.seed == 2]))
    result = sync(workspace)
    assert result.created == 6
    assert len(result.problems) == 1
    assert result.problems[0].startswith("the experiment 'small' was deleted in MLflow: bring it back with `mlflow exp")
    client(workspace).restore_experiment(experiment.experiment_id)
    assert sync(workspace).created == 6
    assert len(trial_runs(workspace)) == 24


def test_a_changed_param_is_one_sentence_and_the_others_go_on(workspace: Workspace) -> None:
    members = small_sweep(workspace)
    experiment = client(workspace).create_experiment("small", (workspace.mlflow / "artifacts").as_uri())
    begun = client(workspace).create_run(experiment, tags={TRIAL_TAG: members[0].id})
    client(workspace).log_param(begun.info.run_id, "depth", "99")
    result = sync(workspace)
    assert result.created == 11
    assert len(result.problems) == 1
    assert f"trial {members[0].id[:16]} is not in MLflow, which says: " in result.problems[0]
    client(workspace).delete_run(begun.info.run_id)
    assert sync(workspace) == SyncResult(created=1, unchanged=11)


def test_a_torn_part_is_told_and_tried_again(workspace: Workspace) -> None:
    members = trials(("wine",))
    record_sweep(workspace, "small", members)
    (pack,) = record_packs(workspace, members, size=6)
    finish(workspace, [pack])
    whole = workspace.part(pack).read_bytes()
    workspace.part(pack).write_bytes(whole[:100])
    result = sync(workspace)
    assert result.created == 0
    assert "torn or damaged" in result.problems[0]
    workspace.part(pack).write_bytes(whole)
    assert sync(workspace).created == 6


def test_a_part_of_a_newer_schema_is_told_and_the_others_go_on(workspace: Workspace) -> None:
    members = trials()
    record_sweep(workspace, "small", members)
    packs = record_packs(workspace, members)
    finish(workspace, packs)
    path = workspace.part(packs[0])
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"normsweep.part_schema": b"99"}), path)
    result = sync(workspace)
    assert result.created == 8
    (problem,) = result.problems
    assert problem.startswith(f"{path} is of schema 99; this program reads up to ")


def test_a_report_becomes_an_artifact(workspace: Workspace) -> None:
    small_sweep(workspace)
    sync(workspace)
    page = workspace.report("small") / "report.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>first")
    assert sync(workspace) == SyncResult(unchanged=12)
    page.write_text("<p>second")
    sync(workspace)
    assert (artifacts(workspace, parents(workspace)["small"]) / "report.html").read_text() == "<p>second"
    assert len(trial_runs(workspace)) == 12


def test_it_is_silent_and_leaves_the_working_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    workspace = Workspace.at(tmp_path / "fresh")  # its database is made here, with MLflow's migrations
    small_sweep(workspace)
    sync(workspace)
    assert [p.name for p in Path.cwd().iterdir()] == ["fresh"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.mlflow
def test_speed(workspace: Workspace) -> None:
    """Far below what benchmarks/sync.py measures on an idle machine: notices a factor, not a percentage."""
    members = trials(seeds=20)
    record_sweep(workspace, "small", members)
    finish(workspace, record_packs(workspace, members, size=30))
    began = time.process_time()
    assert sync(workspace).created == 120
    assert 120 / (time.process_time() - began) > 10


def test_what_probes_saw_is_metrics_of_the_run(workspace: Workspace) -> None:
    members = trials(("wine",), seeds=1)
    record_sweep(workspace, "small", members)
    (pack,) = record_packs(workspace, members)
    seen = [
        {"probe": "kurtosis", "quantity": "mean", "layer": 2, "epoch": epoch, "at": None, "value": 3.0 - epoch}
        for epoch in range(3)
    ]
    curve = {"probe": "histogram", "quantity": "all", "layer": 1, "epoch": 0, "at": 0.5, "value": 0.1}
    finish(workspace, [pack], readings=[[*seen, curve], *([] for _ in members[1:])])
    assert sync(workspace) == SyncResult(created=len(members))
    runs = trial_runs(workspace)
    first = runs[members[0].id]
    history = client(workspace).get_metric_history(first.info.run_id, "probe/kurtosis/mean/layer 2")
    assert sorted((m.step, m.value) for m in history) == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert [name for name in first.data.metrics if name.startswith("probe/")] == ["probe/kurtosis/mean/layer 2"]
    assert not any(name.startswith("probe/") for name in runs[members[1].id].data.metrics)
