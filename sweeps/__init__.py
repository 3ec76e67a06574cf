"""Sweeps: what is to be trained. Imports nothing of ours, and neither torch, ray, mlflow nor pandas.

What others may use is in `__all__`; each name is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeps.errors import DamagedError, MissingError, NormsweepError, UnavailableError, UsageError
    from sweeps.facts import DatasetFacts, SplitSizes
    from sweeps.file.schema import sweep_schema
    from sweeps.file.spec import SweepSpec, load_spec, presets
    from sweeps.plan import expand
    from sweeps.probes import Metric, Probe
    from sweeps.select import Selector
    from sweeps.trial import Trial
    from sweeps.words.activations import Activation
    from sweeps.words.augmentations import Augmentation
    from sweeps.words.choice import Choice
    from sweeps.words.declared import Option
    from sweeps.words.models import Model
    from sweeps.words.optimizers import Optimizer
    from sweeps.words.schedules import Schedule
    from sweeps.words.vocabulary import Normalizer

__all__ = [
    "Activation",
    "Augmentation",
    "Choice",
    "DamagedError",
    "DatasetFacts",
    "Metric",
    "MissingError",
    "Model",
    "Normalizer",
    "NormsweepError",
    "Optimizer",
    "Option",
    "Probe",
    "Schedule",
    "Selector",
    "SplitSizes",
    "SweepSpec",
    "Trial",
    "UnavailableError",
    "UsageError",
    "expand",
    "load_spec",
    "presets",
    "sweep_schema",
]

_HOMES = {
    "Activation": "words.activations",
    "Augmentation": "words.augmentations",
    "Choice": "words.choice",
    "DatasetFacts": "facts",
    "Metric": "probes",
    "Model": "words.models",
    "Normalizer": "words.vocabulary",
    "Optimizer": "words.optimizers",
    "Option": "words.declared",
    "Probe": "probes",
    "Schedule": "words.schedules",
    "Selector": "select",
    "SplitSizes": "facts",
    "SweepSpec": "file.spec",
    "Trial": "trial",
    "expand": "plan",
    "load_spec": "file.spec",
    "presets": "file.spec",
    "sweep_schema": "file.schema",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
