"""Mixed precision: products in bfloat16, everything that is kept in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sweeps.trial import Trial
from tests.trainers.factory import blobs, trial
from tests.trainers.trials import method, model
from trainers.data.dataset import Dataset, assemble
from trainers.pack import PackTrainer

MIXED = {"precision": "bfloat16-mixed"}


def images() -> Dataset:
    """Noise around one of three grey levels, (3, 8, 8)."""
    random = np.random.default_rng(2)
    y = random.integers(0, 3, 120)
    x = y[:, None, None, None] + random.normal(size=(120, 3, 8, 8))
    return assemble("images", x.astype(np.float32), y, 3)


CASES: list[tuple[Dataset, dict[str, Any]]] = [
    (blobs(), {}),
    (images(), {"model": model("resnet20", width=0.5, depth=8), "batch_size": 24}),
]


def trained(data: Dataset, trials: list[Trial]) -> PackTrainer:
    trainer = PackTrainer(trials, data)
    while not trainer.finished:
        trainer.advance(60.0)
    return trainer


@pytest.mark.parametrize(("data", "changes"), CASES, ids=["mlp", "resnet20"])
@pytest.mark.parametrize("normalizer", ["bn", "vcl", "cwn", "popnorm"])
def test_products_are_rounded_and_nothing_else(data: Dataset, changes: dict[str, Any], normalizer: str) -> None:
    rounded, exact = (
        PackTrainer([trial(data, normalizer=method(normalizer), **changes, **p)], data) for p in (MIXED, {})
    )
    x = torch.from_numpy(data.x[None, :24])
    ours, theirs = (t.network(t.network.input(x)).detach() for t in (rounded, exact))
    assert ours.dtype == torch.float32
    assert not torch.equal(ours, theirs)
    assert torch.allclose(ours, theirs, atol=0.1 * float(theirs.abs().max()))  # 8 bits, over at most nine layers
    rounded.advance(0.0)
    kept = [*rounded.network.parameters(), *rounded.network.buffers()]
    assert {t.dtype for t in kept if t.is_floating_point()} <= {torch.float32, torch.float64}


@pytest.mark.parametrize(("data", "changes"), CASES, ids=["mlp", "resnet20"])
def test_it_learns_and_goes_on_bit_for_bit(data: Dataset, changes: dict[str, Any]) -> None:
    trials = [trial(data, normalizer=method("bn"), seed=s, epochs=4, **changes, **MIXED) for s in (0, 1)]
    whole = trained(data, trials)
    for row in whole.rows():
        losses = row["curve_train_loss"]
        assert isinstance(losses, list)
        assert losses[-1] < 0.8 * losses[0]
    begun, rest = PackTrainer(trials, data), PackTrainer(trials, data)
    begun.advance(1e9, steps=5)
    rest.load_state_dict(begun.state_dict())
    while not rest.finished:
        rest.advance(60.0)
    assert rest.rows() == whole.rows()
    ours, theirs = rest.network.state_dict(), whole.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
