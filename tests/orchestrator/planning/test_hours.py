"""What a plan says a sweep will cost, worked out by hand."""

from __future__ import annotations

import json

import pytest

from orchestrator.planning.cost import Timing, Work, core_hours, gpu, gpu_hours, work
from orchestrator.planning.plan import facts_once
from orchestrator.planning.preview import planned
from sweeps.cost import flops
from sweeps.plan import expand, packs
from sweeps.spec import load_spec
from tests.orchestrator.stage import Call, Stage

TODO = [Work(flops=1.8e13, steps=10), Work(flops=3.6e13, steps=9_000_000)]


def test_cores_that_were_never_timed() -> None:
    hours = core_hours(TODO, [])
    assert hours.p50 == pytest.approx(1.0)  # 5.4e13 operations at 15 GFLOP/s are 3,600 s
    assert hours.p90 == pytest.approx(3.0)
    assert "assumed, not measured" in hours.basis


def test_a_trial_on_two_cores_cost_both() -> None:
    timed = [Timing(device="cpu", seconds=1.0, cores=2, flops=1e10)]
    hours = core_hours(TODO, [*timed, Timing(device="NVIDIA H200", seconds=1.0, cores=1, flops=1e15)])
    assert hours.p50 == pytest.approx(2 * 5.4e13 / 1e10 / 3600)
    assert hours.basis == "measured: 1 finished trials of this sweep"


def test_a_gpu_needs_its_time_for_operations_or_for_steps() -> None:
    hours = gpu_hours(TODO, [], gpu("a100"))
    assert hours.p50 == pytest.approx((1.8e13 / (0.25 * 19.5e12) + 9_000_000 * 0.002) / 3600)
    assert "assumed, not measured: 4.88 TFLOP/s" in hours.basis


def test_a_gpu_is_measured_by_its_own_kind_alone() -> None:
    timed = [
        Timing(device=name, seconds=seconds, cores=1, flops=1e13)
        for name, seconds in (("NVIDIA A100-SXM4-80GB", 1.0), ("NVIDIA H200", 50.0), ("cpu", 900.0))
    ]
    assert gpu_hours(TODO, timed, gpu("A100")).p50 == pytest.approx(5.4 / 3600)


def test_what_is_not_known_of_one_pack_is_not_known() -> None:
    todo = [*TODO, Work(flops=None, steps=1)]
    timed = [Timing(device="cpu", seconds=1.0, cores=1, flops=1e10)]
    assert core_hours(todo, []).p50 is core_hours(todo, timed).p90 is gpu_hours(todo, [], gpu("t4")).p50 is None


def test_a_pack_s_work_is_that_of_its_trials() -> None:
    facts = facts_once()
    made = packs(expand(load_spec("demo", ["dataset=wine,titanic"]), facts), facts, 32)
    total = sum(flops(t, facts(t.dataset)) or 0.0 for p in made for t in p.trials)
    assert sum(w.flops or 0.0 for w in work([p.trials for p in made], facts)) == pytest.approx(total)


def test_a_plan_goes_on_from_the_sweep_s_own_times(stage: Stage) -> None:
    """8 of 24 trials are done, 9 s on 2 cores each; a bn trial costs what a vcl trial costs."""
    before = planned(stage.store, load_spec("mine.yaml"), None)
    stage.finish(stage.packs("none")[0])
    after = planned(stage.store, load_spec("mine.yaml", ["run.cpus=4"]), None)
    assert after["flops"] == pytest.approx(before["flops"] * 2 / 3)
    assert after["core_hours_p50"] == after["core_hours_p90"] == pytest.approx(16 * 9 * 2 / 3600)
    assert after["gpu_hours_basis"].startswith("assumed")


def test_which_gpu_is_said_on_the_command_line(stage: Stage, call: Call) -> None:
    answers = [json.loads(call("plan", "mine.yaml", "--json", *words)[1]) for words in ((), ("--device", "T4"))]
    assert [a["gpu"] for a in answers] == ["H200", "T4"]
    code, _, err = call("plan", "mine.yaml", "--device", "h20")
    assert code == 2
    assert "unknown GPU 'h20': did you mean h200" in err
