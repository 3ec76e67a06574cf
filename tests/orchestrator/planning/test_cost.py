"""The one cost model, worked out by hand, and the four who ask it: plan, submit, an allocation's deadline, status."""

from __future__ import annotations

import gc
import json
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.cluster import submit
from orchestrator.cluster.backend import SlurmBackend
from orchestrator.cluster.submissions import Submission
from orchestrator.planning.cost import CAUTION, CostModel, Timing, Work, gpu
from orchestrator.planning.plan import commit, facts_once
from orchestrator.planning.preview import planned
from orchestrator.store import Store
from orchestrator.store.owner import myself
from orchestrator.watch.status import status_of
from slurm.profile import Profile
from sweeps.cost import flops
from sweeps.errors import UsageError
from sweeps.file.spec import SweepSpec, load_spec
from sweeps.plan import expand, packs
from tests.orchestrator.stage import Call, Stage
from trainers.models.cost import macs

SMALL = Work(model="mlp", trials=8, flops=1.8e13, steps=10, epochs=1)
LONG = Work(model="mlp", trials=8, flops=3.6e13, steps=9_000_000, epochs=1)
UNKNOWN = Work(model="mlp", trials=8, flops=None, steps=1, epochs=1)

Timed = Callable[..., CostModel]


@pytest.fixture
def timed(tmp_path: Path) -> Timed:
    """A model that finished packs of mlps have taught: device, seconds of a trial, cores, operations of a trial."""

    def model(*timings: tuple[str, float, int, float | None]) -> CostModel:
        costs = CostModel(Store.at(tmp_path / "out"))
        named = [Timing(device=d, seconds=s, cores=c, flops=f) for d, s, c, f in timings]
        vars(costs)["_timings"] = {"mlp": named}
        return costs

    return model


def test_cores_that_were_never_timed(timed: Timed) -> None:
    costs = timed()
    assert costs.core_seconds(SMALL) == pytest.approx(1200.0)  # 1.8e13 operations at 15 GFLOP/s
    assert costs.core_seconds(SMALL, 9) == pytest.approx(3600.0)
    assert costs.cpu_basis(["mlp"]) == "assumed, not measured: 15 GFLOP/s a core; p90 3 times that"


def test_a_pack_on_two_cores_cost_both(timed: Timed) -> None:
    costs = timed(("cpu", 1.0, 2, 1e10), ("NVIDIA H200", 1.0, 1, 1e15))
    assert costs.core_seconds(SMALL) == pytest.approx(2 * 1.8e13 / 1e10)
    assert costs.cpu_basis(["mlp"]) == "measured on finished packs: 1 of mlp"
    run = replace(load_spec("demo").run, cpus=4)
    assert costs.seconds(SMALL, run) == pytest.approx(2 * 1.8e13 / 1e10 / 4)


def test_median_and_ninth_decile(timed: Timed) -> None:
    costs = timed(*(("cpu", float(n), 1, 1e10) for n in range(10)))
    assert costs.core_seconds(replace(SMALL, flops=1e10)) == pytest.approx(5.0)
    assert costs.core_seconds(replace(SMALL, flops=1e10), 9) == pytest.approx(9.0)


def test_another_model_is_not_measured_by_an_mlp(timed: Timed) -> None:
    costs = timed(("cpu", 1.0, 1, 1e9))
    assert costs.core_seconds(replace(SMALL, model="resnet20")) == pytest.approx(1200.0)
    assert costs.cpu_basis(["mlp", "resnet20"]) == (
        "measured on finished packs: 1 of mlp; assumed, not measured for resnet20: 15 GFLOP/s a core; p90 3 times that"
    )


def test_a_gpu_needs_its_time_for_operations_or_for_steps(timed: Timed) -> None:
    costs = timed()
    assert costs.gpu_seconds(SMALL, gpu("a100")) == pytest.approx(1.8e13 / (0.25 * 19.5e12))
    assert costs.gpu_seconds(LONG, gpu("a100")) == pytest.approx(9_000_000 * 0.002)
    assert "assumed, not measured: 4.88 TFLOP/s" in costs.gpu_basis(["mlp"], gpu("a100"))


def test_a_gpu_is_measured_by_its_own_kind_alone(timed: Timed) -> None:
    costs = timed(
        ("2 x NVIDIA A100-SXM4-80GB", 1.0, 1, 1e13), ("NVIDIA H200", 50.0, 1, 1e13), ("2 x cpu", 900.0, 1, 1e13)
    )
    assert costs.gpu_seconds(SMALL, gpu("A100")) == pytest.approx(2 * 1.8)
    assert costs.core_seconds(SMALL) == pytest.approx(900 * 1.8)


