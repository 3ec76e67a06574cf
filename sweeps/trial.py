"""A trial: everything that can change a result, nothing that cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from typing import Any

from sweeps.choice import Choice
from sweeps.errors import UsageError
from sweeps.identity import canonical, digest

SCHEMA = 1  # of the trial; a change of meaning of any field raises it


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One configuration with its seed, wholly resolved: no field has a default here, so none can change unseen.

    Units: `epochs` passes over the training part; `lr` per step; `steps_per_epoch` 0 = all full batches;
    `steps` 0 = as many as the epochs hold; `smoothing` epochs of the trailing mean of the validation error.
    """

    dataset: str
    digest: str  # of the data set's content, 64 hex digits
    split: int  # the published split, from 0, or a seeded stratified one where none is published
    standardize: str  # train | published | none
    augment: Choice
    model: Choice
    depth: int  # hidden layers of an mlp; for other models what their name says
    width: int
    activation: Choice
    normalizer: Choice
    revision: int  # of the normalizer's method: mending a method invalidates its own trials only
    init: str  # he | lecun | glorot
    bias_init: str  # zero | random
    dropout: float  # before the classifier
    alpha_dropout: float  # after every hidden layer
    batch_size: int
    shards: int  # parts of a batch, each with its own batch statistics
    epochs: int
    steps_per_epoch: int
    steps: int
    lr: float
    schedule: Choice
    momentum: float
    nesterov: bool
    weight_decay: float
    smoothing: int
    precision: str  # float32 | float64 | bfloat16-mixed
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Plain data, the schema number included; `Trial.from_json` is its inverse."""
        data: dict[str, Any] = {"schema": SCHEMA}
        for name in field_names():
            value = getattr(self, name)
            data[name] = value.as_json() if isinstance(value, Choice) else value
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trial:
        if data.get("schema") != SCHEMA:
            raise UsageError(f"a trial of schema {data.get('schema')}; this program reads schema {SCHEMA}: update it")
        values: dict[str, Any] = {
            name: Choice.from_json(data[name]) if isinstance(data[name], dict) else data[name] for name in field_names()
        }
        return cls(**values)

    @cached_property
    def id(self) -> str:
        """SHA-256 of the canonical JSON: 64 hex digits, of which 16 are shown."""
        return digest(self.as_json())

    def canonical(self) -> str:
        return canonical(self.as_json())


@cache
def field_names() -> tuple[str, ...]:
    return tuple(f.name for f in fields(Trial))
