"""The settings of a trial: kinds, ranges and defaults, all in this one place.

A sweep file gives any of them as one value, a list (an axis) or, for whole numbers, a range `0..9`.
`packs=True`: trials of one pack may differ in it, since it changes no tensor's shape.
"""

from __future__ import annotations

from collections.abc import Mapping

from sweeps import vocabulary
from sweeps.choice import Choice, OptionValue
from sweeps.vocabulary import INITS, Entry, Option

Value = OptionValue | Choice

SETTINGS: dict[str, Option] = {
    "dataset": Option("word", None, help="a data set's name; the only setting without a default"),
    "split": Option("int", 0, low=0, packs=True, help="the published split, from 0"),
    "standardize": Option("word", "train", words=("train", "published", "none"), help="by the training part's figures"),
    "depth": Option("int", 4, low=1, help="hidden layers of an mlp"),
    "width": Option("int", 256, low=1, help="units of a hidden layer"),
    "init": Option("word", "auto", words=("auto", *INITS), packs=True, help="auto: by normalizer and activation"),
    "bias_init": Option("word", "zero", words=("zero", "random"), packs=True),
    "dropout": Option("float", 0.0, low=0.0, high=1.0, packs=True, help="before the classifier"),
    "alpha_dropout": Option("float", 0.0, low=0.0, high=1.0, packs=True, help="after every hidden layer"),
    "batch_size": Option("int", 20, low=1),
    "shards": Option("int", 1, low=1, help="parts of a batch, each with its own batch statistics"),
    "epochs": Option("int", 100, low=1),
    "steps_per_epoch": Option("int", 0, low=0, help="at most so many steps an epoch; 0: all full batches"),
    "steps": Option("int", 0, low=0, help="training ends after so many steps; 0: after the epochs"),
    "lr": Option("float", 0.01, low=0.0, packs=True),
    "momentum": Option("float", 0.0, low=0.0, high=1.0, packs=True),
    "nesterov": Option("bool", False),
    "weight_decay": Option("float", 0.0, low=0.0, packs=True),
    "smoothing": Option("int", 10, low=1, help="epochs of the trailing mean that selects by validation error"),
    "precision": Option(
        "word", "float32", words=("float32", "float64", "bfloat16-mixed"), help="mixed: layers' products in bfloat16"
    ),
    "seed": Option("int", 0, low=0, packs=True),
}

CHOICES: dict[str, Mapping[str, Entry]] = {
    "model": vocabulary.MODELS,
    "activation": vocabulary.ACTIVATIONS,
    "normalizer": vocabulary.NORMALIZERS,
    "schedule": vocabulary.SCHEDULES,
    "augment": vocabulary.AUGMENTATIONS,
}

# Of the choices, those that may vary within a pack, as far as their options do.
PACKING_CHOICES = frozenset({"activation", "schedule"})

CHOICE_DEFAULTS = {
    "model": "mlp",
    "activation": "relu",
    "normalizer": "none",
    "schedule": "constant",
    "augment": "none",
}

# `init: auto`. The VCL paper does not state its own; elu and selu as in Klambauer et al. 2017, tanh and sigmoid as in
# Glorot and Bengio 2010, every other activation as in He et al. 2015.
AUTO_INIT = {"elu": "lecun", "selu": "lecun", "tanh": "glorot", "sigmoid": "glorot"}
# Methods whose papers state theirs, whatever the activation.
AUTO_INIT_OF_NORMALIZER = {"normprop": "glorot"}

# Linear scaling: a trial's lr is lr * batch_size / this; 0 = lr as given.
LR_REFERENCE_BATCH = Option("int", 0, low=0)


def setting_names() -> tuple[str, ...]:
    return (*SETTINGS, *CHOICES)
