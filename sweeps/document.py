"""A YAML 1.2 file as nodes that know where they stand, so that an error names file, line and column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from sweeps.choice import Scalar
from sweeps.errors import UsageError

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
    """A position in a file (line and column from 1), or anything else that a value came from (line 0)."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source

    def error(self, sentence: str) -> UsageError:
        return UsageError(f"{self}: {sentence}")


class Entry(NamedTuple):
    key: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    value: Scalar | tuple[Node, ...] | dict[str, Entry]
    place: Place

    def entries(self, what: str) -> dict[str, Entry]:
        """The entries of a mapping; nothing at all is an empty one. UsageError for anything else."""
        if isinstance(self.value, dict):
            return self.value
        if self.value is None:
            return {}
        raise self.error(f"{what} is a mapping (`key: value`), not {self}")

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

    def error(self, sentence: str) -> UsageError:
        return self.place.error(sentence)

    def __str__(self) -> str:
        if isinstance(self.value, tuple):
            return "[" + ", ".join(map(str, self.value)) + "]"
        if isinstance(self.value, dict):
            return "{" + ", ".join(f"{key}: {entry.node}" for key, entry in self.value.items()) + "}"
        return repr(self.value) if isinstance(self.value, str) else scalar_text(self.value)


def scalar(text: str) -> Scalar:
    """A plain scalar by YAML 1.2's core schema: `1e-3` is a number, `no` is a string, `010` is 10."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def scalar_text(value: Scalar) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def parse(text: str, source: str) -> Node:
    """The one document of `text`. UsageError for what is not YAML, a key given twice, a key that is no word."""
    try:
        root: Any = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
        raise place.error(f"not YAML: {error.problem or error.context}") from None
    except YAMLError as error:
        raise Place(source).error(f"not YAML: {error}") from None
    return Node(None, Place(source)) if root is None else _node(root, source, ())


def plain(value: object, source: str) -> Node:
    """Nodes from plain Python data, all of the same place."""
    place = Place(source)
    if isinstance(value, Mapping):
        items: Mapping[object, object] = value
        return Node({str(k): Entry(place, plain(v, source)) for k, v in items.items()}, place)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return Node(tuple(plain(v, source) for v in value), place)
    if value is None or isinstance(value, bool | int | float | str):
        return Node(value, place)
    raise place.error(f"{value!r} is no plain value")


def _node(node: Any, source: str, above: tuple[Any, ...]) -> Node:
    place = _place(node, source)
    if any(node is other for other in above):
        raise place.error("an alias must not contain itself")
    above = (*above, node)
    if isinstance(node, ScalarNode):
        text: str = node.value
        return Node(text if node.style else scalar(text), place)
    if isinstance(node, SequenceNode):
        return Node(tuple(_node(child, source, above) for child in node.value), place)
    assert isinstance(node, MappingNode)
    entries: dict[str, Entry] = {}
    for key, child in node.value:
        where = _place(key, source)
        if not isinstance(key, ScalarNode):
            raise where.error("a key is a single word")
        if key.value in entries:
            raise where.error(f"the key '{key.value}' stands here for the second time")
        value = _node(child, source, above)
        entries[key.value] = Entry(where, Node(None, where) if value.value is None else value)
    return Node(entries, place)


def _place(node: Any, source: str) -> Place:
    return Place(source, node.start_mark.line + 1, node.start_mark.column + 1)
