"""The `run` and `analysis` sections of a sweep file. Neither is hashed: they change no trial."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sweeps.document import Node, Place
from sweeps.identity import canonical
from sweeps.near import unknown
from sweeps.records import RESULTS
from sweeps.settings import setting_names
from sweeps.values import typed, values
from sweeps.vocabulary import Option

RUN: dict[str, Option] = {
    "pack": Option("int", 32, low=1, help="at most so many trials are trained together"),
    "checkpoint_seconds": Option("float", 120.0, low=0.0, help="how much work an interruption may cost"),
    "cpus": Option("int", 1, low=1, help="cores, and so threads, of a pack; of each of its devices"),
    "gpus": Option("float", 0.0, low=0.0, help="GPUs of a pack, of each of its devices; 0.25: four packs share one"),
    "devices": Option("int", 1, low=1, help="processes that train one trial together (DDP); more than 1: packs of one"),
    "channels_last": Option("bool", False, help="images lie in memory pixel by pixel: often faster convolutions"),
    "compile": Option("bool", False, help="torch.compile; needs a C++ compiler (g++, or what CXX names)"),
}

MEASURES = tuple(name for name, kind in RESULTS.items() if kind == "double")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSection:
    pack: int
    checkpoint_seconds: float
    cpus: int
    gpus: float
    devices: int
    channels_last: bool
    compile: bool

    @property
    def pack_size(self) -> int:
        """A trial that spans devices is a pack of one."""
        return self.pack if self.devices == 1 else 1

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


ANALYSIS: dict[str, Option] = {
    "metric": Option("word", "test_error", words=MEASURES),
    "direction": Option("word", "min", words=("min", "max")),
    "baseline": Option("word", "", help="the normalizer that differences are taken from"),
    "ties": Option(
        "word", "shared", words=("shared", "split", "none"), help="who wins when several have the smallest error"
    ),
    "constant": Option("word", "count", words=("count", "skip"), help="rows in which all methods are equal"),
    "diverged": Option("word", "loss", words=("loss", "majority", "drop"), help="how a diverged trial counts"),
}
_LISTS: dict[str, tuple[str, ...]] = {
    "columns": ("activation", "normalizer"),
    "average": ("seed",),
    "blocks": ("dataset", "seed"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Of the trials that differ only in `over`, the one with the least `by` (ties: the smallest values of `over`)."""

    over: tuple[str, ...]
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisSection:
    """What the results are asked, fixed before they are seen. `columns` name the methods that are compared, `average`
    what a mean is taken over, `blocks` what is compared only when complete, `skip` the data sets to leave out."""

    metric: str
    direction: str
    baseline: str  # "" = none
    ties: str
    constant: str
    diverged: str
    columns: tuple[str, ...]
    average: tuple[str, ...]
    blocks: tuple[str, ...]
    skip: tuple[str, ...]
    select: Selection | None

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(canonical(asdict(self)))  # tuples as lists
        return data


def run_section(node: Node) -> RunSection:
    entries = known(node, "run", RUN)
    return RunSection(**{name: _one(name, option, entries.get(name)) for name, option in RUN.items()})


def analysis_section(node: Node) -> AnalysisSection:
    entries = known(node, "analysis", (*ANALYSIS, *_LISTS, "skip", "select"))
    lists: dict[str, Any] = {
        name: _fields(name, entries[name]) if name in entries else default for name, default in _LISTS.items()
    }
    skip = entries.get("skip")
    return AnalysisSection(
        **{name: _one(name, option, entries.get(name)) for name, option in ANALYSIS.items()},
        **lists,
        skip=tuple(str(v) for v in values("skip", Option("word", ""), skip)) if skip else (),
        select=_selection(entries.get("select")),
    )


def known(node: Node, what: str, names: Mapping[str, Any] | tuple[str, ...]) -> dict[str, Node]:
    """The entries of a section. UsageError with its place for a key that the section does not have."""
    entries = node.entries(f"'{what}'")
    for key, (place, _) in entries.items():
        if key not in names:
            raise place.error(unknown(f"key of {what}", key, names))
    return {key: entry.node for key, entry in entries.items()}


def _one(name: str, option: Option, node: Node | None) -> Any:
    return option.default if node is None else typed(name, option, node)


def _fields(name: str, node: Node) -> tuple[str, ...]:
    return tuple(str(v) for v in values(name, Option("word", "", words=setting_names()), node))


def _selection(node: Node | None) -> Selection | None:
    if node is None or node.value is None:
        return None
    entries = known(node, "select", ("over", "by"))
    over = _fields("over", entries["over"]) if "over" in entries else ()
    if not over:
        raise node.error("'select' needs `over`: the settings among whose values the best is taken")
    by = entries.get("by", Node("val_error", Place("default")))
    return Selection(over=over, by=str(typed("by", Option("word", "val_error", words=MEASURES), by)))
