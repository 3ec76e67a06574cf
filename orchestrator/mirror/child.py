"""What `normsweep run` needs of the mirror: a process beside the training that shows the results as they come."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from orchestrator.mirror.sync import LEASE, sync
from orchestrator.mirror.uri import NONE, tracking_uri
from orchestrator.store.workspace import Workspace
from sweeps.errors import NormsweepError

LOOK_SECONDS = 0.05


class Mirroring:
    """The mirror of one run. Nothing in it ends the run: what MLflow lacks is one sentence to `say`.

    `waiting` makes what is entered while somebody waits for the last results to be shown. With the tracking URI `none`
    all of it does nothing.
    """

    def __init__(
        self,
        workspace: Workspace,
        uri: str | None,
        *,
        say: Callable[[str], None],
        waiting: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """Raises UsageError for an invalid URI; neither reads nor writes anything."""
        self._workspace = workspace
        self._uri = tracking_uri(workspace, uri)
        self._say = say
        self._waiting = waiting

    @contextmanager
    def going(self, patience: Callable[[], float] = lambda: float("inf")) -> Generator[None]:
        """Keeps a process going that follows the ledger, and waits in the end until it has shown everything, or for as
        many seconds as `patience` then says.

        The process ends with its standard input, which the death of this process closes as well; in a session of its
        own, it hears no signal to this one's group.
        """
        if self._uri == NONE:
            yield
            return
        log = self._workspace.log(LEASE)
        before = _lines(log)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "orchestrator.mirror", str(self._workspace.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "MLFLOW_TRACKING_URI": self._uri},  # not an argument: it may hold a password
        )
        try:
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()
            with self._waiting():
                ended = _ended(process, patience)
            if not ended and patience():
                self._say("MLflow may lack the last results: the next run, or `normsweep sync`, catches up")
            elif ended and process.returncode:
                self._say(f"MLflow lacks some results, which the ledger has: {self._reason(log, len(before))}")

    def catch_up(self) -> None:
        """Shows what the ledger has already, here and now."""
        if self._uri == NONE:
            return
        try:
            with self._waiting():
                result = sync(self._workspace, uri=self._uri)
        except (NormsweepError, OSError) as sentence:
            self._say(str(sentence))
        else:
            for problem in result.problems:
                self._say(problem)

    def _reason(self, log: Path, known: int) -> str:
        """The last sentence that the process wrote to its log, after the time."""
        new = _lines(log)[known:]
        return new[-1].partition(" ")[2] if new else "the mirror's process died; `normsweep sync` catches up"


def _ended(process: subprocess.Popen[bytes], patience: Callable[[], float]) -> bool:
    """False for one that took too long and was killed, which does no harm at any moment."""
    began = time.monotonic()
    while process.poll() is None:
        if time.monotonic() - began >= patience():
            process.kill()
            process.wait()
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines() if log.exists() else []
