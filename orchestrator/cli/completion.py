"""What the shell offers while a command is typed: presets, recorded sweeps, settings and their values.

Light, and silent about whatever is wrong: the command itself says that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from orchestrator.store.sweeps import Sweeps

Completer = Callable[..., list[str]]  # of what is typed so far, and the context where it needs one

ORDER = ("<=", ">=", "!=", "=", "<", ">")  # what may stand between a field and its value, the longer ones first


def sweeps(incomplete: str) -> list[str]:
    """Presets, and sweep files by their paths."""
    from sweeps.file.spec import presets

    folder = Path(incomplete).parent if "/" in incomplete else Path()
    files = sorted(str(path) for ending in ("yaml", "yml") for path in folder.glob(f"*.{ending}"))
    return _begun(incomplete, [*presets(), *files])


def recorded(context: typer.Context, incomplete: str) -> list[str]:
    """The sweeps that the workspace holds."""
    return _begun(incomplete, _sweeps(context).names())


def tables(context: typer.Context, incomplete: str) -> list[str]:
    """Recorded sweeps, and files that hold tables."""
    folder = Path(incomplete).parent if "/" in incomplete else Path()
    files = sorted(str(p) for p in folder.glob("*.*") if p.suffix in (".csv", ".parquet", ".feather", ".jsonl"))
    return [*recorded(context, incomplete), *_begun(incomplete, files)]


def selector(context: typer.Context, incomplete: str) -> list[str]:
    """The last clause of a selector: a field, or a value of it."""
    before, space, clause = incomplete.rpartition(" ")
    return [f"{before}{space}{text}" for text in _clause(clause, _values(context) | _states())]


def override(incomplete: str) -> list[str]:
    """`axis=value`, `run.pack=...`, `analysis.ties=...`."""
    from sweeps.file.sections import ANALYSIS, RUN

    sections: dict[str, list[str]] = {f"run.{name}": _of(option) for name, option in RUN.items()}
    sections |= {f"analysis.{name}": _of(option) for name, option in ANALYSIS.items()}
    return _clause(incomplete, _settings() | sections, ("=",))


def words(setting: str) -> Completer:
    """The words that a setting of `analysis` may be."""

    def complete(incomplete: str) -> list[str]:
        from sweeps.file.sections import ANALYSIS

        return _begun(incomplete, ANALYSIS[setting].words)

    return complete


def columns(context: typer.Context, incomplete: str) -> list[str]:
    """The last of several columns, comma separated."""
    before, comma, name = incomplete.rpartition(",")
    return [f"{before}{comma}{text}" for text in _begun(name, _values(context))]


def one_of(*names: str) -> Completer:
    def complete(incomplete: str) -> list[str]:
        return _begun(incomplete, names)

    return complete


def normalizers(context: typer.Context, incomplete: str) -> list[str]:
    return _begun(incomplete, _values(context)["normalizer"])


def lists(incomplete: str) -> list[str]:
    from orchestrator.ask.vocabulary import LISTS

    return _begun(incomplete, LISTS)


def _begun(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _clause(clause: str, fields: Mapping[str, Iterable[str]], operators: Iterable[str] = ORDER) -> list[str]:
    for operator in operators:
        field, found, value = clause.partition(operator)
        if found:
            before, comma, last = value.rpartition(",")
            return [f"{field}{operator}{before}{comma}{text}" for text in _begun(last, fields.get(field, ()))]
    return [f"{name}=" for name in _begun(clause, fields)]


def _values(context: typer.Context) -> dict[str, list[str]]:
    """Every setting and option, with the values that the sweep on the line has or, where it has one at most, with all
    that it may have."""
    return _settings() | {name: values for name, values in _axes(context).items() if len(values) > 1}


def _settings() -> dict[str, list[str]]:
    from sweeps.words.settings import CHOICES, DECLARED

    known = {name: list(CHOICES[name]) if name in CHOICES else _of(option) for name, option in DECLARED.items()}
    options = (
        (f"{kind}.{name}", option)
        for kind, entries in CHOICES.items()
        for entry in entries.values()
        for name, option in entry.options.items()
    )
    return known | {name: _of(option) for name, option in options}


def _states() -> dict[str, list[str]]:
    from sweeps.records import STATES

    return {"state": list(STATES)}


def _of(option: Any) -> list[str]:
    return ["true", "false"] if option.kind == "bool" else [*option.words, *option.entries]


def _axes(context: typer.Context) -> dict[str, list[str]]:
    """The values of each setting of the sweep that the line names: a preset, a file, or what is recorded."""
    from sweeps.file.document import scalar_text
    from sweeps.file.spec import load_spec
    from sweeps.words.settings import DECLARED

    named = [context.params.get(name) for name in ("sweep", "source")]
    # A line that is not whole yet leaves its words in `args`.
    for name in (*named, *context.args):
        try:
            version = _sweeps(context).newest(name) if name else None
            given: dict[str, list[Any]] = (version.sweep if version else load_spec(name or "")).trial.as_json()
        except (ValueError, OSError):
            continue
        return {
            key: list(dict.fromkeys(next(iter(v)) if isinstance(v, dict) else scalar_text(v) for v in values))
            for key, values in given.items()
            if key in DECLARED
        }
    return {}


def _sweeps(context: typer.Context) -> Sweeps:
    from orchestrator.store import Store

    return Store.at(context.params.get("workspace") or "normsweep-out").sweeps  # `check` takes no workspace
