"""How records are written to files and read again: one envelope for all of them.

A record is a JSON object: its fields, beside `record` (its kind) and `schema` (its number, 0 where there is none).
Unknown fields are ignored, so a newer normsweep may add some; a field that changes its meaning raises the number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from sweeps.errors import DamagedError

T = TypeVar("T")
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


class _Envelope(msgspec.Struct):
    record: str = ""
    schema: int = 0


@dataclass(frozen=True, kw_only=True)
class Format(Generic[T]):
    """Files of one kind. `type`: a dataclass; `remedy`: what to do with one that is damaged; `past`: by the number of
    an older schema, how its fields become those of the next one (nothing to do where it is not named)."""

    record: str
    schema: int
    type: type[T]
    remedy: str
    past: Mapping[int, Upgrade] = field(default_factory=dict[int, Upgrade])

    def encode(self, value: T) -> bytes:
        return msgspec.json.encode({"record": self.record, "schema": self.schema, **msgspec.to_builtins(value)})

    def read(self, path: Path) -> T:
        """FileNotFoundError where there is none; DamagedError for what is cut, altered or newer than this program."""
        return self.decode(path.read_bytes(), path)

    def decode(self, data: bytes, path: Path) -> T:
        """`path` is where the data came from."""
        try:
            envelope = msgspec.json.decode(data, type=_Envelope)
            if envelope.schema > self.schema:
                raise newer(path, envelope.schema, self.schema)
            if envelope.record not in ("", self.record):
                raise DamagedError(f"{path} holds a {envelope.record} in place of a {self.record}: {self.remedy}")
            if not any(envelope.schema <= number for number in self.past):
                return msgspec.json.decode(data, type=self.type)
            fields: dict[str, Any] = msgspec.json.decode(data)
            for number in range(envelope.schema, self.schema):
                fields = self.past.get(number, _unchanged)(fields)
            return msgspec.convert(fields, type=self.type)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedError(f"{path} is damaged ({error}): {self.remedy}") from error


def newer(path: Path, number: object, known: int) -> DamagedError:
    """The one sentence about a file that a newer normsweep wrote."""
    return DamagedError(f"{path} is of schema {number}; this program reads up to {known}: update it")


def _unchanged(fields: dict[str, Any]) -> dict[str, Any]:
    return fields
