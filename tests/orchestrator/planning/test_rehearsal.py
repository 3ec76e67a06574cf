"""Models of images are rehearsed at `check`: what only their inner shapes show is found before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.planning.cost import CostModel
from orchestrator.planning.plan import check, commit, facts_once, plan
from orchestrator.store import Store
from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from trainers.models import dry


def sweep(**changes: object) -> SweepSpec:
    trial = {"dataset": "cifar10-sample", "model": "resnet20", "batch_size": 8, "epochs": 1} | changes
    return SweepSpec.from_json({"name": "images", "trial": trial})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "elu-cnn-11", "normalizer": "in"}, ["elu-cnn-11 with in", "one value"]),
        ({"model": "resnet50", "normalizer": "bn", "batch_size": 1}, ["resnet50", "bn"]),
        ({"dataset": "wine"}, ["resnet20", "wine"]),
        ({"augment": {"crop-flip": {"size": 64}}}, ["64"]),
        ({"model": "dgcnn"}, ["dgcnn"]),
        ({"model": {"resnet20": {"depth": 21}}}, ["21"]),
    ],
)
def test_refusals(real_data: Path, changes: dict[str, object], words: list[str]) -> None:
    spec = sweep(**changes)
    facts = facts_once()
    with pytest.raises(ValueError) as raised:
        check(expand(spec, facts), facts)
    sentence = str(raised.value)
    assert len(sentence.splitlines()) == 1
    assert all(word in sentence for word in words), sentence


def test_what_can_be_trained_is_planned_and_costed(real_data: Path, tmp_path: Path) -> None:
    spec = sweep(normalizer=["none", "bn", "gn", "popnorm", "cwo", "normprop"], augment=["none", "fastaa"])
    found = plan(Store.at(tmp_path), spec)
    assert len(found.trials) == 12
    trial = next(iter(found.trials.values()))
    counted = CostModel(Store.at(tmp_path)).of_trials([trial]).flops
    # 40.6 M multiply-accumulates a sample: 6 operations on each of 2,000 trained, 2 on each of 1,000 evaluated.
    assert counted == pytest.approx((6 * 2000 + 2 * 1000) * 40.6e6, rel=0.05)


def test_what_is_recorded_was_rehearsed(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = sweep(normalizer=["none", "bn"])
    found, _ = commit(Store.at(tmp_path), spec)
    rehearsed: list[str] = []
    monkeypatch.setattr(dry, "refusals", lambda trials, facts: rehearsed.extend(t.normalizer.name for t in trials))
    assert plan(Store.at(tmp_path), spec).trials.keys() == found.trials.keys()
    assert rehearsed == []
    plan(Store.at(tmp_path), sweep(normalizer=["none", "bn", "gn"]))
    assert rehearsed == ["gn"]
