"""A name with its options: how a sweep file says `vcl` with n = 10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Scalar = bool | int | float | str | None
OptionValue = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a vocabulary with every option resolved, e.g. `{vcl: {n: 10, weight: 0.01}}`.

    `options` are sorted by name, so that equal choices compare and hash equal. `plugin`: the digest of the file that
    declares it, those of several joined by `+`; empty for what the package ships, and until trials are made.
    """

    name: str
    options: tuple[tuple[str, OptionValue], ...] = field(default=())
    plugin: str = ""

    @classmethod
    def of(cls, name: str, options: Mapping[str, OptionValue] | None = None) -> Choice:
        return cls(name, tuple(sorted((options or {}).items())))

    def __getitem__(self, option: str) -> OptionValue:
        for name, value in self.options:
            if name == option:
                return value
        raise KeyError(option)

    def as_dict(self) -> dict[str, OptionValue]:
        return dict(self.options)

    def as_json(self) -> dict[str, Any]:
        options = {k: list(v) if isinstance(v, tuple) else v for k, v in self.options}
        return {"name": self.name, "options": options} | ({"plugin": self.plugin} if self.plugin else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Choice:
        options = data["options"].items()
        made = cls.of(data["name"], {k: tuple(v) if isinstance(v, list) else v for k, v in options})
        return replace(made, plugin=data["plugin"]) if "plugin" in data else made

    def __str__(self) -> str:
        if not self.options:
            return self.name
        return f"{self.name}({', '.join(f'{k}={_text(v)}' for k, v in self.options)})"


def _text(value: OptionValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + " ".join(_text(v) for v in value) + "]"
    return "none" if value is None else str(value)
