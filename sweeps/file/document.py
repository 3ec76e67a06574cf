"""Nodes: the values of a sweep file that know where they stand, so that a mistake names file, line and column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from sweeps.errors import UsageError
from sweeps.words.choice import Scalar
from sweeps.words.near import unknown

A = TypeVar("A")
T = TypeVar("T")

DEEPEST = 100  # lists and mappings within each other
_LONGEST_NUMBER = 1000  # characters
_SHOWN = 60  # characters of a value in a sentence

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file (line and column from 1), or anything else that a value came from (line 0).

    `recorded`: a value of a sweep that was checked when it was recorded, by the bounds of that time.
    """

    source: str
    line: int = 0
    column: int = 0
    recorded: bool = False

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source

    def error(self, sentence: str) -> Mistakes:
        return Mistakes([(self, sentence)])


class Mistakes(UsageError):
    """All that is wrong in one file: a line for each mistake, in the order of their places, each once."""

    def __init__(self, found: Iterable[tuple[Place, str]]) -> None:
        self.found = sorted(dict.fromkeys(found), key=lambda mistake: (mistake[0].line, mistake[0].column))
        super().__init__(self.found)

    def __str__(self) -> str:
        return "\n".join(f"{place}: {sentence}" for place, sentence in self.found)


def each(read: Callable[[A], T], items: Iterable[A]) -> list[T]:
    """What `read` makes of every item. Mistakes, with those of all items, when any has one."""
    made: list[T] = []
    found: list[tuple[Place, str]] = []
    for item in items:
        try:
            made.append(read(item))
        except Mistakes as mistakes:
            found += mistakes.found
    if found:
        raise Mistakes(found)
    return made


class Entry(NamedTuple):
    key: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    value: Scalar | tuple[Node, ...] | dict[str, Entry]
    place: Place

    def entries(self, what: str) -> dict[str, Entry]:
        """The entries of a mapping; nothing at all is an empty one. Mistakes for anything else."""
        if isinstance(self.value, dict):
            return self.value
        if self.value is None:
            return {}
        raise self.error(f"{what} is a mapping (`key: value`), not {self}")

    def section(self, what: str, readers: Mapping[str, Callable[[Node], T]]) -> dict[str, T]:
        """What the reader of each key makes of its node. Mistakes: all unknown keys, and all that the readers find."""

        def one(item: tuple[str, Entry]) -> tuple[str, T]:
            name, (place, node) = item
            if name not in readers:
                raise place.error(unknown(f"key of {what}", name, readers))
            return name, readers[name](node)

        return dict(each(one, self.entries(what if " " in what else f"'{what}'").items()))

    def elements(self) -> tuple[Node, ...]:
        """The elements of a list; anything else is a list of one."""
        return self.value if isinstance(self.value, tuple) else (self,)

    def data(self) -> Any:
        """As plain Python data; `plain` is its inverse."""
        if isinstance(self.value, tuple):
            return [element.data() for element in self.value]
        if isinstance(self.value, dict):
            return {key: entry.node.data() for key, entry in self.value.items()}
        return self.value

    def error(self, sentence: str) -> Mistakes:
        return self.place.error(sentence)

    def __str__(self) -> str:
        text = self._text()
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

    def _text(self) -> str:
        if isinstance(self.value, tuple):
            return "[" + ", ".join(map(str, self.value[:_SHOWN])) + "]"
        if isinstance(self.value, dict):
            return "{" + ", ".join(f"{key}: {entry.node}" for key, entry in self.value.items()) + "}"
        return repr(self.value) if isinstance(self.value, str) else scalar_text(self.value)


def scalar(text: str) -> Scalar:
    """A plain scalar by YAML 1.2's core schema: `1e-3` is a number, `no` is a string, `010` is 10."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def scalar_text(value: Scalar) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def plain(value: object, source: str, *, recorded: bool = False, depth: int = 0) -> Node:
    """Nodes from plain Python data, all of the same place."""
    place = Place(source, recorded=recorded)

    def inner(value: object) -> Node:
        return plain(value, source, recorded=recorded, depth=depth + 1)

    if depth > DEEPEST:
        raise place.error(f"more than {DEEPEST} lists and mappings lie within each other")
    if isinstance(value, Mapping):
        items: Mapping[object, object] = value
        return Node({str(k): Entry(place, inner(v)) for k, v in items.items()}, place)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return Node(tuple(inner(v) for v in value), place)
    if value is None or isinstance(value, bool | int | float | str):
        return Node(value, place)
    raise place.error(f"{value!r} is not a plain value: a sweep holds numbers, texts, true, false, lists and mappings")
