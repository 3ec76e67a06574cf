"""Trials and small data sets for tests of training."""

from __future__ import annotations

from typing import Any

import numpy as np

from sweeps.choice import Choice
from sweeps.trial import Trial
from sweeps.vocabulary import ACTIVATIONS, NORMALIZERS
from trainers.data.dataset import Dataset, assemble


def blobs(n: int = 240, features: int = 6, classes: int = 3) -> Dataset:
    """Overlapping Gaussian clusters: 144 train, 36 validation, 60 test for the default n."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, classes, n)
    x = rng.normal(size=(n, features)) + 1.5 * np.eye(classes, features)[y]
    return assemble("blobs", x.astype(np.float32), y, classes)


def choice(entries: Any, name: str, **options: Any) -> Choice:
    """A choice with the vocabulary's defaults."""
    return Choice.of(name, {key: option.default for key, option in entries[name].options.items()} | options)


def normalizer(name: str, **options: Any) -> Choice:
    return choice(NORMALIZERS, name, **options)


def activation(name: str, **options: Any) -> Choice:
    return choice(ACTIVATIONS, name, **options)


def trial(data: Dataset, **changes: Any) -> Trial:
    """A trial on the data set: a short training of a small mlp unless changed."""
    fields: dict[str, Any] = {
        "dataset": data.facts.name,
        "digest": data.facts.digest,
        "split": 0,
        "standardize": "train",
        "augment": Choice("none"),
        "model": Choice("mlp"),
        "depth": 3,
        "width": 16,
        "activation": activation("elu"),
        "normalizer": normalizer("none"),
        "revision": 1,
        "init": "he",
        "bias_init": "zero",
        "dropout": 0.0,
        "alpha_dropout": 0.0,
        "batch_size": 20,
        "shards": 1,
        "epochs": 3,
        "steps_per_epoch": 0,
        "steps": 0,
        "lr": 0.05,
        "schedule": Choice("constant"),
        "momentum": 0.0,
        "nesterov": False,
        "weight_decay": 0.0,
        "smoothing": 1,
        "precision": "float32",
        "seed": 0,
    }
    return Trial(**(fields | changes))
