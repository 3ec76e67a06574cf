"""Where data sets and what is known of them live on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

VARIABLE = "NORMSWEEP_DATA"


def data_home() -> Path:
    """The folder of data sets: `NORMSWEEP_DATA`, else `$XDG_DATA_HOME/normsweep`, else `~/.local/share/normsweep`."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else _xdg("XDG_DATA_HOME", ".local/share")


def uci_files(name: str) -> tuple[Path, Path]:
    """`<name>.parquet` (float32 `f0…`, integer `label`) and `<name>.folds.json` (`folds`: strings of 0, 1, 2)."""
    folder = data_home() / "uci"
    return folder / f"{name}.parquet", folder / f"{name}.folds.json"


def array_files(name: str) -> tuple[Path, Path, Path]:
    """`about.json` and the memory-mapped `x.npy`, `y.npy` of an image set."""
    folder = data_home() / "arrays" / name
    return folder / "about.json", folder / "x.npy", folder / "y.npy"


def folder_files(name: str) -> tuple[Path, Path]:
    """`about.json` and the index of an image set that stays in its own folder: the file that `about.json` names, else
    `index.parquet`.
    """
    about = data_home() / "folders" / name / "about.json"
    try:
        index = Path(json.loads(about.read_bytes())["index"]).name
    except (OSError, ValueError, KeyError, TypeError):
        index = "index.parquet"
    return about, about.with_name(index or "index.parquet")


def table_folder(name: str) -> Path:
    """`about.json` and the rows, as Parquet, of a table of the user's."""
    return data_home() / "tables" / name


def sample_file(name: str) -> Path:
    """The file of `cifar10-sample` or `cifar100-sample`."""
    return data_home() / "cifar" / f"{name.removesuffix('-sample')}_sample.npz"


def cache_home() -> Path:
    """`$XDG_CACHE_HOME/normsweep`, else `~/.cache/normsweep`; everything in it may be deleted."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def _xdg(variable: str, otherwise: str) -> Path:
    named = os.environ.get(variable)
    return (Path(named) if named else Path.home() / otherwise) / "normsweep"
