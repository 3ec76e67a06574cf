"""How a setting is declared: once, as a field of a dataclass. Its annotation is the kind, its metadata say the rest.

What reads a sweep file, what checks it, the tables of the docs, `normsweep list` and the JSON Schema all ask `options`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from math import inf
from typing import Any, ClassVar, Literal

from sweeps.words.choice import Choice, OptionValue
from sweeps.words.near import one_of

# floats: one number or a list of them; words: a list of words; choice: a name with options, choices: a list of these;
# section: keys of its own
Kind = Literal["int", "float", "bool", "word", "ints", "floats", "words", "choice", "choices", "section"]

_KINDS: dict[str, Kind] = {
    "int": "int",
    "float": "float",
    "bool": "bool",
    "str": "word",
    "tuple[str, ...]": "words",
    "Choice": "choice",
    "tuple[Choice, ...]": "choices",
    "Selection | None": "section",
}

LARGEST = 1_000_000_000  # of a whole number whose declaration names no limit
LARGEST_FLOAT = 1e38  # of any other number: what float32 holds

WORDS: dict[Kind, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "word": "a word",
    "ints": "a list of whole numbers",
    "floats": "a number or a list of numbers",
    "words": "a list of words",
    "choice": "a name, or a name with options",
    "choices": "a list of names, or of names with options",
    "section": "a mapping",
}


@dataclass(frozen=True, slots=True)
class Option:
    """A setting, or an option of a vocabulary entry: its kind, default, and the closed range or words it may take.

    `packs`: trials that differ only in this value may be trained in one pack (it changes no shape).
    `younger`: than trials that may be recorded: at its default a trial leaves it out, so that their ids stay.
    `length`: of a list of numbers, how many it has; 0: any.
    `by`: where `default` is None, the name of another option and this one's value for each of that one's.
    `entries`: the names of a `choice` or of `choices`.
    """

    kind: Kind
    default: OptionValue
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    packs: bool = False
    length: int = 0
    by: tuple[str, Mapping[str, OptionValue]] | None = None
    younger: bool = field(default=False, compare=False)
    help: str = ""
    entries: Mapping[str, Entry] = field(default_factory=dict[str, "Entry"], compare=False)

    @property
    def usual(self) -> OptionValue | Choice | tuple[Choice, ...]:
        """The default as a trial holds it."""
        if self.kind == "choices" and isinstance(self.default, tuple):
            return tuple(Choice(str(name)) for name in self.default)
        return Choice(str(self.default)) if self.kind == "choice" else self.default

    def word(self, name: str, word: str) -> str:
        """The word, for a setting of that name. UsageError, with the nearest ones, where it must be another."""
        return one_of(f"value of '{name}'", word, self.words) if self.words else word

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest number it may be: beyond what is of use where none is declared."""
        widest = LARGEST_FLOAT if self.kind.startswith("float") else LARGEST
        high = widest if self.high is None else self.high
        return (-high if self.low is None else self.low), high

    @property
    def limits(self) -> str:
        """The declared range: `at least 1`, `0 to 1`, or nothing. A limit beyond what is of use is left out."""
        if self.low is None:
            return ""
        return f"{self.low:g} to {self.high:g}" if self._narrow else f"at least {self.low:g}"

    def broken(self, value: float, *, declared: bool = False) -> str:
        """The limit that a number does not keep, in words; nothing where it keeps both. `declared`: no others hold."""
        low, high = self.bounds
        if declared:
            low, high = -inf if self.low is None else low, inf if self.high is None else high
        if low <= value <= high:
            return ""
        if self._narrow:
            return self.limits
        return f"at least {low:g}" if value < low else f"at most {high}"

    @property
    def _narrow(self) -> bool:
        return self.low is not None and self.high is not None and self.high < LARGEST


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A name of the vocabulary: one sentence, its source, its options, and what computes it.

    `implementation` is "module:name" below `home`; of a plug-in it is filled in when the file is loaded, as is
    `plugin`, the digest of the file. `packs` false: each of its trials is trained alone.

    Each kind of name has a subclass: what the kind is called, the package `home` of what the house ships, the modules
    `base` that a plug-in is built on, and what an implementation is `given` ahead of its options.
    """

    kind: ClassVar[str]
    home: ClassVar[str]
    base: ClassVar[tuple[str, ...]]
    given: ClassVar[tuple[str, ...]]

    summary: str
    source: str = ""
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    implementation: str = ""
    plugin: str = ""
    packs: bool = True

    @property
    def module(self) -> str:
        """The module that computes it. Of a plug-in that is known from a record alone there is none."""
        module = self.implementation.partition(":")[0]
        return module if self.plugin else f"{self.home}.{module}"


def setting(
    default: OptionValue,
    *,
    low: float | None = None,
    high: float | None = None,
    words: tuple[str, ...] = (),
    packs: bool = False,
    younger: bool = False,
    entries: Mapping[str, Entry] | None = None,
    help: str,
) -> dict[str, Any]:
    """The metadata of a field that is a setting. The field itself has no default, so that none can change unseen."""
    return {
        "default": default,
        "low": low,
        "high": high,
        "words": words,
        "packs": packs,
        "younger": younger,
        "entries": entries or {},
        "help": help,
    }


@cache
def options(section: type[Any]) -> dict[str, Option]:
    """The settings that a dataclass declares, in the order of its fields. Fields without metadata are none."""
    return {f.name: Option(kind=_KINDS[str(f.type)], **f.metadata) for f in fields(section) if f.metadata}


def table(options: Mapping[str, Option]) -> list[dict[str, str]]:
    """A row for each setting, as `normsweep list` and the docs show it: name, default, values, meaning."""
    return [
        {"name": name, "default": _shown(option), "values": _values(option), "meaning": option.help}
        for name, option in options.items()
    ]


def _shown(option: Option) -> str:
    value = option.default
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _values(option: Option) -> str:
    if option.kind == "word" and option.words:
        return ", ".join(option.words)
    if option.length:
        return f"a list of {option.length} numbers{', ' * bool(option.limits)}{option.limits}"
    return f"{WORDS[option.kind]}{', ' * bool(option.limits)}{option.limits}"
