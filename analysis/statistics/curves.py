"""Learning curves and how steadily they go."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.statistics.scores import Floats, Scores, nanmean


def stacked(curves: list[object]) -> Floats:
    """Curves of any lengths as one array (trials, epochs), NaN beyond a curve's end (a diverged trial stops early)."""
    arrays = [np.asarray(c, dtype=np.float64) for c in curves if c is not None]
    longest = max((len(a) for a in arrays), default=0)
    table = np.full((len(arrays), longest), np.nan)
    for line, curve in zip(table, arrays, strict=True):
        line[: len(curve)] = curve
    return table


def mean_curves(frame: pd.DataFrame, scores: Scores, name: str) -> Floats:
    """(rows, columns, epochs): mean over replicates of the list column `name` of the selected trials."""
    curves = frame[name].to_numpy(dtype=object)
    cells = [[stacked([curves[i] for i in cell if i >= 0]) for cell in row] for row in scores.chosen]
    epochs = max((c.shape[1] for row in cells for c in row), default=0)
    result = np.full((*scores.chosen.shape[:2], epochs), np.nan)
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            if cell.size:
                result[i, j, : cell.shape[1]] = nanmean(cell, axis=0)
    return result


def thinned(epochs: int, points: int = 120) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """At most about `points` epochs of 0..epochs-1, evenly spaced, the last one included."""
    return np.unique(np.linspace(0, epochs - 1, min(points, epochs)).round().astype(np.int64))


def stability(curves: Floats, first: int = 20) -> Floats:
    """Variance over the first epochs of each curve's last axis, NaN beyond a curve's end left out.

    Smaller is steadier. The variance of an accuracy is that of its error. Needs two epochs, else NaN.
    """
    head = curves[..., :first]
    count = (~np.isnan(head)).sum(axis=-1, keepdims=True)
    mean = np.divide(np.nansum(head, axis=-1, keepdims=True), count, out=np.zeros(count.shape), where=count > 0)
    squares = np.nansum((head - mean) ** 2, axis=-1)
    freedom = count[..., 0] - 1
    return np.divide(squares, freedom, out=np.full(squares.shape, np.nan), where=freedom > 0)
