"""Trials and small data sets for tests of training."""

from __future__ import annotations

from typing import Any

import numpy as np

from sweeps.trial import Trial
from tests.trainers.trials import activation
from tests.trainers.trials import trial as made_up
from trainers.data.dataset import Dataset, assemble


def blobs(n: int = 240, features: int = 6, classes: int = 3) -> Dataset:
    """Overlapping Gaussian clusters: 144 train, 36 validation, 60 test for the default n."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, classes, n)
    x = rng.normal(size=(n, features)) + 1.5 * np.eye(classes, features)[y]
    return assemble("blobs", x.astype(np.float32), y, classes)


def trial(data: Dataset, **changes: Any) -> Trial:
    """A trial on the data set: a short training of a small mlp unless changed."""
    mine: dict[str, Any] = {
        "dataset": data.facts.name,
        "digest": data.facts.digest,
        "depth": 3,
        "width": 16,
        "activation": activation("elu"),
        "batch_size": 20,
        "epochs": 3,
        "lr": 0.05,
        "momentum": 0.0,
        "precision": "float32",
    }
    return made_up(**(mine | changes))
