"""A trial: everything that can change a result, nothing that cannot. Its settings are declared here, and only here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from typing import Any

from sweeps.errors import UsageError
from sweeps.identity import canonical, digest
from sweeps.probes import METRICS, PROBES
from sweeps.words.activations import ACTIVATIONS, INITS
from sweeps.words.augmentations import AUGMENTATIONS
from sweeps.words.choice import Choice
from sweeps.words.declared import options, setting
from sweeps.words.models import MODELS
from sweeps.words.optimizers import OPTIMIZERS
from sweeps.words.schedules import SCHEDULES
from sweeps.words.vocabulary import NORMALIZERS

SCHEMA = 1  # of the trial; a change of meaning of any field raises it


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One configuration with its seed, wholly resolved: no field has a default here, so none can change unseen.

    `setting` declares what a sweep file may say of a field. `packs`: trials of one pack may differ in it, since it
    changes no tensor's shape. `younger`: than trials that may be recorded, which have no such field: a trial's JSON,
    and so its id, leaves it out at its default. The two fields without it follow from the data set and the normalizer.
    """

    dataset: str = field(
        metadata=setting(None, help="data set, the only setting without a default: `normsweep list datasets`")
    )
    digest: str  # of the data set's content, 64 hex digits
    split: int = field(
        metadata=setting(0, low=0, packs=True, help="the published split; where none is, a seeded stratified one")
    )
    standardize: str = field(
        metadata=setting(
            "train",
            words=("train", "published", "none"),
            help="mean and deviation that samples are standardized by: the training part's, published ones, none",
        )
    )
    augment: Choice = field(
        metadata=setting(
            "none", entries=AUGMENTATIONS, help="changes of the training samples: `normsweep list augmentations`"
        )
    )
    model: Choice = field(
        metadata=setting(
            "mlp", entries=MODELS, help="network: `normsweep list models`; `{resnet20: {width: 0.5}}` sets an option"
        )
    )
    depth: int = field(
        metadata=setting(
            4, low=1, help="hidden layers of an mlp, blocks of a resmlp, layers of a transformer; others have options"
        )
    )
    width: int = field(
        metadata=setting(256, low=1, help="units of a hidden layer of an mlp, of the stream of a resmlp or transformer")
    )
    activation: Choice = field(
        metadata=setting(
            "relu", entries=ACTIVATIONS, packs=True, help="activation function: `normsweep list activations`"
        )
    )
    normalizer: Choice = field(
        metadata=setting(
            "none", entries=NORMALIZERS, help="normalization method: `normsweep list normalizers`; `ws+bn` composes two"
        )
    )
    revision: int  # of the normalizer's method: mending a method invalidates its own trials only
    init: str = field(
        metadata=setting(
            "auto",
            words=("auto", *INITS),
            packs=True,
            help="auto: lecun for elu and selu, glorot for tanh, sigmoid and normprop, he for the rest",
        )
    )
    bias_init: str = field(
        metadata=setting("zero", words=("zero", "random"), packs=True, help="biases at the beginning")
    )
    dropout: float = field(
        metadata=setting(0.0, low=0.0, high=1.0, packs=True, help="share dropped before the classifier")
    )
    alpha_dropout: float = field(
        metadata=setting(0.0, low=0.0, high=1.0, packs=True, help="alpha dropout after every hidden layer of an mlp")
    )
    batch_size: int = field(metadata=setting(20, low=1, help="samples of a batch; an incomplete last batch is dropped"))
    shards: int = field(metadata=setting(1, low=1, help="parts of a batch, each with its own batch statistics"))
    epochs: int = field(metadata=setting(100, low=0, help="passes over the training part; 0: nothing is trained"))
    steps_per_epoch: int = field(metadata=setting(0, low=0, help="most steps of an epoch; 0: all full batches"))
    steps: int = field(metadata=setting(0, low=0, help="training ends after so many steps; 0: after the epochs"))
    optimizer: Choice = field(
        metadata=setting(
            "sgd",
            younger=True,
            entries=OPTIMIZERS,
            help="how gradients move the weights: `normsweep list optimizers`; `{adamw: {betas: [0.9, 0.95]}}`",
        )
    )
    lr: float = field(metadata=setting(0.01, low=0.0, packs=True, help="learning rate of a step"))
    schedule: Choice = field(
        metadata=setting(
            "constant", entries=SCHEDULES, packs=True, help="course of the learning rate: `normsweep list schedules`"
        )
    )
    warmup: float = field(
        metadata=setting(
            0.0, low=0.0, packs=True, younger=True, help="epochs over which the learning rate rises linearly; 0: none"
        )
    )
    warmup_steps: int = field(
        metadata=setting(0, low=0, packs=True, younger=True, help="the same in steps; give one of the two")
    )
    momentum: float = field(
        metadata=setting(0.0, low=0.0, high=1.0, packs=True, help="momentum of sgd, rmsprop, lars and muon")
    )
    nesterov: bool = field(metadata=setting(False, help="Nesterov's form of the momentum"))
    weight_decay: float = field(
        metadata=setting(0.0, low=0.0, packs=True, help="decay of the weights, never of scales and biases")
    )
    clip_norm: float = field(
        metadata=setting(
            0.0, low=0.0, packs=True, younger=True, help="largest norm of all gradients of a network together; 0: any"
        )
    )
    label_smoothing: float = field(
        metadata=setting(
            0.0, low=0.0, high=1.0, packs=True, younger=True, help="share of a label that goes to all classes alike"
        )
    )
    ema: float = field(
        metadata=setting(
            0.0,
            low=0.0,
            high=1.0,
            packs=True,
            younger=True,
            help="decay of a running average of the weights, which is evaluated in their place; 0: none",
        )
    )
    smoothing: int = field(
        metadata=setting(10, low=1, help="epochs of the trailing mean of the validation error that selects an epoch")
    )
    precision: str = field(
        metadata=setting(
            "float32",
            words=("float32", "float64", "bfloat16-mixed"),
            help="bfloat16-mixed: the layers' products in bfloat16, all else in float32",
        )
    )
    metrics: tuple[Choice, ...] = field(
        metadata=setting(
            ("error",),
            entries=METRICS,
            younger=True,
            help="what is recorded of each epoch: `normsweep list metrics`; `error` always is",
        )
    )
    record: tuple[Choice, ...] = field(
        metadata=setting((), entries=PROBES, younger=True, help="what probes look at besides: `normsweep list probes`")
    )
    seed: int = field(metadata=setting(0, low=0, high=2**63 - 1, packs=True, help="seed of every random number"))

    def as_json(self) -> dict[str, Any]:
        """Plain data, the schema number included; `Trial.from_json` is its inverse. Younger fields at their defaults
        are left out: see `completed`."""
        data: dict[str, Any] = {"schema": SCHEMA}
        for name in field_names():
            value = getattr(self, name)
            if not is_left_out(name, value):
                data[name] = as_json(value)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trial:
        if data.get("schema") != SCHEMA:
            raise UsageError(f"a trial of schema {data.get('schema')}; this program reads schema {SCHEMA}: update it")
        whole = completed(data)
        return cls(**{name: _from_json(whole[name]) for name in field_names()})

    @cached_property
    def id(self) -> str:
        """SHA-256 of the canonical JSON: 64 hex digits, of which 16 are shown."""
        return digest(self.as_json())

    def canonical(self) -> str:
        return canonical(self.as_json())

    @property
    def plugins(self) -> frozenset[str]:
        """The digests of the plug-ins that declare what it names."""
        joined = {choice.plugin for field in _choices() for choice in each_choice(getattr(self, field))}
        return frozenset(digest for digests in joined if digests for digest in digests.split("+"))


