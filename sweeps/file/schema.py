"""A JSON Schema (draft 2020-12) of a sweep file, out of the same declarations that read it: for editors.

An editor that knows it completes names and marks mistakes while typing. `normsweep check` finds more: rules between
settings, selectors, data sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sweeps.file.sections import ANALYSIS, RUN, Selection
from sweeps.file.spec import NAME
from sweeps.file.trial_section import DISTRIBUTIONS
from sweeps.words.declared import Entry, Kind, Option, options
from sweeps.words.settings import DECLARED, LR_REFERENCE_BATCH
from sweeps.words.vocabulary import NORMALIZERS

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "word": "string"}
_SINGLE: dict[str, Kind] = {"ints": "int", "floats": "float", "words": "word"}
_RANGE = {"type": "string", "pattern": r"^-?[0-9]+\.\.-?[0-9]+$"}
_SELECTOR = {"type": "string", "minLength": 1, "description": "a selector: normalizer=bn batch_size<=8"}


def sweep_schema() -> Schema:
    """Of a whole sweep file."""
    trial = {name: _axis(name) for name in DECLARED} | {
        "zip": _one_or_more(_object({n: _listed(_ref(n)) for n in DECLARED}), "settings that vary together"),
        "random": _random(),
        "where": _one_or_more(
            _object({"if": _SELECTOR} | {n: _ref(n) for n in DECLARED}, ["if"]), "settings of what a selector matches"
        ),
        "exclude": _one_or_more(_SELECTOR, "selectors of what is left out"),
        "lr_reference_batch": _value(LR_REFERENCE_BATCH) | _about(LR_REFERENCE_BATCH),
    }
    sections = {
        "name": {"type": "string", "pattern": f"^{NAME}$", "description": "of the sweep; else the file's name"},
        "trial": _object(trial) | {"description": "what is computed: any change here is another trial"},
        "run": _section(RUN, "how it is run: changes no result"),
        "analysis": _section(ANALYSIS, "what is asked of the results"),
        "plugins": _one_or_more({"type": "string"}, "files that declare names of your own, beside the sweep file"),
    }
    return {
        "$schema": DIALECT,
        "title": "a sweep of normsweep",
        **_object(sections, ["trial"]),
        "$defs": {name: _value(option) for name, option in DECLARED.items()},
    }


def _about(option: Option) -> Schema:
    default = list(option.default) if isinstance(option.default, tuple) else option.default
    return {"description": option.help} | ({} if default is None else {"default": default})


def _value(option: Option) -> Schema:
    """One value of a setting."""
    if option.kind == "choice":
        return _choice(option.entries)
    if option.kind in _SINGLE:
        one = _value(replace(option, kind=_SINGLE[option.kind]))
        if option.length:
            return {"type": "array", "items": one, "minItems": option.length, "maxItems": option.length}
        return _listed(one)
    schema: Schema = {"type": _TYPES[option.kind]}
    low, high = option.bounds if option.kind in ("int", "float") else (None, None)
    limits = {"minimum": low, "maximum": high, "enum": list(option.words) or None}
    return schema | {key: limit for key, limit in limits.items() if limit is not None}


def _axis(name: str) -> Schema:
    option, one = DECLARED[name], _ref(name)
    ways = [one, _RANGE] if option.kind == "int" else [one]
    return {"anyOf": [*ways, {"type": "array", "minItems": 1, "items": {"anyOf": ways}}]} | _about(option)


def _choice(entries: Mapping[str, Entry]) -> Schema:
    """A name, or a name with its options, each of them a value or an axis."""
    named = {
        name: {"description": entry.summary, **_object({n: _option(o) for n, o in entry.options.items()}, null=True)}
        for name, entry in entries.items()
    }
    words: list[Schema] = [{"enum": list(entries)}]
    composed: Schema = {}
    if entries is NORMALIZERS:
        one = "|".join(entries)
        pattern = rf"^({one})(\+({one}))+$"
        words.append({"type": "string", "pattern": pattern})
        together = {n: o for entry in entries.values() for n, o in entry.options.items()}
        composed = {"patternProperties": {pattern: _object(dict.fromkeys(together, True), null=True)}}
    return {"anyOf": [*words, _object(named) | {"minProperties": 1, "maxProperties": 1} | composed]}


def _option(option: Option) -> Schema:
    one = _value(option)
    ways = [one, _RANGE] if option.kind == "int" else [one]
    if option.by is not None:
        ways.append({"type": "null"})
    return {"anyOf": [*ways, {"type": "array", "items": {"anyOf": ways}}]} | _about(option)


def _random() -> Schema:
    drawn = {
        name: _object({kind: _axis(name) if kind == "choice" else _bounds() for kind in DISTRIBUTIONS})
        for name in DECLARED
        if name != "seed"
    }
    own = {"count": {"type": "integer", "minimum": 1}, "seed": _value(DECLARED["seed"])}
    what = {"description": "settings that are drawn once, the same for ever"}
    return _object({**own, **drawn}, ["count"], null=True) | what


def _bounds() -> Schema:
    return {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}


def _section(declared: Mapping[str, Option], what: str) -> Schema:
    return _object({n: _setting(o) for n, o in declared.items()}, null=True) | {"description": what}


def _setting(option: Option) -> Schema:
    if option.kind == "section":
        inner = _object({n: _setting(o) for n, o in options(Selection).items()}, ["over"], null=True)
        return inner | _about(option)
    return _value(option) | _about(option)


def _listed(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _one_or_more(one: Schema, what: str) -> Schema:
    return {"anyOf": [one, {"type": "array", "items": one}, {"type": "null"}], "description": what}


def _object(properties: Mapping[str, Any], required: Iterable[str] = (), null: bool = False) -> Schema:
    return {
        "type": ["object", "null"] if null else "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
