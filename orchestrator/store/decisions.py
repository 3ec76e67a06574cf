"""What people decided: to cancel packs, to try them again, that two sources give the same results. Numbered write-once
files, read in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.store.codec import Format
from orchestrator.store.files import Disk
from orchestrator.store.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """`cancel`: packs; `retry`: by pack, the generation up to which its failures are forgiven; `same`: by the digest of
    a source, that of another one which gives the same results."""

    cancel: list[str] = field(default_factory=list[str])
    retry: dict[str, int] = field(default_factory=dict[str, int])
    same: dict[str, str] = field(default_factory=dict[str, str])


DECISION = Format(
    record="decision",
    schema=1,
    type=Decision,
    remedy="restore it from a copy, or move it and those after it away: what they decided then holds no more",
)


class Decisions:
    """What was decided when it was read; of several decisions on a pack the last one counts."""

    def __init__(self, workspace: Workspace, disk: Disk) -> None:
        self._workspace = workspace
        self._disk = disk
        self._number = 0
        self.cancelled: set[str] = set()
        self.forgiven: dict[str, int] = {}  # by pack: failures up to this generation do not count any more
        self._same: dict[str, str] = {}
        self.read()

    def read(self) -> None:
        """Reads what was decided since the last reading; costs one look at the file system when nothing was."""
        while True:
            try:
                decision = DECISION.read(self._workspace.decision(self._number + 1))
            except FileNotFoundError:
                return
            self._number += 1
            self.cancelled.update(decision.cancel)
            self.cancelled.difference_update(decision.retry)
            self.forgiven.update(decision.retry)
            for one, other in decision.same.items():
                if not self.alike(one, other):
                    self._same[self._root(one)] = self._root(other)

    def alike(self, one: str, other: str) -> bool:
        """Whether two sources, named by their digests, are one or were said to give the same results."""
        return self._root(one) == self._root(other)

    def standing(self, source: str) -> str:
        """The source that this one was said to be like, and so on; itself where nothing was said."""
        return self._root(source)

    def _root(self, source: str) -> str:
        while source in self._same:
            source = self._same[source]
        return source

    def cancel(self, packs: Iterable[str]) -> None:
        """These packs are not leased any more; who trains them saves and stops."""
        self._append(Decision(cancel=sorted(packs)))

    def retry(self, packs: Mapping[str, int]) -> None:
        """These packs are leased again, and their failures up to the given generation are forgiven."""
        self._append(Decision(retry=dict(packs)))

    def accept(self, same: Mapping[str, str]) -> None:
        """These sources, by their digests, give the same results as those beside them."""
        self._append(Decision(same=dict(same)))

    def _append(self, decision: Decision) -> None:
        while not self._disk.publish(self._workspace.decision(self._number + 1), DECISION.encode(decision)):
            self.read()
        self.read()
