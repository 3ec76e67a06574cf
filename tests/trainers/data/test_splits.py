from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from trainers import data
from trainers.data.splits import stratified


@pytest.fixture
def labels() -> np.ndarray:
    return np.repeat(np.arange(5), [1, 2, 40, 300, 657])


def test_sizes_are_exact_whatever_the_number(labels: np.ndarray) -> None:
    for k in range(30):
        codes = stratified(labels, "some", k, validation=150, test=250)
        assert np.bincount(codes).tolist() == [600, 150, 250]


def test_every_class_has_its_share(labels: np.ndarray) -> None:
    for k in range(30):
        codes = stratified(labels, "some", k, validation=150, test=250)
        for label in range(5):
            own = codes[labels == label]
            assert abs((own == 2).sum() - len(own) / 4) <= 1
            assert abs((own == 1).sum() - len(own) * 0.15) <= 2


def test_rows_differ_between_numbers_and_names_and_every_row_is_drawn(labels: np.ndarray) -> None:
    drawn = [stratified(labels, name, k, validation=150, test=250) for name in ("a", "b") for k in range(40)]
    assert len({codes.tobytes() for codes in drawn}) == 80
    assert all((np.array(drawn) == part).any(axis=0).all() for part in range(3))


def test_a_split_never_changes(labels: np.ndarray) -> None:
    codes = stratified(labels, "golden", 7, validation=150, test=250)
    assert hashlib.sha256(codes.tobytes()).hexdigest()[:16] == "e2bd881b930dae18"
    assert stratified(labels[:0], "none", 0, validation=0, test=0).tolist() == []


def test_more_than_there_is_is_refused() -> None:
    with pytest.raises(ValueError, match="3 rows are too few for a split with 2 for validation and 2 for test"):
        stratified(np.array([0, 1, 0]), "some", 0, validation=2, test=2)


def test_shares_without_published_splits(home: Path) -> None:
    wine = data.load("wine")
    assert (wine.facts.splits[0].train, wine.facts.splits[0].validation, wine.facts.splits[0].test) == (108, 26, 44)
    parts = wine.split(3)
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    assert np.array_equal(np.sort(rows), np.arange(178))
    assert len(parts.test) == 44


def test_published_splits_then_seeded_ones_of_their_sizes(real: Path) -> None:
    letter = data.load("letter")
    assert letter.facts.splits[0].train == 11941
    assert letter.facts.splits[1].train == 11889
    drawn = letter.split(4)
    assert (len(drawn.train), len(drawn.validation), len(drawn.test)) == (11941, 3059, 5000)
    assert not np.array_equal(drawn.test, letter.split(0).test)


def test_an_official_test_part_stays(real: Path) -> None:
    optical = data.load("optical")
    first, drawn = optical.split(0), optical.split(9)
    assert np.array_equal(first.test, np.arange(3823, 5620))
    assert np.array_equal(drawn.test, first.test)
    assert not np.array_equal(drawn.validation, first.validation)
    assert len(drawn.train) == len(first.train)
