"""Strikes: a node on which pack after pack fails, while others finish theirs, gets no more."""

from __future__ import annotations

from collections import defaultdict

LIMIT = 3


class Strikes:
    """Counts, by node, the packs that failed in a row. What fails everywhere is no node's fault."""

    def __init__(self) -> None:
        self._failed: dict[str, set[str]] = defaultdict(set)
        self._finished_elsewhere: set[str] = set()  # nodes with strikes, since which another node finished a pack

    def finished(self, node: str) -> None:
        self._failed.pop(node, None)
        self._finished_elsewhere.discard(node)
        self._finished_elsewhere.update(self._failed)

    def failed(self, node: str, pack: str) -> bool:
        """True when the node is out: LIMIT different packs failed there in a row and another node finished one."""
        self._failed[node].add(pack)
        return len(self._failed[node]) >= LIMIT and node in self._finished_elsewhere
