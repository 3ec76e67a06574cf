"""The recorded sweeps: every version of each, numbered write-once files; the newest is what the sweep wants."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.store.codec import Format
from orchestrator.store.files import Disk
from orchestrator.store.workspace import Workspace
from sweeps.errors import MissingError
from sweeps.file.spec import SweepSpec
from sweeps.words.near import unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepVersion:
    """What a sweep wanted when it was recorded. `plan`: the hash of its trials; `trials`: ids, in the order of its
    axes; `spec`: the sweep file, every default written out."""

    name: str
    plan: str
    spec: dict[str, Any]
    trials: list[str]

    @property
    def sweep(self) -> SweepSpec:
        return SweepSpec.from_record(self.spec)


VERSION = Format(
    record="sweep",
    schema=1,
    type=SweepVersion,
    remedy="restore it from a copy, or move it away: the version before it counts until the sweep is run again",
)


class Sweeps:
    def __init__(self, workspace: Workspace, disk: Disk) -> None:
        self._workspace = workspace
        self._disk = disk
        self._known: dict[Path, SweepVersion] = {}  # files never change

    def names(self) -> list[str]:
        folder = self._workspace.sweeps
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def paths(self, name: str) -> list[Path]:
        """The files of a sweep's versions, oldest first."""
        return sorted(self._workspace.sweep(name).glob("[0-9]*.json"))

    def versions(self, name: str) -> list[SweepVersion]:
        """Oldest first."""
        return [self._read(path) for path in self.paths(name)]

    def newest(self, name: str) -> SweepVersion | None:
        paths = self.paths(name)
        return self._read(paths[-1]) if paths else None

    def needed(self, name: str) -> SweepVersion:
        """The newest version. MissingError, with the near names, for a sweep that is not recorded."""
        version = self.newest(name)
        if version is None:
            raise MissingError(
                f"{unknown('sweep', name, self.names())} Nothing of it is recorded in {self._workspace.root}: run it "
                "first"
            )
        return version

    def append(self, version: SweepVersion) -> None:
        number = len(self.paths(version.name)) + 1
        content = VERSION.encode(version)
        while not self._disk.publish(self._workspace.sweep(version.name) / f"{number:06d}.json", content):
            number += 1

    def _read(self, path: Path) -> SweepVersion:
        if path not in self._known:
            self._known[path] = VERSION.read(path)
        return self._known[path]
