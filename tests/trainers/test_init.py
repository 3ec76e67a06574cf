import pytest
import torch

from tests.trainers.trials import trial
from trainers.layers.init import biases, weights
from trainers.seeding import Streams

SHAPE = (40, 30, 3, 3)
VARIANCES = {"he": 2 / 270, "lecun": 1 / 270, "glorot": 2 / (270 + 360)}


def test_each_replica_has_the_variance_of_its_rule() -> None:
    trials = [trial(init=rule, seed=i) for i, rule in enumerate(VARIANCES)]
    w = weights(trials, Streams([0, 1, 2], dtype=torch.float64), 1, SHAPE)
    assert w.shape == (3, *SHAPE)
    for found, rule in zip(w, VARIANCES, strict=True):
        assert found.var().item() == pytest.approx(VARIANCES[rule], rel=0.05)
        assert abs(found.mean().item()) < 4 * (VARIANCES[rule] / found.numel()) ** 0.5


def test_rules_scale_the_same_numbers() -> None:
    he, lecun = (weights([trial(init=rule)], Streams([5], dtype=torch.float64), 2, (7, 8)) for rule in ("he", "lecun"))
    torch.testing.assert_close(he, lecun * 2**0.5)


def test_biases_are_zero_or_random() -> None:
    trials = [trial(), trial(bias_init="random", seed=1)]
    b = biases(trials, Streams([0, 1], dtype=torch.float64), 1, (5000, 10))
    assert b.shape == (2, 5000)
    assert b[0].abs().max() == 0
    assert b[1].var().item() == pytest.approx(1 / 10, rel=0.1)
    assert biases(trials[:1], Streams([0]), 1, (5, 10)).tolist() == [[0.0] * 5]
