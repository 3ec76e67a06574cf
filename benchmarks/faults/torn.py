"""Files as a crash may leave them: cut, empty, or of their length and full of zeros."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from pathlib import Path

from orchestrator.store.files import TEMPORARY
from orchestrator.store.workspace import Workspace

# By the file's data and a place in it.
WAYS: dict[str, Callable[[bytes, int], bytes]] = {
    "cut": lambda data, place: data[:place],
    "emptied": lambda data, _: data[:0],
    "zeroed": lambda data, _: bytes(len(data)),
    "zeroed at its end": lambda data, place: data[:place] + bytes(len(data) - place),
}


def tear(root: Path, what: str, packs: Collection[str], chance: random.Random) -> str:
    """Tears one such file, of one of these packs where it is a pack's; returns what it did, "" where there is none."""
    workspace = Workspace(root)
    candidates = sorted(path for path in _files(workspace, what, packs) if path.is_file() and path.stat().st_size)
    if not candidates:
        return ""
    path, way = chance.choice(candidates), chance.choice(sorted(WAYS))
    data = path.read_bytes()
    data = WAYS[way](data, chance.randrange(len(data)))
    if what == "temporary":  # of a file that was being written
        path = path.with_name(f"{TEMPORARY}{path.name}-{chance.randrange(2**16)}-{chance.randbytes(4).hex()}")
    path.write_bytes(data)
    return f"{path.relative_to(root)} {way}"


def _files(workspace: Workspace, what: str, packs: Collection[str]) -> list[Path]:
    match what:
        case "part":
            return [workspace.part(pack) for pack in packs]
        case "checkpoint":
            return [workspace.checkpoint(pack) for pack in packs]
        case "progress":
            return [workspace.progress(pack) for pack in packs]
        case "unsaved":
            return [workspace.unsaved(pack) for pack in packs]
        case "journal":
            return list(workspace.mlflow.glob("synced-*.jsonl"))
        case "log":
            return [workspace.driver_log, *(workspace.log(pack) for pack in packs), workspace.log("mirror")]
        case _:
            folders = ("roster", "specs/*", "parts", "leases", "failures", "interruptions", "heartbeats", "checkpoints")
            return [path for folder in folders for path in workspace.root.glob(f"{folder}/[!.]*")]
