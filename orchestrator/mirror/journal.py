"""What is known to be in MLflow: a journal per tracking URI, so that a sync with nothing new asks nobody.

It may be deleted at any time: the next sync makes it again from the tags of the runs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.mirror.uri import NONE, masked, sqlite_file
from orchestrator.store.files import TEMPORARY, replace
from orchestrator.store.workspace import Workspace
from sweeps.identity import digest

_SCHEMA = 3


@dataclass(slots=True)
class SyncResult:
    """Counts of runs, one sentence for each thing that MLflow refused, and who syncs when it is somebody else."""

    created: int = 0
    completed: int = 0  # runs that a killed sync had begun
    removed: int = 0  # of a trial that had several, or whose result a retry has replaced
    unchanged: int = 0
    problems: list[str] = field(default_factory=list)
    busy: str | None = None
    shown: bool = True  # False: nowhere, as the tracking URI says

    def __str__(self) -> str:
        if not self.shown:
            return "nothing is mirrored: the tracking URI is `none`"
        counts = {"new": self.created, "completed": self.completed, "removed": self.removed}
        changes = [f"{count} {word}" for word, count in counts.items() if count]
        summary = f"MLflow runs: {', '.join([*changes, f'{self.unchanged} unchanged'])}"
        return "\n".join([*([self.busy] if self.busy else [summary]), *self.problems])


class Mirrored(NamedTuple):
    """A complete run, and the pack whose result it shows: a retried trial's next result comes in another pack."""

    run: str
    pack: str


class Journal:
    """Lines of JSON, after a header. A pack is `begun` (synced to disk) before its runs are created and `complete`
    after: whoever finds it begun only has to look its trials up in MLflow.

    A line that cannot be read, the last one cut short by a kill included, or another schema: the journal counts as
    unknown and nothing is raised. Unknown fields of a line are ignored. Only the holder of the lease may write.
    """

    def __init__(self, workspace: Workspace, uri: str) -> None:
        self.uri = uri
        file = sqlite_file(uri)
        inside = file is not None and file.is_relative_to(workspace.root)
        self._place = str(file.relative_to(workspace.root)) if file is not None and inside else masked(uri)
        self._path = workspace.mlflow / f"synced-{digest(self._place if inside else uri)[:16]}.jsonl"
        self._clear()
        try:
            self._read(self._path.read_bytes())
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, RecursionError):  # what JSON, the patterns and the sets say of an invalid line
            self._clear()

    def _clear(self) -> None:
        self.known = False  # False: nothing is known, ask MLflow
        self.stamp = ""  # of the workspace's files when all of them were in MLflow
        self.runs: dict[str, Mirrored] = {}  # by trial id
        self.begun: set[str] = set()  # trials whose runs may exist, perhaps incomplete
        self.files: dict[str, int] = {}  # sweep: how many of its files are in the tags
        self.closed: dict[str, str] = {}  # sweep: how many of its trials are there, as its own run says
        self.artifacts: dict[str, str] = {}  # sweep/file: digest of what was logged

    def restart(self, runs: Mapping[str, Mirrored], begun: Sequence[str]) -> None:
        """Begins the journal anew with what MLflow says."""
        header = {"schema": _SCHEMA, "uri": self._place, "database": self._database()}
        packs: dict[str, dict[str, str]] = {}
        for trial, (run, pack) in runs.items():
            packs.setdefault(pack, {})[trial] = run
        entries = [header, {"begin": list(begun)}, *({"complete": r, "pack": pack} for pack, r in packs.items())]
        content = b"".join(_line(entry) for entry in entries)
        replace(self._path, content)
        self._clear()
        self._read(content)

    def begin(self, trials: Sequence[str]) -> None:
        self._append({"begin": list(trials)}, sync=True)

    def complete(self, pack: str, runs: Mapping[str, str]) -> None:
        """`runs`: run id by trial id."""
        self._append({"complete": dict(runs), "pack": pack})

    def tagged(self, sweep: str, files: int) -> None:
        self._append({"tagged": sweep, "files": files})

    def close(self, sweep: str, progress: str) -> None:
        self._append({"closed": sweep, "progress": progress})

    def logged(self, artifact: str, sha256: str) -> None:
        self._append({"artifact": artifact, "sha256": sha256})

    def all_synced(self, stamp: str) -> None:
        self._append({"stamp": stamp})

    def _append(self, entry: dict[str, Any], sync: bool = False) -> None:
        with self._path.open("ab") as file:
            file.write(_line(entry))
            file.flush()
            if sync:
                os.fsync(file.fileno())
        self._take(entry)

    def _read(self, content: bytes) -> None:
        header, *entries, rest = content.split(b"\n")
        if rest:
            raise ValueError("the last line has no end")
        match json.loads(header):
            case {"schema": schema, "database": database} if (schema, database) == (_SCHEMA, self._database()):
                for entry in entries:
                    self._take(json.loads(entry))
                self.known = True
            case _:
                pass

    def _take(self, entry: object) -> None:
        """Raises ValueError or TypeError for what is no entry."""
        match entry:
            case {"begin": list(trials)}:
                self.stamp = ""
                self.begun.update(trials)
                for trial in trials:
                    self.runs.pop(trial, None)
            case {"complete": dict(runs), "pack": str(pack)}:
                self.runs.update((trial, Mirrored(_text(run), pack)) for trial, run in runs.items())
                self.begun.difference_update(runs)
            case {"tagged": str(sweep), "files": int(files)}:
                self.files[sweep] = files
            case {"closed": str(sweep), "progress": str(progress)}:
                self.closed[sweep] = progress
            case {"artifact": str(artifact), "sha256": str(sha256)}:
                self.artifacts[artifact] = sha256
            case {"stamp": str(stamp)}:
                self.stamp = stamp
            case _:
                raise ValueError("an unknown entry")

    def _database(self) -> int:
        """Tells a database file that was deleted and made anew from the one that this journal is about."""
        file = sqlite_file(self.uri)
        return file.stat().st_ino if file is not None and file.exists() else 0


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def stamp(workspace: Workspace) -> str:
    """Changes when a part, a roster entry, a sweep file or a report comes. Everything but reports is write-once."""
    names = [_names(workspace.roster), _names(workspace.parts)]
    for sweep in _names(workspace.sweeps):
        page = report_page(workspace, sweep)
        names.append([sweep, content(page) if page.exists() else "", *_names(workspace.sweep(sweep))])
    return digest(names)


def nothing_to_do(journal: Journal, now: str, verify: bool) -> SyncResult | None:
    """The result of a sync that shows nothing at all, or has everything of the stamp `now` in MLflow; else None."""
    if journal.uri == NONE:
        return SyncResult(shown=False)
    if journal.known and journal.stamp == now and not verify:
        return SyncResult(unchanged=len(journal.runs))
    return None


def content(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def report_page(workspace: Workspace, sweep: str) -> Path:
    return workspace.report(sweep) / "report.html"


def _names(folder: Path) -> list[str]:
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return sorted(n for n in names if not n.startswith(TEMPORARY))
