"""What an import of a folder of images found: a table for people, the same as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from trainers.data.images.layout import Skipped, counted

SHOWN = 20  # classes of the table
NAMED = 3  # of each sort of paths
NOTED = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderReport:
    """`parts`: the folder of each part. `counts`: by part, the images of each class. `converted`: images of each kind
    (`conversion.REVISIONS`). `replaced`: the digest that the name had before, where it was another. `unreadable`: files
    left out on request, with the reason. `notes`: sentences.
    """

    name: str
    root: str
    digest: str
    parts: dict[str, str]
    classes: list[str]
    counts: dict[str, list[int]]
    converted: dict[str, int]
    background: str
    skipped: list[Skipped]
    replaced: str = ""
    unreadable: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])

    def as_json(self) -> dict[str, Any]:
        return {
            "root": self.root,
            "digest": self.digest,
            "replaced": self.replaced,
            "parts": self.parts,
            "classes": {
                name: {"images" if self.parts[part] == "." else part: counts[i] for part, counts in self.counts.items()}
                for i, name in enumerate(self.classes)
            },
            "converted": self.converted,
            "background": self.background,
            "skipped": [entry._asdict() for entry in self.skipped],
            "unreadable": self.unreadable,
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """The table and what is to be said below it."""
        titles = [_title(part, folder) for part, folder in self.parts.items()]
        rows = [
            [name, *(str(counts[i]) for counts in self.counts.values())] for i, name in enumerate(self.classes[:SHOWN])
        ]
        rest = len(self.classes) - SHOWN
        if rest > 0:
            sums = (str(sum(counts[SHOWN:])) for counts in self.counts.values())
            rows.append([f"… {rest} more classes", *sums])
        rows.append([f"{len(self.classes)} classes", *(str(sum(counts)) for counts in self.counts.values())])
        return [*_table([["class", *titles], *rows]), *self._sentences()]

    def _sentences(self) -> list[str]:
        sentences: list[str] = []
        if self.converted:
            kinds = [f"{n:,} × {k}{f' (put on {self.background})' * (k == 'alpha')}" for k, n in self.converted.items()]
            sentences.append(f"converted to RGB: {', '.join(kinds)}")
        for why, count in Counter(entry.why for entry in self.skipped).items():
            own = [entry for entry in self.skipped if entry.why == why]
            images = sum(entry.images for entry in own)
            held = f", with {counted(images, 'image')}" if images else ""
            sentences.append(f"skipped: {count} × {why}{held}: {_some([entry.path for entry in own])}")
        if self.unreadable:
            sentences.append(f"left out: {len(self.unreadable)} unreadable: {_some(list(self.unreadable.values()))}")
        sentences += [f"note: {note}" for note in self.notes[:NOTED]]
        rest = len(self.notes) - NOTED
        return [*sentences, f"{counted(rest, 'more note')}: --json shows all"] if rest > 0 else sentences


def _title(part: str, folder: str) -> str:
    if folder == ".":
        return "images"
    return part if folder == part else f"{part} ({folder})"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]
