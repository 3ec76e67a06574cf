"""What a person should know of an import of images that succeeds."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from trainers.data.folders import part_codes
from trainers.data.images.index import Index
from trainers.data.images.layout import EMPTY, File, Layout, Skipped, counted
from trainers.data.reading import Examined, some

CODES = {"train": 0, "validation": 1, "test": 2}


class Row(NamedTuple):
    """One image that is used, and the part that it is used in."""

    part: str
    label: str
    file: File
    seen: Examined


def empty_classes(layout: Layout, rows: list[Row]) -> list[Skipped]:
    """Folders of classes of which no image is used."""
    used = {row.file.path for row in rows}
    return [
        Skipped(str(PurePosixPath(own[0].path).parent if own else PurePosixPath(folder, label)), EMPTY)
        for part, folder in layout.parts.items()
        for label, own in layout.classes[part].items()
        if not any(file.path in used for file in own)
    ]


def missing_classes(name: str, index: Index, classes: list[str]) -> list[str]:
    """Which classes have no image in a part of some split."""
    y = np.array(index.columns["label"])
    codes = part_codes(name, y, index)
    found: list[str] = []
    for part, code in CODES.items():
        held = [np.bincount(y[row == code], minlength=len(classes)) for row in codes if (row == code).any()]
        splits = [k for k, row in enumerate(codes) if (row == code).any()]
        for label, title in enumerate(classes):
            lacking = [str(k) for k, counts in zip(splits, held, strict=True) if not counts[label]]
            if lacking:
                where = "any split" if len(lacking) == len(splits) else f"split {', '.join(lacking)}"
                found.append(f"{title} ({counted(int((y == label).sum()), 'image')}) has no {part} image in {where}")
    return found


def doubled(rows: list[Row]) -> list[str]:
    """Whether the same bytes lie in two parts or have two classes."""
    first: dict[str, Row] = {}
    parts, labels = list[str](), list[str]()
    for row in rows:
        other = first.setdefault(row.seen.sha256, row)
        pair = f"{other.file.path} = {row.file.path}"
        if other.part != row.part:
            parts.append(pair)
        if other.label != row.label:
            labels.append(pair)
    found = (("two parts", parts), ("two classes", labels))
    return [
        f"{counted(len(pairs), 'image')} in {where} with the same bytes: {some(pairs)}"
        for where, pairs in found
        if pairs
    ]
