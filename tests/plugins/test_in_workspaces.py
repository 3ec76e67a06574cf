"""Plug-ins in a workspace: copied when a sweep is planned, run from the copy alone, edits accepted or not."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cluster import submit
from orchestrator.engine import remote
from orchestrator.engine.remote import PackJob
from orchestrator.planning import plugins
from orchestrator.planning.plan import plan
from orchestrator.planning.preview import checked, planned
from orchestrator.store import Store
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.roster import RosterPack
from orchestrator.watch import why
from slurm.profile import Profile
from sweeps import SweepSpec, UsageError, load_spec
from sweeps.plugins.loading import load
from sweeps.words.vocabulary import NORMALIZERS
from tests.orchestrator.stage import Call, Stage
from tests.plugins.files import RMS, forgotten, written

FILE = """
name: mine
plugins: [rms.py]
trial:
  dataset: wine
  depth: 1
  normalizer: [bn, my-rms]
  epochs: 1
  steps: 2
  seed: 0..1
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    written(tmp_path)
    made = Stage(tmp_path)
    made.commit(FILE)
    return made


def edit(stage: Stage, old: str = "import torch\n", new: str = "import torch  # quick\n") -> SweepSpec:
    assert old in RMS
    written(stage.folder, RMS.replace(old, new, 1))
    return load_spec(stage.file)


def begun(stage: Stage, pack: RosterPack) -> PackJob:
    """As a worker that has just started begins to train it."""
    lease = stage.store.leases.take(pack.id, myself(), Liveness(stage.workspace))
    assert lease is not None
    with forgotten():
        load.cache_clear()
        return PackJob(stage.task(pack, lease.generation))


def begin_anew() -> None:
    """As in a process that has read no plug-in."""
    load.cache_clear()
    with forgotten():
        pass


def copy(stage: Stage) -> Path:
    (found,) = stage.workspace.plugins.iterdir()
    return found


def test_a_training_runs_the_planned_version_though_the_file_was_edited(stage: Stage) -> None:
    (pack,) = stage.packs("my-rms")
    assert copy(stage).read_text() == RMS
    assert copy(stage).stat().st_mode & 0o777 == 0o644
    written(stage.folder, "raise ValueError('half written')\n")
    begun(stage, pack).work(60.0)
    rows, _ = stage.store.ledger.read([pack.id], ["state", "train_loss"])
    assert rows["state"].to_pylist() == ["done", "done"]


def test_after_an_edit_the_copies_of_both_versions_are_run(stage: Stage) -> None:
    """In one process, as Ray's workers train pack after pack."""
    spec = edit(stage, "* u / square", "* 2.0 * u / square")
    stage.commit(FILE)
    old, new = stage.packs("my-rms")
    assert old.trials[0].normalizer.plugin != new.trials[0].normalizer.plugin == spec.plugins[0].digest
    losses: list[list[float]] = []
    for pack in (old, new, old):
        lease = stage.store.leases.take(pack.id, myself(), Liveness(stage.workspace))
        job = PackJob(stage.task(pack, lease.generation if lease else 1))
        job.trainer.advance(60.0)
        losses.append([float(str(row["train_loss"])) for row in job.trainer.rows()])
    assert losses[0] == losses[2] != losses[1]


def lose(path: Path) -> None:
    path.unlink()


def spoil_text(path: Path) -> None:
    path.write_text(RMS + "import os\n")


def open_to_all(path: Path) -> None:
    path.chmod(0o666)


def open_to_group(path: Path) -> None:
    path.chmod(0o664)


def link(path: Path) -> None:
    path.rename(path.with_suffix(".other"))
    path.symlink_to(path.with_suffix(".other"))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lose, r"cannot be read here \(No such file or directory\): run the sweep again"),
        (spoil_text, "is not run: it is not what was planned"),
        (open_to_all, "is not run: it is not yours alone to write"),
        (open_to_group, "is not run: it is not yours alone to write"),
        (link, r"cannot be read here \(Too many levels of symbolic links\)"),
    ],
)
def test_a_copy_that_is_not_the_planned_one_is_not_run(
    stage: Stage, spoil: Callable[[Path], None], sentence: str
) -> None:
    (pack,) = stage.packs("my-rms")
    spoil(copy(stage))
    with pytest.raises(UsageError, match=sentence) as told:
        begun(stage, pack)
    assert "\n" not in str(told.value)
    assert remote._kind(told.value) == "lost_copy"
    other = stage.packs("bn")[-1]
    begun(stage, other)


