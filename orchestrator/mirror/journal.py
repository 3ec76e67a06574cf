"""What is known to be in MLflow: a journal per tracking URI, so that a sync with nothing new asks nobody.

It may be deleted at any time: the next sync rebuilds it from the tags of the runs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.mirror.result import SyncResult
from orchestrator.mirror.uri import masked, sqlite_file
from orchestrator.store.files import TEMPORARY, replace
from orchestrator.store.workspace import Workspace
from sweeps.identity import digest

_SCHEMA = 2


class Mirrored(NamedTuple):
    """A complete run, and the pack whose result it shows: a retried trial's next result comes in another pack."""

    run: str
    pack: str


class Record:
    """Lines of JSON. A pack is `begun` (synced to disk) before its runs are created and `complete` after: whoever finds
    it begun only has to look its trials up in MLflow. A last line cut short by a kill is dropped."""

    def __init__(self, workspace: Workspace, uri: str) -> None:
        self._uri = uri
        self._path = workspace.mlflow / f"synced-{digest(uri)[:16]}.jsonl"
        self.known = False  # False: nothing is known, ask MLflow
        self.stamp = ""  # of the workspace's files when all of them were in MLflow
        self.runs: dict[str, Mirrored] = {}  # by trial id
        self.begun: set[str] = set()  # trials whose runs may exist, perhaps incomplete
        self.files: dict[str, int] = {}  # sweep: how many of its files are in the tags
        self.closed: dict[str, str] = {}  # sweep: how many of its trials are there, as its own run says
        self.artifacts: dict[str, str] = {}  # sweep/file: digest of what was logged
        self._read()

    def restart(self, runs: Mapping[str, Mirrored], begun: Sequence[str]) -> None:
        """Begins the journal anew with what MLflow says."""
        header = {"schema": _SCHEMA, "uri": masked(self._uri), "database": self._database()}
        packs: dict[str, dict[str, str]] = {}
        for trial, (run, pack) in runs.items():
            packs.setdefault(pack, {})[trial] = run
        entries = [header, {"begin": list(begun)}, *({"complete": r, "pack": pack} for pack, r in packs.items())]
        replace(self._path, b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))
        self.runs, self.begun, self.files, self.closed, self.artifacts = {}, set(), {}, {}, {}
        self._read()

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
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            if sync:
                os.fsync(file.fileno())
        self._take(entry)

    def _read(self) -> None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        header = json.loads(lines[0]) if lines else {}
        if header.get("schema") != _SCHEMA or header["database"] != self._database():
            return
        self.known = True
        for line in lines[1:]:
            self._take(json.loads(line))

    def repair(self) -> None:
        """Cuts off a last line without its end, before anything is appended. Only the holder of the lease may."""
        if self._path.exists():
            content = self._path.read_bytes()
            os.truncate(self._path, content.rfind(b"\n") + 1)

    def _take(self, entry: dict[str, Any]) -> None:
        if "begin" in entry:
            self.stamp = ""
            self.begun.update(entry["begin"])
            for trial in entry["begin"]:
                self.runs.pop(trial, None)
        elif "complete" in entry:
            self.runs.update((trial, Mirrored(run, entry["pack"])) for trial, run in entry["complete"].items())
            self.begun.difference_update(entry["complete"])
        elif "tagged" in entry:
            self.files[entry["tagged"]] = entry["files"]
        elif "closed" in entry:
            self.closed[entry["closed"]] = entry["progress"]
        elif "artifact" in entry:
            self.artifacts[entry["artifact"]] = entry["sha256"]
        elif "stamp" in entry:
            self.stamp = entry["stamp"]

    def _database(self) -> int:
        """Tells a database file that was deleted and made anew from the one that this journal is about."""
        file = sqlite_file(self._uri)
        return file.stat().st_ino if file is not None and file.exists() else 0


def stamp(workspace: Workspace) -> str:
    """Changes when a part, a roster entry, a sweep file or a report comes. Everything but reports is write-once."""
    names = [_names(workspace.roster), _names(workspace.parts)]
    for sweep in _names(workspace.sweeps):
        page = report_page(workspace, sweep)
        names.append([sweep, content(page) if page.exists() else "", *_names(workspace.sweep(sweep))])
    return digest(names)


def nothing_new(record: Record, now: str) -> SyncResult | None:
    """The result of a sync when everything of the stamp `now` is in MLflow, else None."""
    return SyncResult(unchanged=len(record.runs)) if record.known and record.stamp == now else None


def content(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def report_page(workspace: Workspace, sweep: str) -> Path:
    return workspace.report(sweep) / "report.html"


def _names(folder: Path) -> list[str]:
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return sorted(n for n in names if not n.startswith(TEMPORARY))
