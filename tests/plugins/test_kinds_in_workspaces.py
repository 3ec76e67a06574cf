"""Models, activations, optimizers, schedules and augmentations of a file, in a workspace: the planned copy is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.engine.remote import PackJob
from orchestrator.planning import plugins
from orchestrator.planning.cost import CostModel
from orchestrator.planning.plan import plan
from orchestrator.store import Store
from orchestrator.store.owner import Liveness, myself
from orchestrator.watch import why
from sweeps import UsageError, load_spec
from sweeps.plugins.loading import load
from sweeps.words.kinds import NAMES
from tests.orchestrator.stage import Call, Stage
from tests.plugins.files import forgotten, written
from tests.plugins.kinds import MINE

FILE = """
name: mine
plugins: [mine.py]
trial:
  dataset: wine
  model: one
  activation: [relu, leaky]
  optimizer: descent
  schedule: wave
  augment: noise
  epochs: 1
  steps: 2
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, MINE, "mine.py")
    made = Stage(tmp_path)
    made.commit(FILE)
    return made


def begin_anew() -> None:
    """As in a process that has read no plug-in."""
    load.cache_clear()
    with forgotten():
        pass


def test_a_training_runs_the_planned_version_though_the_file_was_edited(stage: Stage) -> None:
    written(stage.folder, "raise ValueError('half written')\n", "mine.py")
    begin_anew()
    wanted = [pack for pack in stage.store.roster.live if pack.trials[0].model.name == "one"]
    assert len(wanted) == 2
    for pack in wanted:
        lease = stage.store.leases.take(pack.id, myself(), Liveness(stage.workspace))
        assert lease is not None
        PackJob(stage.task(pack, lease.generation)).work(60.0)
        rows, _ = stage.store.ledger.read([pack.id], ["state"])
        assert rows["state"].to_pylist() == ["done"]
    (copy,) = stage.workspace.plugins.iterdir()
    assert copy.read_text() == MINE


def test_verbs_that_read_know_the_names_without_running_anything(stage: Stage) -> None:
    begin_anew()
    assert "one" not in NAMES["model"]
    store = Store(stage.workspace)
    (pack,) = [p for p in store.roster.live if p.trials[0].activation.name == "leaky"]
    assert CostModel(store).of_pack(pack).flops is None
    store.sweeps.declare()
    assert [NAMES[f][n].implementation for f, n in (("model", "one"), ("schedule", "wave"))] == ["", ""]
    assert CostModel(store).of_pack(pack).flops is None
    answer = why.why(store, pack.trial_ids[0])
    (digest,) = pack.trials[0].plugins
    assert [note for note in answer["notes"] if note.startswith(f"plug-in: {digest}, of which")]
    assert f"one (units=8, plug-in {digest[:16]})" in why.lines(answer)


def test_an_edit_is_told_and_accepted(stage: Stage) -> None:
    before = set(stage.store.sweeps.needed("mine").trials)
    written(stage.folder, MINE + "# a remark\n", "mine.py")
    spec = load_spec(stage.file)
    assert plugins.edits(stage.store, spec)[0].startswith("mine.py was edited since mine was planned (")
    assert not before & set(plan(stage.store, spec).whole)
    plugins.accept(stage.store, spec)
    assert set(plan(stage.store, spec).whole) == before
    written(stage.folder, MINE.replace('"units": Option("int", 8', '"units": Option("int", 9'), "mine.py")
    with pytest.raises(UsageError, match=r"mine\.py declares something else than when mine was planned"):
        plugins.accept(stage.store, load_spec(stage.file))


def test_a_recorded_sweep_runs_its_copies(stage: Stage, call: Call) -> None:
    for pack in stage.store.roster.live:
        stage.finish(pack)
    for name in ("mine.yaml", "mine.py"):
        (stage.folder / name).unlink()
    begin_anew()
    code, out, err = call("run", "mine@2", "--no-mlflow")
    assert (code, err) == (0, "")
    assert out.endswith("mine: 2 of 2 trials done\n")
    begin_anew()
    code, out, err = call("export", "mine@2", "-w", "model=one units=8", "-o", "mine.csv")
    assert (code, out, err) == (0, "2 trials in mine.csv\n", "")
