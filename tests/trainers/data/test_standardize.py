from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainers import data
from trainers.data.dataset import Split, assemble

PARTS = Split(train=np.array([0, 1, 2]), validation=np.array([3]), test=np.array([4]))
LABELS = np.array([0, 1, 0, 1, 0])


def test_by_the_training_part_alone_worked_out_by_hand() -> None:
    x = np.array([[1, 7], [2, 7], [3, 7], [4, 9], [100, 7]], dtype=np.float32)
    z = data.standardized(assemble("some", x, LABELS, 2), PARTS, "train")
    assert z.tolist() == [[-1, 0], [0, 0], [1, 0], [2, 0], [98, 0]]  # mean 2, std 1 (ddof 1); 7 is constant in training
    assert z.dtype == np.float32


def test_images_by_channel_in_units_of_one() -> None:
    x = np.zeros((5, 2, 1, 2), dtype=np.uint8)
    x[:3, 0] = [[[0, 255]], [[255, 255]], [[0, 255]]]
    x[3, 0] = 255
    mean, std = data.scale(assemble("some", x, LABELS, 2), PARTS)
    assert mean.reshape(-1) == pytest.approx([4 / 6, 0])
    assert std.reshape(-1) == pytest.approx([np.std([0, 1, 1, 1, 0, 1], ddof=1), 0])
    z = data.standardized(assemble("some", x, LABELS, 2), PARTS, "train")
    assert z[3, 0] == pytest.approx((1 - 4 / 6) / std[0, 0, 0])
    assert not z[:, 1].any()
    assert data.standardized(assemble("some", x, LABELS, 2), PARTS, "none").max() == 1


def test_a_constant_of_many_digits_is_constant() -> None:
    x = np.full((1000, 1), 0.1, dtype=np.float32)
    some = assemble("some", x, np.arange(1000) % 2, 2)
    assert not data.standardized(some, some.split(0), "train").any()


def test_published_is_as_published(home: Path) -> None:
    titanic = data.load("titanic")
    assert np.array_equal(data.standardized(titanic, titanic.split(0), "published"), titanic.x)
    with pytest.raises(ValueError, match="wine is not published standardized: use `standardize: train`"):
        data.standardized(data.load("wine"), PARTS, "published")
    with pytest.raises(ValueError, match="unknown standardization 'zca': use one of train, published, none"):
        data.standardized(titanic, PARTS, "zca")


def test_the_loaded_features_stay(home: Path) -> None:
    wine = data.load("wine")
    before = wine.x.copy()
    data.standardized(wine, wine.split(0), "train")
    assert np.array_equal(wine.x, before)
