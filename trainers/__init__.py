"""Training: packs of trials, their data, models and normalizers.

What others may use is in `__all__`; each name is imported when it is first asked for. `trainers.data` says in its own
`__all__` what it holds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers import data
    from trainers.augment.augmentation import Augmentation
    from trainers.checking.check import faults
    from trainers.layers.dropout import Dropout
    from trainers.models.builder import Builder
    from trainers.models.network import Network
    from trainers.normalizers.method import Method, Site
    from trainers.optim.optimizer import Optimizer, beside
    from trainers.pack import PackTrainer
    from trainers.plugins.declare import plugin
    from trainers.probes.probe import Reading
    from trainers.probes.subject import Subject
    from trainers.schedule import Position
    from trainers.seeding import Streams
    from trainers.trainer import Trainer

__all__ = [
    "Augmentation",
    "Builder",
    "Dropout",
    "Method",
    "Network",
    "Optimizer",
    "PackTrainer",
    "Position",
    "Reading",
    "Site",
    "Streams",
    "Subject",
    "Trainer",
    "beside",
    "data",
    "faults",
    "plugin",
]

_HOMES = {
    "Augmentation": "augment.augmentation",
    "Builder": "models.builder",
    "Dropout": "layers.dropout",
    "Method": "normalizers.method",
    "Network": "models.network",
    "Optimizer": "optim.optimizer",
    "PackTrainer": "pack",
    "Position": "schedule",
    "Reading": "probes.probe",
    "Site": "normalizers.method",
    "Streams": "seeding",
    "Subject": "probes.subject",
    "Trainer": "trainer",
    "beside": "optim.optimizer",
    "faults": "checking.check",
    "plugin": "plugins.declare",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _HOMES:
        return import_module(f"{__name__}.{name}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
