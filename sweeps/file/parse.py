"""A YAML 1.2 file as nodes: ruamel.yaml's events, put together here, so that nothing nests or repeats without bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from sweeps.file.document import DEEPEST, Entry, Mistakes, Node, Place, scalar

MOST_VALUES = 100_000  # of a file with aliases, each alias counted as what it stands for
_TAB = "found character '\\t' that cannot start any token"


def parse(text: str, source: str) -> Node:
    """The one document of `text`. Mistakes: what is not YAML, or a key that is given twice or is not a word."""
    root, mistakes = parsed(text, source)
    if mistakes:
        raise Mistakes(mistakes)
    return root


def parsed(text: str, source: str) -> tuple[Node, list[tuple[Place, str]]]:
    """The document, and the mistakes of its keys, for the reader to add its own. Mistakes for what is not YAML."""
    composer = _Composer(source)
    try:
        for event in _events(text):
            composer.take(event)
    except MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
        problem = "a tab is here: use spaces" if error.problem == _TAB else error.problem or error.context
        raise place.error(f"not YAML: {problem}") from None
    except YAMLError as error:
        raise Place(source).error(f"not YAML: {error}") from None
    return composer.root or Node(None, Place(source)), composer.mistakes


def _events(text: str) -> Iterator[Event]:
    yield from YAML(typ="safe", pure=True).parse(text)


@dataclass(slots=True)
class _Open:
    """A list or a mapping whose end is still to come."""

    place: Place
    anchor: str | None
    mapping: bool
    before: int  # values ahead of it
    children: list[Node] = field(default_factory=list[Node])
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    key: Node | None = None


@dataclass(slots=True)
class _Composer:
    source: str
    root: Node | None = None
    mistakes: list[tuple[Place, str]] = field(default_factory=list[tuple[Place, str]])
    _stack: list[_Open] = field(default_factory=list[_Open])
    _anchors: dict[str, tuple[Node, int]] = field(default_factory=dict[str, tuple[Node, int]])  # and its size
    _count: int = 0

    def take(self, event: Event) -> None:
        mark: Any = event.start_mark
        place = Place(self.source, mark.line + 1, mark.column + 1)
        if isinstance(event, DocumentStartEvent) and self.root:
            raise place.error("not YAML: a second document begins here; a sweep file is one")
        if isinstance(event, AliasEvent):
            self._add(self._meant(str(event.anchor), place))
        elif isinstance(event, ScalarEvent):
            self._count += 1
            node = Node(event.value if event.style else scalar(event.value), place)
            if event.anchor:
                self._anchors[event.anchor] = (node, 1)
            self._add(node, str(event.value))
        elif isinstance(event, CollectionStartEvent):
            if len(self._stack) == DEEPEST:
                raise place.error(f"more than {DEEPEST} lists and mappings lie within each other")
            self._stack.append(_Open(place, event.anchor, isinstance(event, MappingStartEvent), self._count))
            self._count += 1
        elif isinstance(event, SequenceEndEvent | MappingEndEvent):
            done = self._stack.pop()
            node = Node(done.entries if done.mapping else tuple(done.children), done.place)
            if done.anchor:
                self._anchors[done.anchor] = (node, self._count - done.before)
            self._add(node)

    def _meant(self, anchor: str, place: Place) -> Node:
        if any(one.anchor == anchor for one in self._stack):
            raise place.error(f"the alias '*{anchor}' stands within what it stands for")
        if anchor not in self._anchors:
            raise place.error(f"not YAML: the alias '*{anchor}' has no anchor '&{anchor}' before it")
        node, size = self._anchors[anchor]
        self._count += size
        if self._count > MOST_VALUES:
            raise place.error(f"the aliases up to here stand for more than {MOST_VALUES:,} values")
        return node

    def _add(self, node: Node, word: str | None = None) -> None:
        """`word`: the text of a scalar that is written here, as only a key may be."""
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if not top.mapping:
            top.children.append(node)
        elif top.key is None:
            top.key = Node(word, node.place)
        else:
            key, top.key = top.key, None
            self._enter(top, key, node)

    def _enter(self, mapping: _Open, key: Node, node: Node) -> None:
        name = key.value
        if name == "<<":
            self.mistakes.append((key.place, "merge keys (`<<`) are not read: write the keys themselves"))
        elif not isinstance(name, str):
            self.mistakes.append((key.place, "a key is a single word"))
        elif name in mapping.entries:
            self.mistakes.append((key.place, f"the key '{name}' stands here for the second time"))
        else:
            mapping.entries[name] = Entry(key.place, Node(None, key.place) if node.value is None else node)
