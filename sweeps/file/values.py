"""Typed values out of the nodes of a sweep file: one value, an axis of them, a choice with its options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain, product
from math import prod
from sys import float_info
from typing import TypeVar

from sweeps.errors import UsageError
from sweeps.file.document import Entry as Given
from sweeps.file.document import Node, each
from sweeps.words.choice import Choice, OptionValue
from sweeps.words.composition import parts
from sweeps.words.declared import WORDS, Entry, Option
from sweeps.words.kinds import entry_of
from sweeps.words.near import unknown
from sweeps.words.settings import CHOICES, LISTS, SETTINGS, Value
from sweeps.words.vocabulary import resolved

N = TypeVar("N", int, float)
V = TypeVar("V")

MOST_TRIALS = 1_000_000  # that the axes of one sweep may multiply to, and so values of an axis

_RANGE = re.compile(r"(-?[0-9]{1,1000})\.\.(-?[0-9]{1,1000})")


def axis(name: str, node: Node) -> tuple[Value, ...]:
    """All values that a setting takes, in order. Mistakes, each with its place, for what it cannot take and for a value
    that is named twice."""
    if name in LISTS:
        return (_list(name, SETTINGS[name], node),)
    if node.value in (None, ()):
        raise node.error(f"the axis '{name}' is empty: give it a value or leave it out")
    found: tuple[Value, ...]
    if name in CHOICES:
        found = tuple(_together(name, node, each(lambda e: choices(name, e), node.elements())))
    else:
        found = values(name, SETTINGS[name], node)
    return _once(name, node, found)


def _list(name: str, option: Option, node: Node) -> Value:
    """The one value of a setting that is a list, in an order of its own: to name its elements in another changes
    nothing. What `default` holds is always in it."""
    elements = () if node.value is None else node.elements()
    found: dict[str, Choice] = {}
    for choice in _together(name, node, each(lambda e: choices(name, e), elements)):
        if choice.name in found:
            raise node.error(f"'{name}' names {choice.name} twice: leave one out")
        found[choice.name] = choice
    always = option.usual if isinstance(option.usual, tuple) else ()
    found |= {c.name: c for c in always if isinstance(c, Choice) and c.name not in found}
    return tuple(found[word] for word in sorted(found))


def _once(name: str, node: Node, found: tuple[Value, ...]) -> tuple[Value, ...]:
    seen: set[Value] = set()
    for value in found:
        if value in seen:
            raise node.error(f"'{name}' is {value} twice here: each value makes its trials once, leave one out")
        seen.add(value)
    return found


def single(name: str, node: Node) -> Value:
    found = axis(name, node)
    if len(found) != 1:
        raise node.error(f"'{name}' takes one value here, not {len(found)}")
    return found[0]


def values(name: str, option: Option, node: Node) -> tuple[OptionValue, ...]:
    """An option's values: one, a list of them or, for whole numbers, a range `0..9` (both ends included).

    Where a value is itself a list (`ints`, `floats`), a list of lists is several values. Of `floats` a list of one is
    that number.
    """
    if option.kind in ("ints", "floats"):
        elements = node.elements()
        lists = elements if elements and all(isinstance(e.value, tuple) for e in elements) else (node,)
        return tuple(each(lambda e: _listed(name, option, e), lists))
    return tuple(_together(name, node, each(lambda e: _spread(name, option, e), node.elements())))


def _together(name: str, node: Node, spread: Sequence[Sequence[V]]) -> chain[V]:
    """All values one after the other; ranges are counted before they are written out."""
    _few(name, node, sum(map(len, spread)))
    return chain.from_iterable(spread)


def _few(name: str, node: Node, count: int) -> None:
    if count > MOST_TRIALS:
        raise node.error(f"'{name}' has {count:,} values: a sweep has at most {MOST_TRIALS:,} trials")


def _listed(name: str, option: Option, node: Node) -> OptionValue:
    found = tuple(each(lambda e: _number(typed(name, option, e)), node.elements()))
    if option.length and len(found) != option.length:
        raise node.error(f"'{name}' is a list of {option.length} numbers, not {node}")
    if option.kind == "floats" and not found:
        raise node.error(f"'{name}' is {WORDS[option.kind]}, not an empty one")
    return found[0] if option.kind == "floats" and len(found) == 1 else found


def _number(value: OptionValue) -> int | float:
    assert isinstance(value, int | float)
    return value


def _spread(name: str, option: Option, node: Node) -> Sequence[OptionValue]:
    span = _RANGE.fullmatch(node.value) if option.kind == "int" and isinstance(node.value, str) else None
    if not span:
        return (typed(name, option, node),)
    first, last = int(span[1]), int(span[2])
    if first > last:
        raise node.error(f"the range {node.value} of '{name}' is empty: write {last}..{first}")
    for end in (first, last):
        _ranged(name, option, node, end)
    _few(name, node, last - first + 1)
    return range(first, last + 1)


def typed(name: str, option: Option, node: Node) -> OptionValue:
    """One value of the option's kind and range (an element of it, for `ints` and `floats`)."""
    value = node.value
    if value is None and option.default is None and option.kind != "word":
        return None
    kind = option.kind.removesuffix("s")
    if isinstance(value, bool):
        if kind == "bool":
            return value
    elif kind == "int" and isinstance(value, int):
        return _ranged(name, option, node, value)
    elif kind == "float" and isinstance(value, int | float) and abs(value) <= float_info.max:
        return _ranged(name, option, node, float(value))
    if option.kind == "word" and isinstance(value, str):
        try:
            return option.word(name, value)
        except UsageError as error:
            raise node.error(str(error)) from None
    raise node.error(f"'{name}' is {WORDS[option.kind]}, not {node}")


def _ranged(name: str, option: Option, node: Node, value: N) -> N:
    if limit := option.broken(value, declared=node.place.recorded):
        raise node.error(f"'{name}' must be {limit}, not {node}")
    return value


def choices(kind: str, node: Node) -> tuple[Choice, ...]:
    """`name` or `{name: {option: value, ...}}`, every option resolved; an option with several values makes several."""
    if isinstance(node.value, str):
        name, options = node.value, Node(None, node.place)
    elif isinstance(node.value, dict) and len(node.value) == 1:
        name, (_, options) = next(iter(node.value.items()))
    else:
        raise node.error(f"'{kind}' is a name or {{name: {{option: value}}}}, not {node}")
    try:
        entry = entry_of(kind, name)
    except UsageError as error:
        raise node.error(str(error)) from None
    name = "+".join(parts(name)) if kind == "normalizer" else name
    taken = _options(f"{kind} {name}", entry, options.entries(f"what follows '{name}'"))
    spread = [taken.get(option, (spec.default,)) for option, spec in entry.options.items()]
    _few(name, node, prod(map(len, spread)))
    rows = (dict(zip(entry.options, row, strict=True)) for row in product(*spread))
    return tuple(Choice.of(name, resolved(entry.options, row)) for row in rows)


def _options(what: str, entry: Entry, given: Mapping[str, Given]) -> dict[str, tuple[OptionValue, ...]]:
    """The values that are given to the options of a choice. Mistakes for unknown ones and for invalid values."""

    def one(item: tuple[str, Given]) -> tuple[str, tuple[OptionValue, ...]]:
        option, (key, child) = item
        if not entry.options:
            raise key.error(f"{what} has no options")
        if option not in entry.options:
            raise key.error(unknown(f"option of {what}", option, entry.options))
        return option, values(option, entry.options[option], child)

    return dict(each(one, given.items()))
