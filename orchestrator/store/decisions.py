"""What people decided about packs: to cancel them, to try them again. Numbered write-once files, read in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from orchestrator.store.files import publish
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError

DECISION_SCHEMA = 1


class Decisions:
    """What was decided when it was read; of several decisions on a pack the last one counts."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._number = 0
        self.cancelled: set[str] = set()
        self.forgiven: dict[str, int] = {}  # by pack: failures up to this generation do not count any more
        self.read()

    def read(self) -> None:
        """Reads what was decided since the last reading; costs one look at the file system when nothing was."""
        while True:
            path = self._workspace.decision(self._number + 1)
            try:
                entry = json.loads(path.read_bytes())
            except FileNotFoundError:
                return
            if entry["schema"] != DECISION_SCHEMA:
                raise UsageError(f"{path} is of schema {entry['schema']}; this program reads {DECISION_SCHEMA}")
            self._number += 1
            self.cancelled.update(entry["cancel"])
            self.cancelled.difference_update(entry["retry"])
            self.forgiven.update(entry["retry"])

    def cancel(self, packs: Iterable[str]) -> None:
        """These packs are not leased any more; who trains them saves and stops."""
        self._append({"cancel": sorted(packs), "retry": {}})

    def retry(self, packs: Mapping[str, int]) -> None:
        """These packs are leased again, and their failures up to the given generation are forgiven."""
        self._append({"cancel": [], "retry": dict(packs)})

    def _append(self, entry: dict[str, object]) -> None:
        content = json.dumps({"schema": DECISION_SCHEMA, **entry}).encode()
        while not publish(self._workspace.decision(self._number + 1), content):
            self.read()
        self.read()
