"""What is kept of a table beside its rows: `about.json`. Light, as planning asks for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sweeps.errors import UsageError
from trainers.data.home import table_folder
from trainers.data.listings.listing import Listing

ABOUT = "about.json"
_KINDS = {
    **dict.fromkeys(("file", "target", "source", "command", "digest"), str),
    **dict.fromkeys(("columns", "features", "splits"), list),
    "rows": int,
    "classes": dict,
}


def about(name: str) -> dict[str, Any] | None:
    """What is kept of a table of the user's, or None where there is none of this name."""
    if name != Path(name).name:
        return None
    try:
        kept: dict[str, Any] = json.loads((table_folder(name) / ABOUT).read_bytes())
        return kept if all(kept[key] and isinstance(kept[key], kind) for key, kind in _KINDS.items()) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def listing(name: str) -> Listing | None:
    """The table as an entry of the registry, or None."""
    kept = about(name)
    if kept is None:
        return None
    return Listing(
        task=f"the class in {kept['target']}",
        n=kept["rows"],
        shape=(len(kept["features"]),),
        classes=len(kept["classes"]),
        source=kept["source"],
        licence=kept.get("licence") or "not stated",
        how=f"run `{kept['command']}` again",
    )


def files(name: str) -> tuple[Path, Path]:
    """`about.json` and the file of the rows, which it names. Neither exists where there is no such table."""
    folder, kept = table_folder(name), about(name)
    return folder / ABOUT, folder / (kept["file"] if kept else "rows.parquet")


def names() -> list[str]:
    """Of all tables that are kept."""
    home = table_folder("any").parent
    return sorted(path.name for path in home.iterdir() if about(path.name)) if home.is_dir() else []


def free(name: str) -> None:
    """UsageError for the name of a table, which a folder of images cannot have."""
    if about(name):
        raise UsageError(f"--name {name} is the name of a table: take another")
