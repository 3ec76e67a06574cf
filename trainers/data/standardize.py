"""Standardization by the training part alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.dataset import Dataset, Split
from trainers.data.folders import FolderDataset, levels

MODES = ("train", "published", "none")


def standardized(dataset: Dataset, split: Split, mode: str) -> NDArray[np.float32]:
    """All rows, (n, *shape) float32: (x - mean) · factor with the mode's `figures`, images in units of 0..1.

    A missing value is the median of its column in the training part.
    """
    x = filled(dataset, split).astype(np.float32)
    if dataset.x.dtype == np.uint8:
        x /= np.float32(255)
    mean, factor = figures(dataset, split, mode)
    if mode == "train":
        x -= mean
        x *= factor
    return x


def figures(
    dataset: Dataset | FolderDataset, split: Split, mode: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a standardization takes off, and what it multiplies by then; a constant column's factor is 0.

    `mode`: train (`scale` of the training part), published (as published, UsageError where the features are not
    published standardized), none (features as they are); the last two change nothing.
    """
    if mode == "published" and not (isinstance(dataset, Dataset) and dataset.standardized):
        raise UsageError(f"{dataset.facts.name} is not published standardized: use `standardize: train`")
    if mode not in MODES:
        raise UsageError(f"unknown standardization {mode!r}: use one of {', '.join(MODES)}")
    if mode != "train":
        ones = np.ones((dataset.facts.shape[0], *(1,) * (len(dataset.facts.shape) - 1)), np.float32)
        return np.zeros_like(ones), ones
    mean, std = scale(dataset, split)
    return mean, np.divide(1, std, out=np.zeros_like(std), where=std > 0)


def filled(dataset: Dataset, split: Split) -> NDArray[np.float32] | NDArray[np.uint8]:
    """`x` with the median of the training part where a table has NaN; 0 in a column that is missing all through it."""
    x = dataset.x
    if x.ndim != 2 or x.dtype == np.uint8 or not (absent := np.isnan(x)).any():
        return x
    x = x.copy()
    for column in np.flatnonzero(absent.any(axis=0)).tolist():
        known = x[split.train, column]
        known = known[~np.isnan(known)]
        x[absent[:, column], column] = np.median(known) if len(known) else 0
    return x


def scale(dataset: Dataset | FolderDataset, split: Split) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation (ddof = 1) of the training part, computed in float64, images in units of 0..1.

    Per column for samples of shape (d,); per channel for (C, ...), then of shape (C, 1, ...). A column that is
    constant in the training part has the standard deviation 0. Of a folder, those of the images that `levels` takes.
    """
    if isinstance(dataset, FolderDataset):
        return _by_channel([_of_levels(counts) for counts in levels(dataset, split)], 2)
    x = filled(dataset, split)[split.train]
    if x.ndim == 2:
        values = x.astype(np.float64)  # sums of float32 are exact in it, so that a constant's deviation is 0
        mean, std = values.mean(axis=0), values.std(axis=0, ddof=1)
        return mean.astype(np.float32), std.astype(np.float32)
    return _by_channel([_moments(x[:, channel]) for channel in range(x.shape[1])], x.ndim - 2)


def _by_channel(moments: Sequence[tuple[float, float]], axes: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    shape = (len(moments), *(1,) * axes)
    mean, std = (np.array(each, dtype=np.float32).reshape(shape) for each in zip(*moments, strict=True))
    return mean, std


def _moments(values: NDArray[np.float32] | NDArray[np.uint8]) -> tuple[float, float]:
    if values.dtype == np.uint8:  # exact, and without a float64 copy of the images
        return _of_levels(np.bincount(values.reshape(-1), minlength=256))
    return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64, ddof=1))


def _of_levels(pixels: NDArray[np.int64]) -> tuple[float, float]:
    """Of so many pixels (256,) of each level."""
    counts = pixels.astype(np.float64)
    units = np.arange(256) / 255
    mean = float(counts @ units / counts.sum())
    return mean, float(np.sqrt(counts @ (units - mean) ** 2 / (counts.sum() - 1)))
