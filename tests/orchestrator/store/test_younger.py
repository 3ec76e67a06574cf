"""Settings that trials of before do not have: packs, columns and names of runs see their defaults."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from analysis.frame import with_fields
from orchestrator.mirror.run_data import params
from orchestrator.mirror.synchronization import RecordedSweep
from orchestrator.store import Store
from orchestrator.store.parts import axes
from orchestrator.store.roster import RosterPack
from orchestrator.store.sweeps import SweepVersion
from orchestrator.watch.why import differences
from sweeps.trial import Trial
from sweeps.words.choice import Choice
from tests.orchestrator.mlflow.ledgers import BASE

ADAM = Choice.of("adam", {"betas": (0.9, 0.999), "eps": 1e-8})


def changed(trial: Trial, **fields: object) -> Trial:
    return Trial.from_json({**trial.as_json(), **fields})


def test_a_pack_may_hold_trials_with_and_without_one(tmp_path: Path) -> None:
    pairs = [[BASE, changed(BASE, clip_norm=1.0)], [changed(BASE, clip_norm=1.0, seed=1), changed(BASE, seed=1)]]
    for members in pairs:
        pack = RosterPack.of(members)
        assert "clip_norm" not in pack.common
        assert [trial.id for trial in pack.trials] == [trial.id for trial in members]
        store = Store.at(tmp_path / members[0].id)
        assert store.roster.append([members])
        assert [t.clip_norm for t in store.roster.live[0].trials] == [t.clip_norm for t in members]


def test_tables_and_parameters_name_the_default() -> None:
    rows = [axes("p", trial.id, trial) for trial in (BASE, changed(BASE, optimizer=ADAM.as_json()))]
    assert [params(row)["optimizer"] for row in rows] == ["sgd", "adam(betas=[0.9 0.999], eps=1e-08)"]
    assert params(rows[0])["clip_norm"] == "0.0"
    frame = with_fields(pd.DataFrame({"trial": [row["trial"] for row in rows]}))
    assert frame["optimizer"].tolist() == ["sgd", "adam"]
    frame = with_fields(pd.DataFrame({"trial": [json.dumps(BASE.as_json())]}), ["optimizer", "ema"])
    assert (frame["optimizer"].tolist(), frame["ema"].tolist()) == (["sgd"], ["0.0"])


def test_what_varies_counts_the_default(tmp_path: Path) -> None:
    """Of packs that differ in it, and within one."""
    made = [BASE, changed(BASE, optimizer=ADAM.as_json()), changed(BASE, seed=1), changed(BASE, seed=1, ema=0.9)]
    store = Store.at(tmp_path)
    assert store.roster.append([made[:1], made[1:2], made[2:]])
    version = SweepVersion(name="s", plan="0" * 64, spec={}, trials=[trial.id for trial in made])
    recorded = RecordedSweep(name="s", paths=[], versions=[version], roster=store.roster)
    assert recorded.varied == ["optimizer", "ema", "seed"]


def test_differences_name_it() -> None:
    assert differences(BASE, changed(BASE, ema=0.9)) == ["ema: 0.0, not 0.9"]
