"""Standardization by the training part alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.data.dataset import Dataset, Split

MODES = ("train", "published", "none")


def standardized(dataset: Dataset, split: Split, mode: str) -> NDArray[np.float32]:
    """All rows, (n, *shape) float32: (x - mean) / std with `scale`'s figures; a constant column is 0 everywhere.

    `mode`: train (figures of the training part), published (as published, ValueError where the features are not
    published standardized), none (features as they are, images in 0..1).
    """
    x = dataset.x.astype(np.float32)
    if dataset.x.dtype == np.uint8:
        x /= np.float32(255)
    if mode == "train":
        mean, std = scale(dataset, split)
        x -= mean
        x *= np.divide(1, std, out=np.zeros_like(std), where=std > 0)
    elif mode == "published" and not dataset.standardized:
        raise ValueError(f"{dataset.facts.name} is not published standardized: use `standardize: train`")
    elif mode not in MODES:
        raise ValueError(f"unknown standardization {mode!r}: use one of {', '.join(MODES)}")
    return x


def scale(dataset: Dataset, split: Split) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation (ddof = 1) of the training part, computed in float64, images in units of 0..1.

    Per column for samples of shape (d,); per channel for (C, ...), then of shape (C, 1, ...). A column that is
    constant in the training part has the standard deviation 0.
    """
    x = dataset.x[split.train]
    if x.ndim == 2:
        values = x.astype(np.float64)  # sums of float32 are exact in it, so that a constant's deviation is 0
        mean, std = values.mean(axis=0), values.std(axis=0, ddof=1)
        return mean.astype(np.float32), std.astype(np.float32)
    shape = (x.shape[1], *(1 for _ in x.shape[2:]))
    moments = [_moments(x[:, channel]) for channel in range(x.shape[1])]
    mean, std = (np.array(figures, dtype=np.float32).reshape(shape) for figures in zip(*moments, strict=True))
    return mean, std


def _moments(values: NDArray[np.float32] | NDArray[np.uint8]) -> tuple[float, float]:
    if values.dtype == np.uint8:  # exact, and without a float64 copy of the images
        counts = np.bincount(values.reshape(-1), minlength=256).astype(np.float64)
        levels = np.arange(256) / 255
        mean = float(counts @ levels / counts.sum())
        return mean, float(np.sqrt(counts @ (levels - mean) ** 2 / (counts.sum() - 1)))
    return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64, ddof=1))
