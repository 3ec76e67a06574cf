"""Where a sweep file says what: for sentences about trials, which are made long after it was read."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sweeps.file.document import Entry, Node, Place, scalar_text
from sweeps.words.settings import CHOICES, DECLARED

Places = Mapping[tuple[str, str], Place]  # of a setting and the text of a value, or "" for the setting itself

_PAIR = re.compile(r"(\w+)=([^\s,;:]+)")
_NAME = re.compile(r"[\w.+-]+")
_NAMES = ("dataset", *CHOICES)


def places(root: Node) -> Places:
    """Of every setting of the section `trial`, and of each of its values."""
    found: dict[tuple[str, str], Place] = {}
    trial = _entries(_entries(Entry(root.place, root)).get("trial"))
    _note(trial, found)
    for section in ("zip", "where", "random"):
        for element in trial[section].node.elements() if section in trial else ():
            _note(_entries(Entry(element.place, element)), found)
    return found


def located(sentence: str, known: Places) -> str:
    """The sentence with the place of what it names first: a value of a setting, else a data set or a choice, else a
    setting. As it is where the file says none of these."""
    pairs: list[tuple[str, str]] = _PAIR.findall(sentence)
    names = [(kind, word) for word in _NAME.findall(sentence) for kind in _NAMES]
    asked = [*pairs, *names, *((name, "") for name, _ in pairs)]
    place = next((known[key] for key in asked if key in known), None)
    return f"{place}: {sentence}" if place else sentence


def _entries(entry: Entry | None) -> dict[str, Entry]:
    return entry.node.value if entry and isinstance(entry.node.value, dict) else {}


def _note(entries: Mapping[str, Entry], found: dict[tuple[str, str], Place]) -> None:
    for name, (key, node) in entries.items():
        if name not in DECLARED:
            continue
        found.setdefault((name, ""), key)
        for element in node.elements():
            value = element.value
            if isinstance(value, dict):
                for word, (place, inner) in value.items():
                    found.setdefault((name, word), place)
                    if name not in CHOICES:
                        _note({name: Entry(place, inner)}, found)
            elif not isinstance(value, tuple):
                found.setdefault((name, scalar_text(value)), element.place)
