from __future__ import annotations

from pathlib import Path

import numpy as np

from trainers import data
from trainers.data.making.chess import DRAW, krvk, win_depths

COUNTS = [2796, 27, 78, 246, 81, 198, 471, 592, 683, 1433, 1712, 1985, 2854, 3597, 4194, 4553, 2166, 390]


def square(name: str) -> int:
    return 8 * (ord(name[0]) - ord("a")) + int(name[1]) - 1


def test_positions_whose_depth_anyone_can_see() -> None:
    depths = win_depths()

    def depth(king: str, rook: str, black: str) -> int:
        return int(depths[square(king), square(rook), square(black)])

    assert depth("c1", "a3", "a1") == 0  # mate
    assert depth("b3", "h2", "a1") == 1  # 1. … Kb1 2. Rh1 mate
    assert depth("a1", "b3", "c2") == DRAW  # the rook hangs
    assert depth("c2", "b8", "a1") == 1  # 1. … Ka2 2. Ra8 mate
    assert depth("b3", "b2", "a1") == DRAW  # stalemate
    assert depths[depths < DRAW].max() == 16


def test_depths_are_the_same_under_reflection() -> None:
    cube = win_depths().reshape((8,) * 6)
    own = np.indices((8,) * 6)
    apart = (np.abs(own[0] - own[4]) > 1) | (np.abs(own[1] - own[5]) > 1)
    distinct = ((own[0] != own[2]) | (own[1] != own[3])) & ((own[2] != own[4]) | (own[3] != own[5]))
    possible = apart & distinct
    left, up, turned = cube[::-1, :, ::-1, :, ::-1], cube[:, ::-1, :, ::-1, :, ::-1], cube.transpose(1, 0, 3, 2, 5, 4)
    for mirrored in (left, up, turned):
        assert np.array_equal(cube[possible], mirrored[possible])


def test_label_counts_are_those_of_uci() -> None:
    x, y = krvk()
    assert x.shape == (28056, 6)
    assert np.bincount(y).tolist() == COUNTS
    assert len(np.unique(x, axis=0)) == 28056


def test_it_is_the_published_set_row_by_row(real: Path) -> None:
    x, y = krvk()
    published = data.load("chess-krvk")
    assert np.array_equal(x, published.x)
    assert np.array_equal(y, published.y)
