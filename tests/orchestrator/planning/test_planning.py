from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.planning.plan import commit, plan
from orchestrator.store import Store
from orchestrator.store.roster import Roster
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.file.spec import SweepSpec, load_spec
from sweeps.select import Selector
from trainers import data

FILE = """
name: small
trial:
  dataset: [wine, titanic]
  depth: [1, 2]
  normalizer: [none, bn]
  batch_size: 8
  epochs: 2
  seed: 0..2
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path / "out")


def spec(tmp_path: Path, text: str = FILE) -> SweepSpec:
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return load_spec(str(path))


def test_planning_writes_nothing_and_committing_is_repeatable(tmp_path: Path, workspace: Workspace) -> None:
    found = plan(Store(workspace), spec(tmp_path))
    assert len(found.trials) == 24
    assert len(found.new) == 8
    assert not workspace.root.exists()

    store = Store(workspace)
    first, told = commit(store, spec(tmp_path))
    assert told == []
    assert (len(first.serving), first.new) == (8, [])
    assert store.roster.entries == 1
    store = Store(workspace)
    again, told = commit(store, spec(tmp_path))
    assert told == []
    assert store.roster.entries == 1
    assert again.hash == first.hash


def test_an_extended_sweep_keeps_its_packs_and_says_what_changed(tmp_path: Path, workspace: Workspace) -> None:
    before, _ = commit(Store(workspace), spec(tmp_path))
    store = Store(workspace)
    after, told = commit(store, spec(tmp_path, FILE.replace("0..2", "0..3").replace("[1, 2]", "[1]")))
    assert "seed: adds 3" in told
    assert "depth: [1, 2] becomes 1" in told or "depth: drops 2" in told
    assert told[-1] == ("4 trials are new, 12 are kept, 12 are left out: `normsweep status small@1` shows what was")
    assert store.roster.entries == 2
    kept = {p.id for p in before.serving} & {p.id for p in after.serving}
    assert len(kept) == 4
    version = store.sweeps.newest("small")
    assert version is not None
    assert len(version.trials) == 16


def test_two_planners_at_once_lose_nothing(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another planner appends between our reading and our appending: we read again, and plan only what is left."""
    ours, theirs = spec(tmp_path), spec(tmp_path, FILE.replace("[none, bn]", "[none]"))
    append, raced = Roster.append, []

    def late(roster: Roster, *arguments: object, **named: object) -> bool:
        if not raced:
            raced.append(True)
            commit(Store(workspace), theirs)
        return append(roster, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Roster, "append", late)
    store = Store(workspace)
    planned, _ = commit(store, ours)
    held = [t for p in store.roster.live for t in p.trial_ids]
    assert sorted(held) == sorted(planned.trials)
    assert store.roster.entries == 2


def test_a_selection_plans_its_trials_only(tmp_path: Path, workspace: Workspace) -> None:
    found = plan(Store(workspace), spec(tmp_path), Selector.parse("dataset=wine depth>1"))
    assert {(t.dataset, t.depth) for t in found.trials.values()} == {("wine", 2)}
    with pytest.raises(ValueError, match="no trial is left by the selector"):
        plan(Store(workspace), spec(tmp_path), Selector.parse("depth=7"))


def test_a_split_pack_is_replaced_by_its_halves(tmp_path: Path, workspace: Workspace) -> None:
    from orchestrator.engine.driver import split

    store = Store(workspace)
    planned, _ = commit(store, spec(tmp_path))
    parent = planned.serving[0]
    split(Store(workspace), parent)
    store.roster.read()
    halves = [p for p in store.roster.live if set(p.trial_ids) < set(parent.trial_ids)]
    assert parent.id in store.roster.replaced
    assert sorted(t for p in halves for t in p.trial_ids) == sorted(parent.trial_ids)
    again, told = commit(Store(workspace), spec(tmp_path))
    assert told == []
    assert sorted(t for p in again.serving for t in p.trial_ids) == sorted(planned.trials)


def test_a_roster_of_another_schema_is_refused(workspace: Workspace) -> None:
    workspace.roster.mkdir(parents=True)
    (workspace.roster / "000001.json").write_text(json.dumps({"schema": 99, "packs": [], "replaces": []}))
    with pytest.raises(ValueError, match="is of schema 99"):
        assert Store(workspace).roster


def test_a_data_set_that_is_damaged_hinders_no_run_that_leaves_it_out(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = data.facts

    def damaged(name: str) -> DatasetFacts:
        if name == "titanic":
            raise UsageError("the file of titanic was altered")
        return facts(name)

    monkeypatch.setattr(data, "facts", damaged)
    found = plan(Store(workspace), spec(tmp_path), Selector.parse("dataset=wine"))
    assert {trial.dataset for trial in found.trials.values()} == {"wine"}
    for where in (None, Selector.parse("dataset=titanic")):
        with pytest.raises(UsageError, match="the file of titanic was altered"):
            plan(Store(workspace), spec(tmp_path), where)
