"""`normsweep logs`: what a pack's attempts wrote, and after a failure what Ray said. Reads only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from orchestrator.failures import of_pack
from orchestrator.ledger import Ledger
from orchestrator.lookup import find_pack
from orchestrator.states import Observer
from orchestrator.workspace import Workspace
from sweeps.identity import short

LOOK_SECONDS = 0.5
DRIVER_LINES = 20


def logs(
    workspace: Workspace, text: str, *, follow: bool = False, sleep: Callable[[float], None] = time.sleep
) -> Iterator[str]:
    """The lines of the log of a pack, or of a trial's pack; with `follow` those to come, until the pack has its part.

    ValueError when `text` names no pack and no trial.
    """
    pack = find_pack(Observer(workspace), text).id
    yield f"pack {short(pack)}: {workspace.log(pack)}"
    position = 0
    while True:
        over = not follow or workspace.part(pack).exists()
        new = _after(workspace, pack, position)
        position += len(new)
        yield from new.decode(errors="replace").splitlines()
        if over:
            break
        sleep(LOOK_SECONDS)
    if not position:
        yield "no run has come to this pack yet"
    states, _ = Ledger(workspace).read([pack], ["state"])
    failures = [] if set(states["state"].to_pylist()) - {"failed"} else of_pack(workspace, pack)
    if failures:
        last = failures[-1]
        yield f"attempt {last.generation} failed ({last.kind}): {last.message}"
        yield from last.traceback.splitlines()
        yield from _driver(workspace)


def _after(workspace: Workspace, pack: str, position: int) -> bytes:
    """The log's whole lines from `position` on."""
    try:
        with workspace.log(pack).open("rb") as file:
            file.seek(position)
            new = file.read()
    except FileNotFoundError:
        return b""
    return new[: new.rfind(b"\n") + 1]


def _driver(workspace: Workspace) -> Iterator[str]:
    try:
        tail = workspace.driver_log.read_text(errors="replace").splitlines()[-DRIVER_LINES:]
    except FileNotFoundError:
        return
    if tail:
        yield f"the last lines of {workspace.driver_log}:"
        yield from tail
