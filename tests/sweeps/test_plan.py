from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.cost import flops, steps, steps_per_epoch
from sweeps.file.spec import load_spec
from sweeps.identity import pack_id
from sweeps.plan import Pack, expand, packs, plan_hash, shape_key
from sweeps.roster import service
from sweeps.select import Selector
from sweeps.words.rules import problems
from tests.sweeps.sets import facts, sweep, trials


def test_absent_data_sets_are_all_named_and_may_be_left_out() -> None:
    spec = sweep(dataset=["some", "absent"], seed=[0, 1])
    with pytest.raises(ValueError, match="absent is not here: run `normsweep data fetch absent`"):
        expand(spec, facts)
    assert len(expand(spec, facts, Selector.parse("dataset!=absent"))) == 2


def test_a_pack_shares_shapes_and_varies_values() -> None:
    varied = {
        "seed": [0, 1],
        "split": [0, 1],
        "activation": ["relu", {"elu": {"alpha": 0.5}}],
        "lr": [0.1, 0.2],
        "dropout": [0, 0.5],
        "schedule": ["constant", {"step": {"at": [5]}}],
        "normalizer": {"vcl": {"n": [2, 5], "weight": [0.1, 0.2]}},
        "init": ["he", "lecun"],
        "momentum": [0, 0.9],
        "weight_decay": [0, 1e-4],
    }
    made = trials(**varied)
    assert len(packs(made, facts, len(made))) == 1
    for apart in (
        {"dataset": ["some", "other"]},
        {"split": [0, 2]},
        {"depth": [2, 4]},
        {"width": [8, 16]},
        {"batch_size": [10, 20]},
        {"normalizer": ["none", "bn"]},
        {"epochs": [5, 6]},
        {"precision": ["float32", "float64"]},
    ):
        made = trials(**apart)
        assert len({shape_key(trial, facts) for trial in made}) == 2, apart
        assert len(packs(made, facts, 32)) == 2, apart


def test_packs_are_equal_in_size_and_hold_each_trial_once() -> None:
    made = trials(seed="0..9", activation=["relu", "elu", "selu"], normalizer=["none", "bn"])
    planned = packs(made, facts, 8)
    assert sorted(len(pack.trials) for pack in planned) == [7, 7, 7, 7, 8, 8, 8, 8]
    assert sorted(t.id for pack in planned for t in pack.trials) == sorted(t.id for t in made)
    seeds = sorted(tuple(t.seed for t in pack.trials) for pack in packs(made, facts, 15))
    assert (
        seeds
        == [(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4)] * 2 + [(5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9)] * 2
    )


def test_the_order_is_deterministic_completes_blocks_early_and_favours_no_method() -> None:
    spec = sweep(dataset=[f"set{i}" for i in range(20)], normalizer=["none", "bn", "vcl"], seed="0..3")
    planned = packs(expand(spec, facts), facts, 2)
    assert planned == packs(expand(spec, facts), facts, 2)
    blocks = [(min(t.seed for t in pack.trials), pack.trials[0].dataset) for pack in planned]
    assert blocks == [(seed, f"set{i}") for seed in (0, 2) for i in range(20) for _ in range(3)]
    first = [pack.trials[0].normalizer.name for pack in planned[::3]]
    assert all(5 < first.count(method) < 22 for method in ("none", "bn", "vcl"))


def test_a_pack_is_named_by_its_members() -> None:
    (pack,) = packs(trials(seed="0..4"), facts, 32)
    assert pack.id == pack_id(reversed(pack.trial_ids)) == Pack(tuple(reversed(pack.trials))).id
    assert len({pack.id, Pack(pack.trials[:3]).id, Pack(pack.trials[3:]).id}) == 3


def test_an_extended_sweep_keeps_its_packs_and_adds_what_none_holds() -> None:
    old = packs(trials(seed="0..3", normalizer=["none", "bn"]), facts, 4)
    recorded = {pack.id: pack.trial_ids for pack in old}
    wanted = trials(seed="0..5", normalizer=["none", "bn"])
    ids = {trial.id: trial for trial in wanted}
    served = service(recorded, (), ids)
    assert served.packs == [pack.id for pack in old]
    new = packs([ids[i] for i in served.unheld], facts, 4)
    assert [sorted(t.seed for t in pack.trials) for pack in new] == [[4, 5], [4, 5]]
    recorded |= {pack.id: pack.trial_ids for pack in new}
    assert service(recorded, (), ids) == (list(recorded), [])


