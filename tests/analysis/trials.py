"""Synthetic tables of trials, as `normsweep export` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

EFFECT = {"none": 0.03, "bn": 0.01, "vcl": 0.0}
MAJORITY = 0.6


def trials(
    *,
    datasets: Sequence[str] = ("digits", "titanic", "wine"),
    activations: Sequence[str] = ("relu", "elu"),
    normalizers: Sequence[str] = ("none", "bn", "vcl"),
    depths: Sequence[int] = (4, 8),
    seeds: Sequence[int] = (0, 1, 2),
    batch_sizes: Sequence[int] = (20,),
    epochs: int = 0,
    noise: float = 0.002,
    rng_seed: int = 7,
) -> pd.DataFrame:
    """One row a trial; vcl is better than bn than none by `EFFECT`, depth 8 worse by 0.02 on validation and test."""
    rng = np.random.default_rng(rng_seed)
    rows: list[dict[str, object]] = []
    grid = product(datasets, activations, normalizers, depths, batch_sizes, seeds)
    for k, (dataset, activation, normalizer, depth, batch_size, seed) in enumerate(grid):
        base = 0.1 + 0.05 * datasets.index(dataset) + EFFECT.get(normalizer, 0.02) + 0.02 * (depth == 8)
        test = base + noise * rng.standard_normal()
        row: dict[str, object] = {
            "trial_id": f"{k:016x}",
            "sweep": "synthetic",
            "dataset": dataset,
            "model": "mlp",
            "depth": depth,
            "width": 64,
            "activation": activation,
            "normalizer": normalizer,
            "normalizer_options": '{"n": 5, "weight": 0.01}' if normalizer == "vcl" else "{}",
            "batch_size": batch_size,
            "seed": seed,
            "split": 0,
            "state": "done",
            "selected_epoch": 9,
            "diverged_epoch": None,
            "val_error": base + noise * rng.standard_normal(),
            "test_error": test,
            "majority_error": MAJORITY,
            "train_loss": 0.3,
            "seconds": 1.5,
            "attempts": 1,
            "device": "cpu",
            "threads": 1,
            "code_version": "0.1.0",
            "pack_id": f"{k // 8:016x}",
        }
        if epochs:
            decay = np.exp(-np.arange(epochs) / 5)
            row["curve_train_loss"] = (0.2 + decay).astype(np.float32)
            row["curve_val_error"] = (base + 0.3 * decay).astype(np.float32)
            row["curve_test_error"] = (test + 0.3 * decay).astype(np.float32)
        rows.append(row)
    return pd.DataFrame(rows)


def diverge(frame: pd.DataFrame, where: pd.Series) -> pd.DataFrame:
    """The table with the trials `where` diverged in epoch 3, as a part records it."""
    frame = frame.copy()
    frame.loc[where, "state"] = "diverged"
    frame.loc[where, ["val_error", "test_error", "train_loss", "selected_epoch"]] = None
    frame.loc[where, "diverged_epoch"] = 3
    return frame
