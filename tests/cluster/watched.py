"""A sweep of one pack, watched from outside: what its log and its progress say."""

from __future__ import annotations

import re

from orchestrator.store.parts import decode
from orchestrator.store.workspace import Workspace
from tests.cluster.conftest import Cluster


class Watched:
    """The one pack of a workspace."""

    def __init__(self, cluster: Cluster, workspace: Workspace) -> None:
        self._cluster = cluster
        self._workspace = workspace

    def saved(self) -> int:
        """Epochs that are saved."""
        [path] = self._workspace.root.glob("progress/*.parquet")
        return len(decode(path, ["curve_train_loss"])["curve_train_loss"][0].as_py())

    def log(self) -> str:
        return "".join(path.read_text() for path in self._workspace.root.glob("logs/*[0-9a-f].log"))

    def attempts(self) -> int:
        """How many have begun."""
        return max((int(number) for number in re.findall(r"attempt (\d+) on", self.log())), default=0)

    def begun(self, number: int) -> tuple[int, str]:
        """Waits until this attempt or a later one has begun; the epoch from which the first such began, its node."""
        pattern = re.compile(r"attempt (\d+) on (\S+): (?:starts|goes on from epoch (\d+))")
        found: list[tuple[int, str]] = []

        def looked() -> bool:
            found[:] = [(int(m[3] or 0), m[2]) for m in pattern.finditer(self.log()) if int(m[1]) >= number]
            return bool(found)

        self._cluster.wait(looked, 400)
        return found[0]

    def attempt(self, number: int) -> tuple[int, str]:
        """The same, and waits until it has saved anew."""
        epoch, node = self.begun(number)
        files = self._workspace.root / "progress"
        self._cluster.wait(lambda: any(files.glob("*.parquet")) and self.saved() > epoch, 300)
        return epoch, node