def test_halves_serve_in_place_of_their_parent() -> None:
    (parent,) = packs(trials(seed="0..3"), facts, 4)
    first, second = Pack(parent.trials[:2]), Pack(parent.trials[2:])
    recorded = {pack.id: pack.trial_ids for pack in (parent, first, second)}
    assert service(recorded, (parent.id,), parent.trial_ids) == ([first.id, second.id], [])
    assert service(recorded, (parent.id,), second.trial_ids[:1]) == ([second.id], [])
    assert service(recorded, (parent.id,), ["another"]) == ([], ["another"])


def test_a_trial_in_two_packs_is_served_by_the_older() -> None:
    assert service({"p": ["a", "b"], "q": ["b", "c"]}, (), ["b"]) == (["p"], [])
    assert service({"p": ["a", "b"], "q": ["b", "c"]}, (), ["b", "c"]) == (["p", "q"], [])


def test_the_plan_hash_is_of_what_is_trained() -> None:
    made = trials(seed="0..3")
    assert plan_hash(made) == plan_hash(reversed(made)) != plan_hash(made[1:])


def test_steps() -> None:
    (trial,) = trials(batch_size=30, epochs=7)
    assert (steps_per_epoch(trial, facts("some")), steps(trial, facts("some"))) == (3, 21)
    (trial,) = trials(batch_size=30, epochs=7, steps_per_epoch=2)
    assert (steps_per_epoch(trial, facts("some")), steps(trial, facts("some"))) == (2, 14)
    (trial,) = trials(batch_size=30, epochs=7, steps=5)
    assert steps(trial, facts("some")) == 5


def test_flops_of_an_mlp_by_hand() -> None:
    """5 inputs, two hidden layers of 8, 3 classes: M = 40 + 64 + 24 = 128, M1 = 40; 100 // 20 = 5 steps an epoch."""
    made = trials(depth=2, width=8, epochs=3, batch_size=20, seed=[0, 1])
    training, evaluation = 15 * 20 * (6 * 128 - 2 * 40), 3 * 80 * 2 * 128
    assert [flops(trial, facts("some")) for trial in made] == [training + evaluation] * 2


def test_ten_thousand_trials_are_planned_without_one_doubled() -> None:
    spec = load_spec("demo", ["seed=0..138"])
    made = expand(spec, facts)
    planned = packs(made, facts, 32)
    assert problems(made, facts) == []
    assert len(plan_hash(made)) == 64
    assert len({pack.id for pack in planned}) == len(planned)
    assert len({trial.id for trial in made}) == len(made) == 10_008
    assert sum(len(pack.trials) for pack in planned) == len(made)


def test_planning_imports_nothing_heavy() -> None:
    code = (
        "import sys; import sweeps.file.spec, sweeps.plan, sweeps.words.rules, sweeps.cost;"
        "sweeps.file.spec.load_spec('uci44');"
        "print(*({'torch', 'ray', 'mlflow', 'pandas', 'numpy'} & sys.modules.keys()))"
    )
    heavy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert heavy.split() == []


def test_the_demo_is_small_and_whole() -> None:
    made = expand(load_spec("demo"), facts)
    assert 100 <= len(made) <= 300
    names = {(t.normalizer.name, t.activation.name) for t in made}
    assert names == {(n, a) for n in ("none", "bn", "vcl") for a in ("relu", "elu", "selu")}
    assert all((t.dropout, t.alpha_dropout) == ((0, 0.05) if t.activation.name == "selu" else (0.5, 0)) for t in made)
    assert problems(made, facts) == []


def test_uci44_is_the_paper_s_table_5(request: pytest.FixtureRequest) -> None:
    path = Path(request.config.rootpath) / "analysis" / "published.csv"
    with path.open() as file:
        published = {row["dataset"] for row in csv.DictReader(file) if (row["paper"], row["table"]) == ("vcl", "5")}
    made = expand(load_spec("uci44"), facts)
    assert {t.dataset for t in made} == published
    assert len(published) == 44
    some = [t for t in made if t.dataset != "miniboone"]
    assert len(some) == 4644
    assert [len(pack.trials) for pack in packs(some, facts, 32)] == [12] * 387
    smoke = expand(load_spec("uci44-smoke"), facts)
    assert {t.dataset for t in smoke} == published - {"miniboone"}
    assert len(smoke) == 43 * 9
