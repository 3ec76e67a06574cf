"""Bringing a folder of images: every file read once, then its index written. The images stay where they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweeps.errors import UsageError
from sweeps.identity import short
from trainers.data.images.conversion import REVISIONS, check_background, one_spelling
from trainers.data.images.index import Index, content_digest, inherited, write
from trainers.data.images.layout import BESIDE, NESTED, Layout, counted, lay_out
from trainers.data.images.remarks import CODES, Row, doubled, empty_classes, missing_classes
from trainers.data.images.report import FolderReport
from trainers.data.listings.listing import Listing
from trainers.data.reading import examine, some

LEAST = 3  # images of a class that is split by chance: one for each part


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """`background`: for transparent pictures. `first_frame`: of files that have several. `skip_unreadable`: leave out
    files that cannot be read. UsageError for a background that is no colour.
    """

    background: str = "white"
    first_frame: bool = False
    skip_unreadable: bool = False

    def __post_init__(self) -> None:
        check_background(self.background)


class UnusableImages(UsageError):
    """Files that cannot be used as they are: `files` maps each path below the root to the reason."""

    def __init__(self, files: dict[str, str], way_out: str) -> None:
        super().__init__(f"{some(list(files.values()))}: {way_out}")
        self.files = files


def bring(name: str, listing: Listing | None, root: Path, wishes: Wishes | None = None) -> FolderReport:
    """Write the index of a folder with a folder a class, in parts as `layout.PARTS` calls them or in none.

    A validation part without a test part serves as the test part, as ImageNet's does. Without parts there are seeded
    stratified splits. With a listing the parts are train and val, sizes must be the listing's, and pixels those that
    everybody trains on: Pillow's own. UsageError, with nothing written, for what cannot be read as it is.
    """
    wishes = wishes or Wishes(first_frame=listing is not None)
    layout = lay_out(root, {"train": "train", "validation": "val"} if listing else None)
    if listing and len(classes := layout.classes["train"]) != listing.classes:
        raise UsageError(
            f"{root / 'train'} must have {listing.classes} folders, one a class, not {len(classes)}; "
            "another set of images needs a name: --name NAME"
        )
    if listing and (n := sum(len(own) for held in layout.classes.values() for own in held.values())) != listing.n:
        raise UsageError(f"{root} must have {listing.n} images in train and val, not {n}")
    parts, notes = dict(layout.parts), list[str]()
    if "validation" in parts and "test" not in parts:
        notes.append(f"{parts['validation']} serves as the test part, since there is no test part")
        parts = {"train": parts["train"], "test": parts["validation"]}
    rows, unreadable = _usable(layout, list(parts), wishes)
    if listing:
        rows = [row._replace(seen=replace(row.seen, kinds=())) for row in rows]
    classes = _labels(layout, parts, rows)
    index = _index(root, list(parts), classes, rows, wishes)
    digest, before = inherited(name, index)
    if before not in ("", digest):
        notes.append(
            f"{name} has another digest than after its last import ({short(before)}): results of that one stay, sweeps "
            "plan new trials"
        )
    if "." in parts.values():
        notes.append("splits 0 to 4 are drawn by chance: 60 % train, 15 % validation, 25 % test of each class")
    held = Counter((row.part, row.label) for row in rows)
    report = FolderReport(
        name=name,
        root=str(root.resolve()),
        digest=digest,
        replaced=before if before != digest else "",
        parts=parts,
        classes=classes,
        counts={part: [held[part, label] for label in classes] for part in parts},
        converted=dict(Counter(kind for row in rows for kind in row.seen.kinds)),
        background=wishes.background,
        skipped=[*layout.skipped, *empty_classes(layout, rows)],
        unreadable=unreadable,
        notes=[*notes, *missing_classes(name, index, classes), *doubled(rows)],
    )
    write(name, replace(index, digest=digest), {"classes": len(classes)}, report.as_json())
    return report


def _index(root: Path, parts: list[str], classes: list[str], rows: list[Row], wishes: Wishes) -> Index:
    number = {label: i for i, label in enumerate(classes)}
    columns: dict[str, list[Any]] = {
        "file": [row.file.path for row in rows],
        "bytes": [row.file.size for row in rows],
        "mtime": [row.file.mtime for row in rows],
        "sha256": [row.seen.sha256 for row in rows],
        "label": [number[row.label] for row in rows],
        "part": [CODES[row.part] for row in rows],
    }
    rules: dict[str, Any] = {
        kind: REVISIONS[kind] for kind in sorted({kind for row in rows for kind in row.seen.kinds})
    }
    if "alpha" in rules:
        rules["background"] = one_spelling(wishes.background)
    sizes = Counter(row.part for row in rows)
    counts = {part: sizes[part] for part in parts}
    return Index(root=root, parts=counts, columns=columns, digest=content_digest(columns, rules), rules=rules)


def _usable(layout: Layout, parts: list[str], wishes: Wishes) -> tuple[list[Row], dict[str, str]]:
    """The files to use, part by part and class by class, and those left out. `parts`: what each is used as."""
    files = [file for held in layout.classes.values() for own in held.values() for file in own]
    examined = dict(zip(files, examine(layout.root, [file.path for file in files]), strict=True))
    unreadable = layout.broken | {file.path: seen.problem for file, seen in examined.items() if seen.problem}
    if unreadable and not wishes.skip_unreadable:
        raise UnusableImages(
            unreadable,
            "restore what is torn or take it out, and import again; with --name, --skip-unreadable leaves it out",
        )
    animated = {file.path: seen.frames for file, seen in examined.items() if seen.frames > 1}
    if animated and not wishes.first_frame:
        sentences = {path: f"{layout.root / path} has {count} frames" for path, count in animated.items()}
        raise UnusableImages(sentences, "--first-frame takes the first of each")
    rows = [
        Row(part, label, file, examined[file])
        for part, held in zip(parts, layout.classes.values(), strict=True)
        for label, own in held.items()
        for file in own
        if file.path not in unreadable
    ]
    return rows, unreadable


def _labels(layout: Layout, parts: dict[str, str], rows: list[Row]) -> list[str]:
    """The classes, which are those with training images. UsageError for too few of them and for too few images.

    `parts`: the folder of each, as it is used.
    """
    images = Counter(row.label for row in rows if row.part == "train")
    train = layout.root / layout.parts["train"]
    if len(images) < 2:
        raise UsageError(
            f"{train} must have folders, one a class, not {len(images)} of them with images{_hint(layout)}"
        )
    unknown = sorted({row.label for row in rows} - images.keys())
    if unknown:
        where = next(row.file.path for row in rows if row.label == unknown[0])
        raise UsageError(
            f"the class {unknown[0]} ({layout.root / where}) has no image in {train}, so nothing could learn it: add "
            "some, or take it out"
        )
    if list(layout.parts) == ["train"]:
        small = [
            f"{train / label} has {counted(count, 'image')}" for label, count in sorted(images.items()) if count < LEAST
        ]
        if small:
            raise UsageError(
                f"{some(small)}: a class needs {LEAST} at least, one each for training, validation and test; add some, "
                "or take it out"
            )
    empty = set(parts) - {row.part for row in rows}
    if empty:
        folder = layout.root / parts[min(empty)]
        raise UsageError(f"{folder} holds no image that can be used in its folders: add some, or take it out")
    return sorted(images)


def _hint(layout: Layout) -> str:
    """Where the images of a folder without classes lie."""
    folders = list(layout.classes["train"])
    deep = [entry for entry in layout.skipped if entry.why == NESTED and entry.images]
    if deep and len(folders) == 1 and list(layout.parts) == ["train"]:
        return f"; import {layout.root / folders[0]}"
    if deep:
        return f"; {counted(deep[0].images, 'image')} lie deeper, in {layout.root / deep[0].path}"
    beside = sum(entry.images for entry in layout.skipped if entry.why == BESIDE)
    return f"; {counted(beside, 'image')} lie in it directly" if beside else ""