def test_what_is_not_known_is_the_mean_trial_s_or_nothing(timed: Timed) -> None:
    assert timed().core_seconds(UNKNOWN) is timed().gpu_seconds(UNKNOWN, gpu("t4")) is None
    assert timed(("cpu", 3.0, 2, None)).core_seconds(UNKNOWN) == pytest.approx(8 * 6.0)


def test_a_pack_s_work_is_that_of_its_trials(tmp_path: Path) -> None:
    facts = facts_once()
    made = packs(expand(load_spec("demo", ["dataset=wine,titanic"]), facts), facts, 32)
    total = sum(flops(t, facts(t.dataset)) or 0.0 for p in made for t in p.trials)
    costs = CostModel(Store.at(tmp_path))
    assert sum(costs.of_trials(p.trials).flops or 0.0 for p in made) == pytest.approx(total)


def test_a_plan_goes_on_from_the_workspace_s_own_times(stage: Stage) -> None:
    """8 of 24 trials are done, 9 s on 2 cores each; a bn trial costs what a vcl trial costs."""
    before = planned(Store(stage.workspace), load_spec("mine.yaml"), None)
    stage.finish(stage.packs("none")[0])
    after = planned(Store(stage.workspace), load_spec("mine.yaml", ["run.cpus=4"]), None)
    assert after["flops"] == pytest.approx(before["flops"] * 2 / 3)
    assert after["core_hours_p50"] == after["core_hours_p90"] == pytest.approx(16 * 9 * 2 / 3600)
    assert after["gpu_hours_basis"].startswith("assumed")


def test_which_gpu_is_said_on_the_command_line(stage: Stage, call: Call) -> None:
    answers = [json.loads(call("plan", "mine.yaml", "--json", *words)[1]) for words in ((), ("--device", "T4"))]
    assert [a["gpu"] for a in answers] == ["H200", "T4"]
    code, _, err = call("plan", "mine.yaml", "--device", "h20")
    assert code == 2
    assert "unknown GPU 'h20': did you mean h200" in err


MLP = "dataset: waveform-generated, depth: 2, width: 64, normalizer: bn, epochs: 50, seed: 0..3"
RESNET = (
    "dataset: shapes-generated, model: resnet20, normalizer: bn, batch_size: 128, epochs: 200, seed: 0..3, "
    "augment: pad-crop-flip"
)


def one_pack(folder: Path, trial: str) -> SweepSpec:
    file = folder / "one.yaml"
    file.write_text(f"name: one\ntrial: {{{trial}}}\nrun: {{cpus: 2, pack: 4}}\n")
    return load_spec(str(file))


@pytest.mark.parametrize("trial", [MLP, RESNET], ids=["mlp", "resnet20"])
def test_all_who_ask_are_told_the_same(trial: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sweep of one pack: core-seconds of plan and status, seconds on two cores of submit and the deadline."""
    spec, store = one_pack(tmp_path, trial), Store.at(tmp_path / "out")
    commit(store, spec)
    [pack] = store.roster.live
    first, facts = pack.trials[0], facts_once()
    by_hand = 4 * (flops(first, facts(first.dataset), macs) or 0.0) / 15e9

    planned_seconds = 3600 * planned(store, spec, None)["core_hours_p50"]
    [status] = status_of(store)
    submission = Submission(
        number=1, name="n", sweep="one", count=1, nodes=1, cpus=2, gpus=0, usable_seconds=1e9, kept_seconds=0.0,
        owner=myself(),
    )  # fmt: skip
    environment = {
        "NORMSWEEP_JOB": "1.0", "RAY_ADDRESS": "127.0.0.1:1", "NORMSWEEP_DEADLINE": str(time.monotonic() + 1e9)
    }  # fmt: skip
    deadline = SlurmBackend(store, submission, environment, spread=False).seconds(pack)

    assert planned_seconds == pytest.approx(by_hand)
    assert status.spend.core_hours_left is not None
    assert 3600 * status.spend.core_hours_left == pytest.approx(by_hand)
    assert status.spend.seconds_left == pytest.approx(by_hand / 2)
    assert deadline == pytest.approx(CAUTION * by_hand / 2)

    monkeypatch.setattr(submit, "problems", lambda profile, nodes: [])
    minutes = int(CAUTION * by_hand / 2 / 60)
    profile = Profile(partition="p", minutes=minutes + 2, cpus=2, signal_seconds=89)
    told = f"the longest pack of sweep one may need {CAUTION * by_hand / 2 / 60:.0f} minutes"
    with pytest.raises(UsageError, match=told):
        submit.submit_sweep(store, spec, profile, 1, 1, print)


def test_a_model_goes_when_nobody_needs_it(timed: Timed) -> None:
    """`status --watch` makes one again and again."""
    costs = timed(("cpu", 1.0, 1, 1e10))
    costs.core_seconds(SMALL)
    gone = weakref.ref(costs)
    del costs
    gc.collect()
    assert gone() is None
