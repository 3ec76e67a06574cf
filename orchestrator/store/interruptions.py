"""Interruptions: what training a pack lost each time that it went on after one, one write-once file each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from orchestrator.store.files import TEMPORARY, publish
from orchestrator.store.workspace import Workspace
from orchestrator.words import counted


@dataclass(frozen=True, kw_only=True, slots=True)
class Interruption:
    """Attempt `generation` began from the state of `epoch`; what came after, at most `seconds` of it, is done again."""

    pack: str
    generation: int
    host: str
    epoch: int
    seconds: float


def record(workspace: Workspace, interruption: Interruption) -> None:
    path = workspace.interruption(interruption.pack, interruption.generation)
    publish(path, json.dumps(asdict(interruption)).encode())


def interruptions(workspace: Workspace, packs: Iterable[str] | None = None) -> list[Interruption]:
    """Of these packs, or of all, by pack and generation."""
    folder = workspace.interruptions
    if not folder.is_dir():
        return []
    wanted = None if packs is None else set(packs)
    found = [
        Interruption(**json.loads(path.read_bytes()))
        for path in folder.iterdir()
        if not path.name.startswith(TEMPORARY) and (wanted is None or path.name.split(".")[0] in wanted)
    ]
    return sorted(found, key=lambda i: (i.pack, i.generation))


def told(found: list[Interruption]) -> str:
    """One sentence, none when there was no interruption."""
    if not found:
        return ""
    packs = counted(len({i.pack for i in found}), "pack")
    return (
        f"{packs} went on after {counted(len(found), 'interruption')}: at most {sum(i.seconds for i in found):.1f} s "
        f"of training done again, at most {max(i.seconds for i in found):.1f} s at a time"
    )
