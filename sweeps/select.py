"""The one selector language, of `-w` and of a sweep file's `exclude` and `if`: `normalizer=bn batch_size<=8 seed=0..3`.

Clauses are separated by spaces and must all hold. Operators: = != < <= > >=. `a,b` is any of them (after != none of
them), `0..9` a range with both ends, `*` and `?` stand for any letters, `null` for a missing value. A field is a
setting of the trial, a column of a table, or an option: `normalizer.n`, or just `n`. Texts are read as the row's own
value is: `depth=4` matches the number 4, and `betas=0.95` a list that holds it.
"""

from __future__ import annotations

import json
import operator
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property, lru_cache
from typing import Any, cast

from sweeps.errors import UsageError
from sweeps.trial import Trial
from sweeps.words.choice import Choice
from sweeps.words.near import unknown
from sweeps.words.settings import CHOICES, SETTINGS

Row = Trial | Mapping[str, Any]

_CLAUSE = re.compile(r"([^=!<>]+)(!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ABSENT = object()  # an option that this row's choices do not have, as n of bn


def _number(text: str) -> float:
    """A whole number as one: above 2^53 a float would stand for several."""
    return int(text) if re.fullmatch(r"[-+]?\d{1,100}", text) else float(text)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the values that a clause names, read in every way that a row's value may call for."""

    text: str
    number: float | None
    low: float
    high: float
    glob: re.Pattern[str] | None

    @classmethod
    def of(cls, text: str) -> Alternative:
        span = _RANGE.fullmatch(text)
        number = _number(text) if re.fullmatch(_NUMBER, text) else None
        low, high = (_number(span[1]), _number(span[2])) if span else (number or 0.0, number or 0.0)
        glob = re.compile(translate(text)) if "*" in text or "?" in text else None
        return cls(text, low if span else number, low, high, glob)

    def equals(self, value: object, clause: str) -> bool:
        if value is None:
            return self.text == "null"
        if self.text == "null":
            return False
        if isinstance(value, tuple | list):
            return any(self.equals(each, clause) for each in cast("Sequence[object]", value))
        if isinstance(value, bool):
            if self.text.lower() not in ("true", "false"):
                raise UsageError(f"'{clause}' compares true or false with '{self.text}'")
            return value == (self.text.lower() == "true")
        if isinstance(value, int | float):
            if self.number is None:
                if self.glob:
                    return self.glob.match(str(value)) is not None
                raise UsageError(f"'{clause}' compares a number with '{self.text}'")
            return self.low <= value <= self.high
        text = value if isinstance(value, str) else str(value)
        return self.glob.match(text) is not None if self.glob else text == self.text


@dataclass(frozen=True, slots=True)
class Clause:
    field: str
    operator: str
    text: str
    alternatives: tuple[Alternative, ...]

    @classmethod
    def of(cls, token: str) -> Clause:
        match = _CLAUSE.fullmatch(token)
        if not match or not match[3]:
            raise UsageError(
                f"'{token}' is an invalid clause: write `field=value`, with one of = != < <= > >= and no spaces"
            )
        field, symbol, text = match.groups()
        alternatives = tuple(Alternative.of(part) for part in text.split(","))
        if symbol in _ORDER and len(alternatives) > 1:
            raise UsageError(f"'{token}': {symbol} compares with one value")
        return cls(field, symbol, text, alternatives)

    def holds(self, value: object) -> bool:
        if value is _ABSENT:
            return self.operator == "!="
        value = _simple(value)
        if self.operator == "=":
            return any(alternative.equals(value, str(self)) for alternative in self.alternatives)
        if self.operator == "!=":
            return not any(alternative.equals(value, str(self)) for alternative in self.alternatives)
        if value is None:
            return False
        compare, (bound,) = _ORDER[self.operator], self.alternatives
        if isinstance(value, str):
            return compare(value, bound.text)
        if bound.number is None or not isinstance(value, int | float):
            raise UsageError(f"'{self}' compares {value} with '{bound.text}'")
        return compare(value, bound.number)

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{self.text}"


@dataclass(frozen=True)
class Selector:
    """A conjunction of clauses; one without clauses selects everything."""

    clauses: tuple[Clause, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Selector:
        try:
            return cls(tuple(Clause.of(token) for token in shlex.split(text)))
        except ValueError as error:
            raise UsageError(f"selector {text!r}: {error}") from None

    def matches(self, row: Row) -> bool:
        """Whether all clauses hold. UsageError for a field that the row cannot have, with the near matches."""
        if isinstance(row, Trial):
            row = {**vars(row), "trial_id": row.id} if self._by_id else vars(row)
        return all(clause.holds(self._read(row, clause.field)) for clause in self.clauses)

    def split(self) -> tuple[Selector, Selector]:
        """The clauses on what a sweep file says, and the others (state, errors, ...), which need a table of results."""
        own = [clause for clause in self.clauses if is_trial_field(clause.field)]
        return Selector(tuple(own)), Selector(tuple(c for c in self.clauses if c not in own))

    @cached_property
    def _by_id(self) -> bool:
        return any(clause.field == "trial_id" for clause in self.clauses)

    @cached_property
    def _options(self) -> dict[str, frozenset[str]]:
        return {kind: option_names(kind) for kind in CHOICES}

    def _read(self, row: Mapping[str, Any], field: str) -> object:
        if field in row:
            value = row[field]
            if isinstance(value, tuple):
                return tuple(
                    each.name if isinstance(each, Choice) else each for each in cast("Sequence[object]", value)
                )
            return value.name if isinstance(value, Choice) else value
        head, dot, tail = field.partition(".")
        option, kinds = (tail, (head,)) if dot else (field, CHOICES)
        held = {kind: _options_of(row, kind) for kind in kinds if option in self._options.get(kind, ())}
        found = {kind: options[option] for kind, options in held.items() if options and option in options}
        if len(found) > 1:
            names = " or ".join(f"{kind}.{option}" for kind in found)
            raise UsageError(f"'{option}' is an option of {' and '.join(found)} here: say {names}")
        if found:
            return next(iter(found.values()))
        if any(options is not None for options in held.values()):
            return _ABSENT
        raise UsageError(unknown("field", field, (*row, *self._option_fields(row))))

    def _option_fields(self, row: Mapping[str, Any]) -> Iterable[str]:
        for kind, names in self._options.items():
            if _options_of(row, kind) is not None:
                yield from (name if short else f"{kind}.{name}" for name in names for short in (True, False))

    def __bool__(self) -> bool:
        return bool(self.clauses)

    def __str__(self) -> str:
        return shlex.join(map(str, self.clauses))


def option_names(kind: str) -> frozenset[str]:
    return frozenset(option for entry in CHOICES[kind].values() for option in entry.options)


def is_trial_field(field: str) -> bool:
    head, dot, option = field.partition(".")
    if dot:
        return head in CHOICES and option in option_names(head)
    return field in SETTINGS or field in CHOICES or any(field in option_names(kind) for kind in CHOICES)


def _options_of(row: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """The options of a row's choice: of the Choice itself, or of the JSON column beside its name. None: no choice."""
    value = row.get(kind)
    if isinstance(value, Choice):
        return value.as_dict()
    text = row.get(f"{kind}_options")
    return _parsed(text) if isinstance(text, str) else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Mapping[str, Any]:
    return json.loads(text or "{}")


def _simple(value: object) -> object:
    """NumPy's scalars as Python's, NaN as None."""
    if not isinstance(value, str | int | float | type(None)):
        item: Any = getattr(value, "item", None)
        value = item() if item else value
    return None if value != value else value
