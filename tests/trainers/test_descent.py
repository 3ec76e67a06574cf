"""Steps of plain gradient descent that backward takes itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sweeps.words.vocabulary import NORMALIZERS
from tests.trainers.factory import blobs, trial
from tests.trainers.trials import method
from trainers.layers.descent import Descent, descending, descends
from trainers.layers.linear import linear
from trainers.normalizers.method import Method
from trainers.normalizers.weights.cwo import ConstrainedWeights
from trainers.pack import PackTrainer

DATA = blobs()
COMPOSED = ["ws+bn", "vcl+bn"]


ON_VECTORS = sorted([*(NORMALIZERS.keys() - {"in"}), *COMPOSED])  # an instance of a vector is one value


def pack(name: str, **settings: Any) -> PackTrainer:
    options = {"groups": 4} if name in ("gn", "evonorm-s0") else {}
    shape = {"precision": "float64", "epochs": 50, "normalizer": method(name, **options)} | settings
    return PackTrainer([trial(DATA, seed=s, lr=lr, **shape) for s, lr in ((0, 0.1), (1, 0.02))], DATA)


@pytest.mark.parametrize("name", ON_VECTORS)
def test_it_is_the_step_that_the_optimizer_takes(name: str) -> None:
    ours, theirs = pack(name), pack(name)
    assert ours._descents, "the classifier's at least"
    theirs._descents = []
    for trainer in (ours, theirs):
        trainer.advance(float("inf"), 12)
    state = ours.network.state_dict()
    for key, p in theirs.network.state_dict().items():
        torch.testing.assert_close(state[key], p, rtol=1e-9, atol=1e-11, msg=lambda m, k=key: f"{k}: {m}")
    assert ours.rows()[0]["curve_train_loss"] == pytest.approx(theirs.rows()[0]["curve_train_loss"], rel=1e-9)


def test_which_methods_leave_their_weight_alone() -> None:
    trainer = pack("none")
    assert len(trainer._descents) == len(trainer.network.blocks) + 1, "the classifier's too"
    for name in ("bn", "vcl", "cwo", "popnorm", "ln"):
        assert all(block.descent for block in pack(name).network.blocks), name
    for name in ("wn", "normprop", "ws", *COMPOSED):
        assert not any(block.descent for block in pack(name).network.blocks), name


def test_a_method_that_edits_gradients_anew_is_asked() -> None:
    class Edits(ConstrainedWeights):
        def gradients(self, named: dict[str, torch.Tensor]) -> None:
            named["weight"].zero_()

    class Same(Method):
        pass

    block = pack("cwo").network.blocks[0]
    assert descends(block.method)
    assert not descends(Edits(block.site))
    assert descends(Same())


@pytest.mark.parametrize("settings", [{"momentum": 0.9}, {"weight_decay": 1e-3}, {"clip_norm": 1.0}, {"shards": 2}])
def test_where_a_step_needs_more_than_its_gradient_the_optimizer_takes_it(settings: dict[str, Any]) -> None:
    assert pack("none", **settings)._descents == []


def test_outside_a_step_backward_leaves_gradients() -> None:
    trainer = pack("none")
    before = {name: p.clone() for name, p in trainer.network.named_parameters()}
    x = torch.ones(2, 4, *DATA.facts.shape, dtype=torch.float64)
    trainer.network(x).square().sum().backward()
    for name, p in trainer.network.named_parameters():
        assert torch.equal(p, before[name])
        assert p.grad is not None


def test_a_weight_that_is_used_twice_gets_both_gradients() -> None:
    x = torch.randn(2, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    w = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1).requires_grad_()
    descent = Descent()
    with descending([descent], torch.tensor([0.1, 0.2], dtype=torch.float64)):
        linear(linear(x, w, None, descent), w, None, descent).sum().backward()
        assert not descent.taken
    assert torch.equal(w.detach(), torch.eye(4, dtype=torch.float64).repeat(2, 1, 1))
    assert w.grad is not None
    expected = torch.autograd.grad(linear(linear(x, w, None), w, None).sum(), w)[0]
    torch.testing.assert_close(w.grad, expected)
