"""Trainings with optimizers, clipping, warm-up, label smoothing and averages: alone, packed, interrupted, compiled."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sweeps.trial import Trial
from sweeps.words.choice import Choice
from sweeps.words.optimizers import OPTIMIZERS
from sweeps.words.vocabulary import NORMALIZERS
from tests.trainers.distributed.cases import case, close, data_of, state
from tests.trainers.factory import blobs, trial
from tests.trainers.test_pack import assert_same, train
from tests.trainers.trials import method
from trainers import checkpoint
from trainers.data.dataset import Dataset
from trainers.pack import PackTrainer

DATA = blobs()
EVERYTHING: dict[str, Any] = {
    "clip_norm": 0.5,
    "warmup": 1.5,
    "label_smoothing": 0.1,
    "ema": 0.9,
    "weight_decay": 1e-2,
    "precision": "float64",
}


def optimizer(name: str, **options: Any) -> Choice:
    return Choice.of(name, {o: spec.default for o, spec in OPTIMIZERS[name].options.items()} | options)


def with_optimizer(name: str, **changes: Any) -> Trial:
    momentum = 0.9 if "momentum" in OPTIMIZERS[name].takes else 0.0
    return trial(DATA, optimizer=optimizer(name), **(EVERYTHING | {"momentum": momentum} | changes))


def mixed(name: str) -> list[Trial]:
    """Replicas that differ in all that may differ, with and without each of these settings."""
    one = with_optimizer(name, normalizer=method("bn"))
    plain = replace(one, clip_norm=0.0, warmup=0.0, label_smoothing=0.0, ema=0.0, weight_decay=0.0, seed=1)
    options = {"betas": (0.8, 0.95), "eps": 1e-6, "rho": 0.9, "trust": 0.01, "rest": 0.5}
    own = optimizer(name, **{o: v for o, v in options.items() if o in OPTIMIZERS[name].options})
    return [one, plain, replace(one, optimizer=own, warmup=0.0, warmup_steps=5, clip_norm=1e-3, ema=0.5, lr=0.01)]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_pack_trains_what_each_alone_does(name: str) -> None:
    together = train(PackTrainer(mixed(name), DATA)).rows()
    for one, packed in zip(mixed(name), together, strict=True):
        (alone,) = train(PackTrainer([one], DATA)).rows()
        assert packed["curve_train_loss"] == pytest.approx(alone["curve_train_loss"], rel=1e-9)
        assert packed["curve_test_error"] == alone["curve_test_error"]
        assert packed["state"] == "done"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_interrupted_anywhere_is_bit_for_bit(name: str, tmp_path: Path) -> None:
    whole = train(PackTrainer(mixed(name), DATA))
    pieces = PackTrainer(mixed(name), DATA)
    while not pieces.finished:
        pieces.advance(60.0, 4)
        pieces.save(tmp_path / "checkpoint")
        pieces = PackTrainer(mixed(name), DATA)
        assert pieces.load(tmp_path / "checkpoint")[1] == ""
    assert_same(pieces, whole)


def test_a_checkpoint_of_before_there_were_optimizers_is_read(tmp_path: Path) -> None:
    """It held the velocities of sgd by parameter, and no average."""
    one = trial(DATA, momentum=0.9)
    whole = train(PackTrainer([one], DATA))
    trainer = PackTrainer([one], DATA)
    trainer.advance(60.0, 5)
    saved = trainer.state_dict()
    del saved["average"]
    assert saved["optimizer"].keys() == dict(trainer.network.named_parameters()).keys()
    checkpoint.save(tmp_path / "old", {"trainer": saved})
    resumed = PackTrainer([one], DATA)
    resumed.load(tmp_path / "old")
    assert_same(train(resumed), whole)


class Plain:
    """One replica of an mlp without a normalizer, by torch's own means: what `EVERYTHING` says with adamw."""

    def __init__(self, trainer: PackTrainer) -> None:
        (one,) = trainer.trials
        self.trainer, self.one = trainer, one
        learned = {n: nn.Parameter(p.detach()[0].clone()) for n, p in trainer.network.named_parameters()}
        self.learned = learned
        groups = [
            {"params": [p], "weight_decay": one.weight_decay if n.endswith("weight") else 0.0}
            for n, p in learned.items()
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=one.lr)
        self.average: dict[str, torch.Tensor] = {}

    def logits(self, x: torch.Tensor, learned: dict[str, Any]) -> torch.Tensor:
        for layer in range(self.one.depth):
            x = nn.functional.elu(x @ learned[f"hidden.{layer}.weight"].T + learned[f"hidden.{layer}.bias"])
        return x @ learned["classifier.weight"].T + learned["classifier.bias"]

    def step(self, number: int, x: torch.Tensor, y: torch.Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.one.lr * min(1.0, (number + 1) / (1.5 * 7))
        self.optimizer.zero_grad()
        logits = self.logits(x, self.learned)
        nn.functional.cross_entropy(logits, y, label_smoothing=self.one.label_smoothing).backward()
        nn.utils.clip_grad_norm_(self.learned.values(), self.one.clip_norm)
        self.optimizer.step()
        for name, p in self.learned.items():
            before = self.average.get(name, p.detach())
            self.average[name] = self.one.ema * before + (1 - self.one.ema) * p.detach()
        return nn.functional.cross_entropy(logits, y).item()


def test_agrees_with_torch_step_by_step() -> None:
    """Losses are plain cross-entropies; what is evaluated is the average."""
    one = with_optimizer("adamw", epochs=3)
    trainer = PackTrainer([one], DATA)
    plain = Plain(trainer)
    batches: list[tuple[torch.Tensor, torch.Tensor]] = []
    samples = trainer._pool.samples

    def watched(where: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = samples(where)
        batches.append((x[0].clone(), y[0].clone()))
        return x, y

    trainer._pool.samples = watched
    losses: list[float] = []
    for number in range(21):
        batches.clear()
        trainer.advance(0.0)
        losses.append(plain.step(number, *batches[0]))
        for name, p in trainer.network.named_parameters():
            torch.testing.assert_close(p[0], plain.learned[name], rtol=1e-10, atol=1e-12)
    (row,) = trainer.rows()
    means = [sum(losses[i : i + 7]) / 7 for i in (0, 7, 14)]
    assert row["curve_train_loss"] == pytest.approx(means, rel=1e-10)
    wrong = errors(plain, DATA, plain.average)
    assert row["curve_test_error"][-1] == wrong
    assert wrong != errors(plain, DATA, plain.learned)


def errors(plain: Plain, data: Dataset, learned: dict[str, Any]) -> float:
    split = data.split(0)
    mean, std = data.x[split.train].mean(axis=0), data.x[split.train].std(axis=0, ddof=1)
    x = torch.from_numpy((data.x[split.test] - mean) / std).double()
    answers = plain.logits(x, learned).argmax(dim=1).numpy()
    return float((answers != data.y[split.test]).mean())


@pytest.mark.parametrize("name", [*NORMALIZERS, "ws+bn", "popnorm+vcl"])
def test_every_normalizer_trains_with_everything_and_goes_on_bit_for_bit(name: str) -> None:
    model = "resnet20" if name in ("in", "bn") else "mlp"
    one = replace(case(name, model=model, shards=2), optimizer=optimizer("adamw"), momentum=0.0, **EVERYTHING)
    data = data_of(model)
    whole = train(PackTrainer([one], data))
    assert whole.rows()[0]["state"] == "done"
    first = PackTrainer([one], data)
    first.advance(60.0, 3)
    second = PackTrainer([one], data)
    second.load_state_dict(first.state_dict())
    assert_same(train(second), whole)


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["cwo"])
def test_compiled_trains_the_same_to_rounding(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    one = replace(case(name), optimizer=optimizer("rmsprop"), **EVERYTHING)
    data = data_of("mlp")
    close(state(train(PackTrainer([one], data, compile=True))), state(train(PackTrainer([one], data))))


def test_what_is_evaluated_keeps_the_constraint_of_its_method() -> None:
    """cwo's weights have squared norm c; an average of such weights has less."""
    one = replace(case("cwo"), optimizer=optimizer("adam"), momentum=0.0, lr=0.1, **(EVERYTHING | {"warmup": 0.0}))
    trainer = train(PackTrainer([one], data_of("mlp")))
    weight = trainer.network.blocks[0].weight
    average = trainer.state_dict()["average"]["hidden.0.weight"]
    assert average.square().sum(dim=2).max() < 1.999
    with trainer._evaluated():
        torch.testing.assert_close(weight.square().sum(dim=2), torch.full(weight.shape[:2], 2.0, dtype=weight.dtype))
