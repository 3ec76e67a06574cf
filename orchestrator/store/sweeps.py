"""The recorded sweeps: every version of each, numbered write-once files; the newest is what the sweep wants.

`demo` and `demo@latest` are the newest version, `demo@2` is the second one, `demo@all` what any of them wants.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.store.codec import Format
from orchestrator.store.files import Disk
from orchestrator.store.workspace import Workspace
from sweeps.errors import MissingError, UsageError
from sweeps.file.sections import AnalysisSection, RunSection
from sweeps.file.spec import SweepSpec, names_file
from sweeps.plugins.plugin import Plugin
from sweeps.plugins.use import known
from sweeps.words.near import unknown

AT, LATEST, ALL = "@", "latest", "all"


def name_of(reference: str) -> str:
    """The sweep that `SWEEP`, `SWEEP@2` or `SWEEP@all` is about."""
    return reference.partition(AT)[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepVersion:
    """What a sweep wanted when it was recorded. `plan`: the hash of its trials; `trials`: ids, in the order of its
    axes; `spec`: the sweep file, every default written out; `number`: its place among the versions, from 1."""

    name: str
    plan: str
    spec: dict[str, Any]
    trials: list[str]
    number: int = 0

    @property
    def sweep(self) -> SweepSpec:
        """UsageError where its trials name what is no longer known, as a method that was taken out."""
        try:
            return SweepSpec.from_record(self.spec)
        except UsageError as error:
            raise UsageError(
                f"sweep {self.name}, version {self.number}, cannot be read ({error}): what it trained stays; to be rid "
                f"of the sweep, move its folder specs/{self.name} out of the workspace"
            ) from None

    @property
    def run(self) -> RunSection:
        return SweepSpec.sections_of_record(self.spec)[0]

    @property
    def analysis(self) -> AnalysisSection:
        return SweepSpec.sections_of_record(self.spec)[1]


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

    def needed(self, reference: str) -> SweepVersion:
        """The version of `SWEEP`, `SWEEP@2`, `SWEEP@latest`; of `SWEEP@all` the newest one with the trials of all.

        MissingError, with the near names, for a sweep or a version that is not recorded.
        """
        name, _, which = reference.partition(AT)
        newest = self.newest(name)
        if newest is None:
            if names_file(name):
                raise MissingError(f"{name} is a sweep file: say the name of its sweep, as `normsweep status` lists it")
            told = unknown("sweep", name, self.names())
            stop = "" if told.endswith((".", "?")) else "."
            raise MissingError(f"{told}{stop} Nothing of it is recorded in {self._workspace.root}: run it first")
        if which in ("", LATEST):
            return newest
        if which == ALL:
            every = [newest, *reversed(self.versions(name))]
            return replace(newest, trials=list(dict.fromkeys(trial for version in every for trial in version.trials)))
        numbers = [_number(path) for path in self.paths(name)]
        if not which.isdecimal() or int(which) not in numbers:
            raise MissingError(
                f"sweep {name} has no version '{which}': it has {', '.join(map(str, numbers))}, {LATEST} and {ALL}"
            )
        return self._read(self.paths(name)[numbers.index(int(which))])

    def one(self, reference: str) -> SweepSpec:
        """The sweep of one version, to be trained as it stands. UsageError for all of them."""
        version = self.needed(reference)
        if reference.partition(AT)[2] == ALL:
            raise UsageError(
                f"{reference} names all versions of the sweep: say one, {version.name}{AT}{version.number}"
            )
        return replace(version.sweep, version=version.number)

    def latest(self, reference: str) -> SweepVersion:
        """The newest version, for what steers a sweep. UsageError for another one."""
        version = self.needed(reference)
        if reference.partition(AT)[2] == ALL or version.number != self.needed(version.name).number:
            raise UsageError(
                f"{reference} is not what the sweep wants now: say {version.name} for the latest version, or record "
                "this one anew by running its file"
            )
        return version

    def declare(self) -> None:
        """Makes the names known that plug-ins of recorded sweeps declare, so that a selector may say them.

        Of a name that several versions declare, the newest one's is meant.
        """
        if self._workspace.plugins.is_dir():
            newest = [version for name in self.names() if (version := self.newest(name))]
            older = [version for last in newest for version in reversed(self.versions(last.name)[:-1])]
            known(Plugin.from_json(data) for version in newest + older for data in version.spec.get("plugins", ()))

    def append(self, version: SweepVersion) -> None:
        number = len(self.paths(version.name)) + 1
        while not self._disk.publish(
            self._workspace.sweep(version.name) / f"{number:06d}.json", VERSION.encode(replace(version, number=number))
        ):
            number += 1

    def _read(self, path: Path) -> SweepVersion:
        if path not in self._known:
            self._known[path] = replace(VERSION.read(path), number=_number(path))
        return self._known[path]


def _number(path: Path) -> int:
    return int(path.stem)
