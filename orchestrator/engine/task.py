"""What crosses the process border: a leased pack, and how to train it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.store.leases import Lease
from orchestrator.store.roster import RosterPack


@dataclass(frozen=True, kw_only=True, slots=True)
class PackTask:
    """`root`: of the workspace. `devices` processes train the pack together, each with so many `cpus` (cores, and so
    threads) and `gpus`. `device`: what torch calls it, `cpu` or `cuda`."""

    root: str
    pack: RosterPack
    lease: Lease
    checkpoint_seconds: float
    cpus: int
    gpus: float
    devices: int
    device: str
    channels_last: bool
    compile: bool
    code_version: str

    @property
    def trainer_options(self) -> dict[str, Any]:
        """Of `trainers.pack.PackTrainer`."""
        return {
            "device": self.device,
            "channels_last": self.channels_last,
            "compile": self.compile,
            "workers": self.cpus,
        }