@cache
def _choices() -> tuple[str, ...]:
    return tuple(name for name, option in options(Trial).items() if option.kind in ("choice", "choices"))


def each_choice(value: Choice | tuple[Choice, ...]) -> tuple[Choice, ...]:
    """Of a field that holds one or several."""
    return value if isinstance(value, tuple) else (value,)


@cache
def younger() -> dict[str, Any]:
    """The defaults of the younger fields, as `Trial.as_json` would have them."""
    return {name: as_json(option.usual) for name, option in options(Trial).items() if option.younger}


@cache
def _defaults() -> dict[str, Any]:
    return {name: _from_json(value) for name, value in younger().items()}


def is_left_out(name: str, value: object) -> bool:
    """Whether a trial's JSON has no such field, since it is younger and at its default."""
    defaults = _defaults()
    return name in defaults and value == defaults[name]


def completed(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A trial's JSON with the younger fields that it leaves out."""
    return {**younger(), **data}


def as_json(value: Any) -> Any:
    """A field's value as plain data."""
    if isinstance(value, tuple):
        return [as_json(each) for each in value]
    return value.as_json() if isinstance(value, Choice) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_from_json(each) for each in value)
    return Choice.from_json(value) if isinstance(value, dict) else value


@cache
def field_names() -> tuple[str, ...]:
    return tuple(f.name for f in fields(Trial))