@pytest.mark.parametrize("spoil", [spoil_text, open_to_all, link])
def test_a_sweep_with_such_a_copy_trains_nothing(stage: Stage, call: Call, spoil: Callable[[Path], None]) -> None:
    spoil(copy(stage))
    code, out, err = call("run", "mine.yaml", "--no-mlflow")
    assert (code, out) == (2, "")
    assert err.startswith(f"normsweep: {stage.workspace.plugins}/")
    assert err.count("\n") == 1
    assert not stage.workspace.failures.exists()


def test_a_node_that_lacks_what_a_plugin_imports_is_at_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    (pack,) = stage.packs("my-rms")
    begin_anew()
    monkeypatch.setitem(sys.modules, "sweeps", None)
    with pytest.raises(UsageError, match="it raises ModuleNotFoundError") as told:
        begun(stage, pack)
    assert remote._kind(told.value) == "lost_copy"


def test_a_lost_copy_comes_back_from_the_file_as_it_was(stage: Stage) -> None:
    """After an edit that was accepted."""
    plugins.accept(stage.store, edit(stage))
    copy(stage).unlink()
    with pytest.raises(UsageError, match="run the sweep again with the file as it was then"):
        stage.commit(FILE)
    written(stage.folder)
    stage.commit(FILE)
    assert copy(stage).read_text() == RMS


def test_a_copy_of_another_owner_is_not_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UsageError, match="is not run: it is not yours alone to write"):
        begun(stage, stage.packs("my-rms")[0])


def test_a_lost_copy_comes_back_when_the_sweep_is_planned_again(stage: Stage) -> None:
    copy(stage).unlink()
    stage.commit(FILE)
    assert copy(stage).read_text() == RMS


def test_a_harmless_edit_is_accepted_by_a_decision(stage: Stage) -> None:
    before = set(stage.store.sweeps.needed("mine").trials)
    spec = edit(stage)
    (told,) = plugins.edits(stage.store, spec)
    assert told.startswith("rms.py was edited since mine was planned (")
    assert told in planned(stage.store, spec, None)["warnings"]
    assert set(plan(stage.store, spec).whole) - before
    (told,) = plugins.accept(stage.store, spec)
    assert "counts as" in told
    assert plugins.edits(stage.store, spec) == plugins.accept(stage.store, spec) == []
    assert set(plan(stage.store, spec).whole) == before
    stage.commit(FILE)
    assert len(stage.store.sweeps.versions("mine")) == 2  # of `Stage`, and of this test
    assert copy(stage).read_text() == RMS


def test_an_edit_is_accepted_once_the_sweep_is_planned(stage: Stage, call: Call) -> None:
    edit(stage)
    code, _, err = call("run", "mine.yaml", "--no-mlflow", "--same-results", "-w", "seed=9")
    assert (code, "no trial is left" in err) == (2, True)
    assert plugins.edits(stage.store, load_spec(stage.file))
    for pack in stage.store.roster.live:
        stage.finish(pack)
    code, out, err = call("run", "mine.yaml", "--no-mlflow", "--same-results")
    assert (code, err) == (0, "")
    assert "counts as" in out
    assert out.endswith("mine: 4 of 4 trials done\n")
    assert plugins.edits(stage.store, load_spec(stage.file)) == []


def test_submit_accepts_an_edit_as_well(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "problems", lambda profile, nodes: [])
    for pack in stage.store.roster.live:
        stage.finish(pack)
    spec, told = edit(stage), list[str]()
    profile = Profile(partition="p", minutes=60, cpus=2, signal_seconds=89)
    assert submit.submit_sweep(stage.store, spec, profile, 1, 1, told.append, same_results=True) == []
    assert ("counts as" in told[0], told[1]) == (True, "mine: all 4 trials are done")
    assert plugins.edits(stage.store, spec) == []


