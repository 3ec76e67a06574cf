"""King and rook against king: the depth of every win, by retrograde analysis."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trainers.data.making.embedded import as_published

DRAW = 99  # above every depth; the longest win takes 16 moves
Depths = NDArray[np.uint8]  # (64, 64, 64): white king, white rook, black king; a square is 8 · file + rank
Mask = NDArray[np.bool_]

FILE, RANK = np.divmod(np.arange(64), 8)
NEAR: Mask = np.maximum(abs(FILE[:, None] - FILE), abs(RANK[:, None] - RANK)) <= 1
KING, ROOK, BLACK = (axis.astype(np.intp) for axis in np.indices((64, 64, 64), sparse=True))
LINES = ((-1, 0), (1, 0), (0, -1), (0, 1))
STEPS = (*LINES, (-1, -1), (-1, 1), (1, -1), (1, 1))


def krvk() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """28,056 × 6: all positions with black to move up to symmetry; label 0 a draw, 1 + k a win in k moves.

    Rows and figures as Fernández-Delgado et al. (2014) prepared them from the UCI file of Bain and Hoff (1994):
    the white king stands on a1-d1-d4; if it stands on the long diagonal, the black king stands on or below it, and
    if that too is on it, the rook. Rows are ordered by label, then file and rank of king, rook and black king.
    """
    diagonal, below = FILE == RANK, RANK < FILE
    wanted = (KING != ROOK) & (ROOK != BLACK) & ~NEAR[KING, BLACK] & ((FILE <= 3) & (RANK <= FILE))[KING]
    wanted &= ~diagonal[KING] | below[BLACK] | (diagonal[BLACK] & (diagonal | below)[ROOK])
    depths = win_depths()[wanted].astype(np.int64)
    labels = np.where(depths == DRAW, 0, depths + 1)
    order = np.argsort(labels, kind="stable")
    squares = np.argwhere(wanted)[order]
    fields = np.stack([FILE[squares], RANK[squares]], axis=2).reshape(-1, 6)
    return as_published(fields.astype(np.float64)), labels[order]


def win_depths() -> Depths:
    """Moves that white needs to mate, black to move and both playing best; `DRAW` where black takes the rook or is
    stalemated. Value iteration back from the mates: white chooses the least depth, black the greatest.

    Entries of impossible positions mean nothing.
    """
    attacked = _attacked()
    flights = [(to, on[BLACK] & ~NEAR[KING, to[BLACK]] & ~attacked[:, :, to]) for to, on in map(_moved, STEPS)]
    takes = np.any([legal & (to[BLACK] == ROOK) for to, legal in flights], axis=0)
    stuck = ~np.any([legal for _, legal in flights], axis=0)
    king_moves = [(to, on[KING] & (to[KING] != ROOK) & ~NEAR[to[KING], BLACK]) for to, on in map(_moved, STEPS)]
    rook_moves = [(to, free) for line in LINES for to, free in _slides(line)]
    depths: Depths = np.where(stuck & attacked, 0, DRAW).astype(np.uint8)
    while True:
        best = np.full_like(depths, DRAW)
        for to, legal in king_moves:
            np.minimum(best, depths[to], out=best, where=legal)
        for to, legal in rook_moves:
            np.minimum(best, depths[:, to], out=best, where=legal)
        best[best < DRAW] += 1
        worst = np.zeros_like(depths)
        for to, legal in flights:
            np.maximum(worst, best[:, :, to], out=worst, where=legal)
        worst[takes | (stuck & ~attacked)] = DRAW
        if np.array_equal(worst, depths):
            return depths
        depths = worst


def _moved(step: tuple[int, int], far: int = 1) -> tuple[NDArray[np.intp], Mask]:
    """Where each square's piece comes to, and whether that is on the board (else the square itself is given)."""
    file, rank = FILE + far * step[0], RANK + far * step[1]
    on = (file >= 0) & (file < 8) & (rank >= 0) & (rank < 8)
    return np.where(on, 8 * file + rank, np.arange(64)), on


def _slides(line: tuple[int, int]) -> Iterator[tuple[NDArray[np.intp], Mask]]:
    """The rook's moves along a line up to either king, one distance after another."""
    free: Mask = np.ones((64, 64, 64), dtype=np.bool_)
    for far in range(1, 8):
        to, on = _moved(line, far)
        free = free & on[ROOK] & (to[ROOK] != KING) & (to[ROOK] != BLACK)
        yield to, free


def _attacked() -> Mask:
    """Whether the rook attacks the black king's square; only the white king stands in the way."""
    attacked: Mask = np.zeros((64, 64, 64), dtype=np.bool_)
    for line in LINES:
        open_ = np.ones((64, 64, 1), dtype=np.bool_)
        for far in range(1, 8):
            to, on = _moved(line, far)
            open_ = open_ & on[ROOK] & (to[ROOK] != KING)
            attacked |= open_ & (to[ROOK] == BLACK)
    return attacked
