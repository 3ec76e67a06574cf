"""Trials and facts for tests, with every option resolved."""

from collections.abc import Mapping
from typing import Any

from sweeps.facts import DatasetFacts, SplitSizes
from sweeps.trial import Trial
from sweeps.words.activations import ACTIVATIONS
from sweeps.words.choice import Choice, OptionValue
from sweeps.words.composition import normalizer
from sweeps.words.declared import Entry
from sweeps.words.models import MODELS

BASE: dict[str, Any] = {
    "dataset": "made",
    "digest": "0" * 64,
    "split": 0,
    "standardize": "train",
    "augment": Choice("none"),
    "model": Choice("mlp"),
    "depth": 2,
    "width": 8,
    "activation": Choice("relu"),
    "normalizer": Choice("none"),
    "revision": 1,
    "init": "he",
    "bias_init": "zero",
    "dropout": 0.0,
    "alpha_dropout": 0.0,
    "batch_size": 4,
    "shards": 1,
    "epochs": 1,
    "steps_per_epoch": 0,
    "steps": 0,
    "optimizer": Choice("sgd"),
    "lr": 0.01,
    "schedule": Choice("constant"),
    "warmup": 0.0,
    "warmup_steps": 0,
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 0.0,
    "clip_norm": 0.0,
    "label_smoothing": 0.0,
    "ema": 0.0,
    "smoothing": 1,
    "precision": "float64",
    "metrics": (Choice("error"),),
    "record": (),
    "seed": 0,
}


def trial(**settings: Any) -> Trial:
    return Trial(**(BASE | settings))


def model(name: str, **options: OptionValue) -> Choice:
    return _choice(name, MODELS[name], options)


def activation(name: str, **options: OptionValue) -> Choice:
    return _choice(name, ACTIVATIONS[name], options)


def method(name: str, **options: OptionValue) -> Choice:
    return _choice(name, normalizer(name), options)


def facts(shape: tuple[int, ...], classes: int) -> DatasetFacts:
    sizes = SplitSizes(train=80, validation=10, test=10)
    return DatasetFacts(name="made", digest="0" * 64, n=100, shape=shape, classes=classes, splits=(sizes,))


def _choice(name: str, entry: Entry, options: Mapping[str, OptionValue]) -> Choice:
    assert options.keys() <= entry.options.keys()
    return Choice.of(name, {option: spec.default for option, spec in entry.options.items()} | dict(options))
