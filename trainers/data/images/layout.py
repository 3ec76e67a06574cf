"""What lies in a folder of images: its parts, its classes, their files, and what is passed over, with the reason."""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from sweeps.errors import UsageError

PARTS = {  # what a part's folder may be called, in any case
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib"),
    *(".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"),
)
OF_SYSTEMS = {
    *("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found"),
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__pycache__"),
    *(".ds_store", ".ipynb_checkpoints", ".spotlight-v100", ".trashes", ".fseventsd", ".git"),
}

HIDDEN = "hidden"
SYSTEM = "made by a system or a program"
NESTED = "a folder inside a class"
BESIDE = "beside the classes"
BESIDE_PARTS = "beside the parts"
FORMAT = "not a format that is read"
EMPTY = "a class without images"


class Skipped(NamedTuple):
    """A path below the root that is not used; `images`: how many files in it are named as images."""

    path: str
    why: str
    images: int = 0


class File(NamedTuple):
    """An image file: path below the root, bytes, time of its last change in nanoseconds."""

    path: str
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Layout:
    """`parts`: the folder of each part, below the root (`.`: the root holds the classes). `classes`: by part and class,
    in the order of their names, the files. `broken`: files that cannot be looked at, with the reason.
    """

    root: Path
    parts: dict[str, str] = field(default_factory=dict[str, str])
    classes: dict[str, dict[str, list[File]]] = field(default_factory=dict[str, dict[str, list[File]]])
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    broken: dict[str, str] = field(default_factory=dict[str, str])


def lay_out(root: Path, parts: dict[str, str] | None = None) -> Layout:
    """What the folder holds. `parts`: the folders to read, where it is known; else as they are found.

    UsageError for a folder that can be read in two ways or in none, and for one that cannot be listed.
    """
    layout = Layout(root)
    folders, files = _visible(layout, ".")
    layout.parts.update(parts or _parts(root, folders))
    if "." in layout.parts.values():
        layout.skipped.clear()  # the root is listed once more, as a part
    else:
        beside = [name for name in (*folders, *files) if name not in layout.parts.values()]
        layout.skipped.extend(Skipped(name, BESIDE_PARTS, _deep(root / name)) for name in beside)
    for part, folder in layout.parts.items():
        layout.classes[part] = _classes(layout, folder)
    return layout


def counted(count: int, thing: str) -> str:
    """1 image, 2 images."""
    return f"{count:,} {thing}{'s' * (count != 1)}"


def _parts(root: Path, folders: list[str]) -> dict[str, str]:
    named = {name: part for name in folders for part, words in PARTS.items() if name.lower() in words}
    holding = [name for name in named if any(_is_folder(entry) for entry in _entries(root / name))]
    if not holding:
        if set(named) == set(folders) and "train" in named.values():
            raise UsageError(f"{root / folders[0]} must have folders, one a class, not 0 of them")
        return {"train": "."}
    if "train" not in named.values():
        if any(_direct(root / name) for name in folders if name not in named):  # a class that is called as a part is
            return {"train": "."}
        raise UsageError(f"{root} has a folder {holding[0]} but no folder train")
    parts: dict[str, str] = {}
    for name, part in named.items():
        if part in parts:
            raise UsageError(f"{root / parts[part]} and {root / name} both name the part {part}: leave one of them")
        if name not in holding and (images := _direct(root / name)):
            raise UsageError(
                f"{root / name} holds {counted(images, 'image')} but no folder a class, so their classes are unknown: "
                "give them such folders, or move it elsewhere"
            )
        if name in holding:
            parts[part] = name
    for name in folders:
        if name not in named and (images := _direct(root / name)):
            raise UsageError(
                f"{root / name} holds {counted(images, 'image')} as a class would, but {root / holding[0]} holds "
                "folders as a part would: move one of them elsewhere"
            )
    if "train" not in parts:
        raise UsageError(f"{root}: its folder train must have folders, one a class, not 0 of them")
    if list(parts) == ["train"]:
        raise UsageError(
            f"{root} has a folder {parts['train']}, so it must have val or test too; for splits by chance import "
            f"{root / parts['train']}"
        )
    return {part: parts[part] for part in PARTS if part in parts}


def _classes(layout: Layout, folder: str) -> dict[str, list[File]]:
    """By class; of a name that is written in two ways (composed, decomposed letters) the composed one."""
    names, files = _visible(layout, folder)
    layout.skipped.extend(Skipped(name, BESIDE, _is_image(name)) for name in files)
    found: dict[str, tuple[str, list[File]]] = {}
    for name in names:
        label = unicodedata.normalize("NFC", PurePosixPath(name).name)
        if label in found:
            raise UsageError(
                f"{layout.root / found[label][0]} and {layout.root / name} name the same class: merge them"
            )
        found[label] = name, _images(layout, name)
    return {label: found[label][1] for label in sorted(found)}


def _images(layout: Layout, folder: str) -> list[File]:
    folders, files = _visible(layout, folder)
    layout.skipped.extend(Skipped(name, NESTED, _deep(layout.root / name)) for name in folders)
    found: list[File] = []
    for name in files:
        path = layout.root / name
        if not _is_image(name):
            layout.skipped.append(Skipped(name, FORMAT))
            continue
        try:
            state = path.stat()
        except OSError as error:
            link = f", a link to {path.readlink()}" if path.is_symlink() else ""
            layout.broken[name] = f"{path} cannot be read ({error.strerror}{link})"
            continue
        if stat.S_ISREG(state.st_mode):
            found.append(File(name, state.st_size, state.st_mtime_ns))
        else:
            layout.broken[name] = f"{path} cannot be read (it is not a file)"
    return found


def _visible(layout: Layout, folder: str) -> tuple[list[str], list[str]]:
    """The folders and the files of a folder, as paths below the root; those that are hidden or a system's are noted.

    UsageError for a name that is not UTF-8, which no index could hold.
    """
    folders: list[str] = []
    files: list[str] = []
    for entry in sorted(_entries(layout.root / folder), key=lambda entry: entry.name):
        path = str(PurePosixPath(folder, entry.name))
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"{str(layout.root / path).encode(errors='backslashreplace').decode()} has a name that is not UTF-8: "
                "rename it"
            ) from None
        system = entry.name.lower() in OF_SYSTEMS
        if system or entry.name.startswith("."):
            layout.skipped.append(Skipped(path, SYSTEM if system else HIDDEN, _deep(layout.root / path)))
        elif entry.is_symlink() and not Path(entry).exists() and not _is_image(entry.name):
            raise UsageError(f"{layout.root / path} is a link to {Path(entry).readlink()}, which is missing: remove it")
        else:
            (folders if _is_folder(entry) else files).append(path)
    return folders, files


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UsageError(f"{folder} cannot be read ({error.strerror})") from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    seen = not entry.name.startswith(".") and entry.name.lower() not in OF_SYSTEMS
    return seen and Path(entry).is_dir()


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _direct(folder: Path) -> int:
    names = (entry.name for entry in _entries(folder) if not Path(entry).is_dir())
    return sum(_is_image(name) and not name.startswith(".") for name in names)


def _deep(path: Path) -> int:
    """Images in a folder and below it, through no link; of a file whether it is one."""
    if not path.is_dir():
        return int(_is_image(path.name))
    return sum(_is_image(name) for _, _, names in os.walk(path) for name in names)