def test_versions_that_differ_are_not_joined(stage: Stage) -> None:
    edit(stage, "* u / square", "* 2.0 * u / square")
    stage.commit(FILE)
    begin_anew()
    spec = stage.store.sweeps.one("mine@2")
    assert plugins.accept(stage.store, spec) == plugins.edits(stage.store, spec) == []
    assert plan(stage.store, spec).whole == stage.store.sweeps.needed("mine@2").trials


def test_an_edit_of_what_is_declared_is_not_accepted(stage: Stage) -> None:
    spec = edit(stage, "1e-5, low", "1e-3, low")
    with pytest.raises(UsageError, match=r"rms\.py declares something else than when mine was planned"):
        plugins.accept(stage.store, spec)


def test_verbs_that_read_know_the_names_without_running_anything(stage: Stage) -> None:
    with forgotten():
        pass
    assert "my-rms" not in NORMALIZERS
    store = Store(stage.workspace)
    store.sweeps.declare()
    assert not NORMALIZERS["my-rms"].implementation
    (pack,) = stage.packs("my-rms")
    answer = why.why(store, pack.trial_ids[0])
    digest = pack.trials[0].normalizer.plugin
    assert f"plug-in: {digest}, of which {copy(stage)} is the copy that is run" in answer["notes"]
    assert f"my-rms (eps=1e-05, plug-in {digest[:16]})" in why.lines(answer)


@pytest.mark.parametrize("name", ["mine", "mine@2", "mine@3"])
def test_a_recorded_sweep_runs_its_copies(stage: Stage, call: Call, name: str) -> None:
    edit(stage)
    stage.commit(FILE)
    for pack in stage.store.roster.live:
        stage.finish(pack)
    for path in (stage.file, stage.folder / "rms.py"):
        path.unlink()
    begin_anew()
    code, out, err = call("plan", name, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["trials_done"] == 4
    begin_anew()
    code, out, err = call("run", name, "--no-mlflow")
    assert (code, err) == (0, "")
    assert out.endswith("mine: 4 of 4 trials done\n")


@pytest.mark.parametrize(("where", "trials"), [("normalizer=my-rms", 2), ("eps=1e-5 normalizer=my-rms", 2)])
def test_names_of_a_version_are_known_though_a_later_one_has_no_plugin(
    stage: Stage, call: Call, where: str, trials: int
) -> None:
    for pack in stage.packs("my-rms"):
        stage.finish(pack)
    stage.commit(FILE.replace("plugins: [rms.py]", "").replace(", my-rms", ""))
    begin_anew()
    code, out, err = call("export", "mine@2", "-w", where, "-o", "mine.csv")
    assert (code, out, err) == (0, f"{trials} trials in mine.csv\n", "")


def test_the_newest_version_says_what_a_name_means(stage: Stage) -> None:
    edit(stage, "root mean square normalization", "another one")
    stage.commit(FILE)
    stage.commit(FILE.replace("plugins: [rms.py]", "").replace(", my-rms", ""))
    begin_anew()
    stage.store.sweeps.declare()
    assert NORMALIZERS["my-rms"].summary == "another one"


def test_a_method_that_exits_is_told_at_check(stage: Stage) -> None:
    spec = edit(stage, "        super().__init__()\n", "        super().__init__()\n        raise SystemExit(3)\n")
    with pytest.raises(UsageError, match=r"mlp with my-rms on wine: it raises SystemExit in .*rms\.py:\d+: 3"):
        checked(spec, None)


def test_what_a_method_raises_is_told_at_check(stage: Stage) -> None:
    spec = edit(stage, "        square = u", "        square = u + torch.ones(3)  # on the CPU\n        square = u")
    with pytest.raises(UsageError, match=r"mlp with my-rms on wine: it raises RuntimeError in .*rms\.py:\d+: "):
        checked(spec, None)
