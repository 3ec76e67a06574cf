"""The keys of a site file, as `Profile` declares them: what fits them, how they are told, and their JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from slurm.profile import TYPES, Profile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCHEMAS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "tuple[str, ...]": {"type": "array", "items": {"type": "string"}},
}


def table() -> list[dict[str, str]]:
    """A row for each key, as `normsweep list site` and the docs show it: name, default, values, meaning."""
    return [
        {
            "name": field.name,
            "default": "required" if field.default is MISSING else _shown(field.default),
            "values": _values(field),
            "meaning": field.metadata["help"],
        }
        for field in fields(Profile)
    ]


def schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of a site file."""
    return {
        "$schema": DIALECT,
        "title": "a site file of normsweep",
        "type": "object",
        "properties": {field.name: _schema(field) for field in fields(Profile)},
        "required": [field.name for field in fields(Profile) if field.default is MISSING],
        "additionalProperties": False,
    }


def lines(values: Mapping[str, Any]) -> list[str]:
    """The lines of a site file, each with its meaning; a key without a value and a default stands as a comment."""
    made: list[str] = []
    for field in fields(Profile):
        value = values.get(field.name, field.default)
        text = f"{'# ' if value == '' else ''}{field.name} = {json.dumps(value)}"
        made.append(f"{text:<24} # {field.metadata['help']}")
    return made


def _schema(field: Field[Any]) -> dict[str, Any]:
    limits = {"minimum": field.metadata.get("low"), "maxLength": field.metadata.get("longest")}
    default = {} if field.default is MISSING else {"default": field.default}
    return {
        **_SCHEMAS[str(field.type)],
        **{name: limit for name, limit in limits.items() if limit is not None},
        "description": field.metadata["help"],
        **default,
    }


def _values(field: Field[Any]) -> str:
    low = field.metadata.get("low")
    return TYPES[str(field.type)] + ("" if low is None else f", at least {low}")


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return " ".join(default)
    return json.dumps(default) if isinstance(default, bool) else f"{default:g}" if default == 0.0 else str(default)
