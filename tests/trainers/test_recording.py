"""A step that is recorded once and then repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from sweeps.words.choice import Choice
from sweeps.words.optimizers import OPTIMIZERS
from tests.trainers.factory import blobs, trial
from tests.trainers.test_descent import ON_VECTORS
from tests.trainers.trials import activation, method, model
from trainers.compiling.recording import Recording, Repeated, Unrecordable
from trainers.normalizers.identity import Identity
from trainers.pack import PackTrainer
from trainers.seeding import Streams

DATA = blobs()


def agree(*, epochs: int = 4, **settings: Any) -> None:
    """The rows and every bit of the state are those of steps that are called as they are."""
    trials = [trial(DATA, epochs=epochs, seed=s, lr=lr, **settings) for s, lr in ((0, 0.02), (1, 0.01), (2, 0.01))]
    ours, theirs = PackTrainer(trials, DATA), PackTrainer(trials, DATA)
    assert ours._repeated is not None
    theirs._repeated = None
    for trainer in (ours, theirs):
        trainer.advance(600.0)
    assert ours._repeated._replay is not None, "it was recorded"
    assert repr(ours.rows()) == repr(theirs.rows())
    state = ours.state_dict()
    for part in ("network", "optimizer", "average"):
        for name, tensor in theirs.state_dict()[part].items():
            assert torch.equal(state[part][name], tensor), f"{part}: {name}"


@pytest.mark.parametrize("name", ON_VECTORS)
def test_the_same_bits_for_every_method(name: str) -> None:
    options = {"groups": 4} if name in ("gn", "evonorm-s0") else {}
    if name == "bn-noise":  # makes tensors of numbers
        trainer = PackTrainer([trial(DATA, normalizer=method(name))], DATA)
        trainer.advance(600.0)
        assert trainer._repeated is not None
        assert "lift_fresh" in trainer._repeated.reason
        return
    agree(normalizer=method(name, **options), dropout=0.2)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_the_same_bits_for_every_optimizer(name: str) -> None:
    options = {option: spec.default for option, spec in OPTIMIZERS[name].options.items()}
    agree(
        optimizer=Choice.of(name, options), momentum=0.9 if "momentum" in OPTIMIZERS[name].takes else 0.0,
        weight_decay=1e-3, clip_norm=1.0, ema=0.9, warmup_steps=5, label_smoothing=0.1,
        schedule=Choice.of("cosine", {"unit": "step"}),
    )  # fmt: skip


@pytest.mark.parametrize("settings", [
    {"model": model("resmlp")},
    {"model": model("transformer"), "normalizer": method("ln")},
    {"activation": activation("prelu")},
    {"activation": activation("selu"), "alpha_dropout": 0.1},
    {"precision": "bfloat16-mixed"},
    {"normalizer": method("brn", ramp=1e-3)},
    {"normalizer": method("bn", statistics="population")},
    {"normalizer": method("cwo", noise_per="sample")},
    {"schedule": Choice.of("step", {"at": (1, 2), "factor": 0.1, "unit": "epoch"})},
])  # fmt: skip
def test_the_same_bits_whatever_the_settings(settings: dict[str, Any]) -> None:
    agree(**settings)


def test_activations_of_several_kinds() -> None:
    kinds = [trial(DATA, seed=s, activation=activation(a)) for s, a in enumerate(("relu", "tanh", "prelu", "elu"))]
    ours, theirs = PackTrainer(kinds, DATA), PackTrainer(kinds, DATA)
    theirs._repeated = None
    for trainer in (ours, theirs):
        trainer.advance(600.0)
    assert repr(ours.rows()) == repr(theirs.rows())


def test_what_is_loaded_is_gone_on_from() -> None:
    """The average of the weights begins anew where the first step has not been taken."""
    trials = [trial(DATA, seed=s, ema=0.9) for s in (0, 1)]
    once, twice = PackTrainer(trials, DATA), PackTrainer(trials, DATA)
    start = PackTrainer(trials, DATA).state_dict()
    twice.advance(600.0, 9)
    twice.load_state_dict(start)
    for trainer in (once, twice):
        trainer.advance(600.0)
    assert repr(once.rows()) == repr(twice.rows())


def test_what_is_not_this_package_s_is_called_as_it_is() -> None:
    class Mine(Identity):
        pass

    trainer = PackTrainer([trial(DATA)], DATA)
    assert trainer._is_ours()
    block = trainer.network.blocks[0]
    block.method = Mine(block.site)
    assert not trainer._is_ours()


def recorded(f: Callable[[Tensor], None], x: Tensor) -> Callable[[list[Tensor]], None]:
    with Recording([x]) as recording:
        f(x)
    return recording.replay()


def test_views_of_what_always_lies_there_and_tensors_of_its_own() -> None:
    state, out = torch.arange(6.0), torch.zeros(3)

    def f(x: Tensor) -> None:
        high, low = (state.view(2, 3) + x).aminmax(dim=0)
        out.copy_(high - low)
        state.mul_(2.0)

    again = recorded(f, torch.ones(3))
    state.copy_(torch.arange(6.0))
    again([torch.zeros(3)])
    assert out.tolist() == [-3.0, -3.0, -3.0]
    assert state.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


@pytest.mark.parametrize(("f", "reason"), [
    (lambda x: x.mul_(x.sum().item()), "_local_scalar_dense"),
    (lambda x: x.add_(torch.rand(3)), "rand"),
    (lambda x: x.add_(torch.tensor([1.0, 2.0, 3.0])), "lift_fresh"),
    (lambda x: x.add_(len(x[x > 0])), "index"),
])  # fmt: skip
def test_what_may_differ_the_next_time_is_no_recording(f: Callable[[Tensor], None], reason: str) -> None:
    with pytest.raises(Unrecordable, match=reason):
        recorded(f, torch.ones(3))


def test_a_step_that_cannot_be_recorded_is_called() -> None:
    seen: list[float] = []
    repeated = Repeated(lambda x, y: seen.append(x.sum().item()), Streams([0]))
    for i in range(6):
        repeated(torch.tensor([float(i)]), torch.zeros(1))
    assert seen == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_random_numbers_are_each_step_s_own() -> None:
    streams, sums = Streams([0, 1]), torch.zeros(2, 4)

    def step(x: Tensor, y: Tensor) -> None:
        sums.add_(streams.uniform("noise", 1, (4,)) * x)

    repeated, expected = Repeated(step, streams), torch.zeros(2, 4)
    for i in range(40):
        streams.at(0, i)
        repeated(torch.ones(1), torch.ones(1))
        expected += _drawn(i)
    assert torch.equal(sums, expected)


def _drawn(step: int) -> Tensor:
    streams = Streams([0, 1])
    streams.at(0, step)
    return streams.uniform("noise", 1, (4,))
