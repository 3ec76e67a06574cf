"""Every path of a workspace. No other file joins one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of many sweeps: what is wanted (`specs`, `plugins`, `roster`, `decisions`), what is known (`parts`,
    `readings`, `failures`, `interruptions`), who works on what (`leases`, `heartbeats`), what can be made again
    (`progress`, `checkpoints`, `cache`, `mlflow`).
    """

    root: Path

    @classmethod
    def at(cls, root: Path | str) -> Workspace:
        return cls(Path(root).expanduser().resolve())

    @property
    def roster(self) -> Path:
        return self.root / "roster"

    @property
    def parts(self) -> Path:
        return self.root / "parts"

    @property
    def torn(self) -> Path:
        return self.root / "torn"

    @property
    def leases(self) -> Path:
        return self.root / "leases"

    @property
    def failures(self) -> Path:
        return self.root / "failures"

    @property
    def interruptions(self) -> Path:
        return self.root / "interruptions"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    def part(self, pack: str) -> Path:
        return self.parts / f"{pack}.parquet"

    @property
    def readings(self) -> Path:
        return self.root / "readings"

    def readings_of(self, pack: str) -> Path:
        return self.readings / f"{pack}.parquet"

    @property
    def plugins(self) -> Path:
        return self.root / "plugins"

    def plugin(self, digest: str) -> Path:
        """The copy of a file of the user's own, which trainings run."""
        return self.plugins / f"{digest}.py"

    def progress(self, pack: str) -> Path:
        return self.root / "progress" / f"{pack}.parquet"

    def checkpoint(self, pack: str) -> Path:
        return self.root / "checkpoints" / f"{pack}.pt"

    def log(self, pack: str) -> Path:
        return self.root / "logs" / f"{pack}.log"

    @property
    def driver_log(self) -> Path:
        return self.root / "logs" / "driver.log"

    def lease(self, pack: str, generation: int) -> Path:
        return self.leases / f"{pack}.{generation}"

    def released(self, pack: str, generation: int) -> Path:
        return self.leases / f"{pack}.{generation}.released"

    def started(self, pack: str, generation: int) -> Path:
        return self.leases / f"{pack}.{generation}.started"

    def still(self, pack: str, generation: int) -> Path:
        return self.leases / f"{pack}.{generation}.still"

    def failure(self, pack: str, generation: int) -> Path:
        return self.failures / f"{pack}.{generation}.json"

    def interruption(self, pack: str, generation: int) -> Path:
        return self.interruptions / f"{pack}.{generation}.json"

    def unsaved(self, pack: str) -> Path:
        """Seconds of training that would be lost if the pack's process were lost now."""
        return self.root / "checkpoints" / f"{pack}.unsaved"

    def decision(self, number: int) -> Path:
        return self.root / "decisions" / f"{number:06d}.json"

    def heartbeat(self, owner: str) -> Path:
        return self.root / "heartbeats" / f"{owner}.json"

    def stop(self, owner: str) -> Path:
        """While this file exists, the packs of `owner` save and end."""
        return self.root / "heartbeats" / f"{owner}.stop"

    @property
    def allocations(self) -> Path:
        """One folder a submission to SLURM: intent, receipt, what submitit and Ray keep. For the user's eyes only."""
        return self.root / "allocations"

    def allocation(self, number: int) -> Path:
        return self.allocations / f"{number:06d}"

    def intent(self, number: int) -> Path:
        return self.allocations / f"{number:06d}.intent.json"

    def receipt(self, number: int) -> Path:
        return self.allocations / f"{number:06d}.receipt.json"

    def ended(self, number: int) -> Path:
        """Once this exists, no job of that submission begins anything or leaves an heir."""
        return self.allocations / f"{number:06d}.ended"

    def fruitful(self, number: int, job: str) -> Path:
        """Exists once that job of that submission has finished a pack or saved anew what one has."""
        return self.allocation(number) / f"{job}-fruitful"

    def probed(self, site: str) -> Path:
        """Exists once a node of that kind of allocation was seen to see this workspace."""
        return self.allocations / f"probed-{site}"

    @property
    def accounting(self) -> Path:
        """What SLURM last said of jobs."""
        return self.allocations / "accounting"

    @property
    def sweeps(self) -> Path:
        return self.root / "specs"  # not `sweeps`: a folder of that name would shadow our package

    def sweep(self, name: str) -> Path:
        return self.sweeps / name

    def report(self, name: str) -> Path:
        return self.root / "reports" / name
