"""The `run` and `analysis` sections of a sweep file. Neither is hashed: they change no trial."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from sweeps.file.document import Node
from sweeps.file.values import typed, values
from sweeps.identity import canonical
from sweeps.probes import METRICS as DECLARED_METRICS
from sweeps.probes import PARTS, columns
from sweeps.records import ALIASES, METRICS
from sweeps.select import is_trial_field
from sweeps.words.declared import Option, options, setting
from sweeps.words.near import unknown
from sweeps.words.settings import setting_names

BASELINE, ALL, VERSUS = "baseline", "all", " vs "  # the words of `compare`
MEASURES = (*METRICS, *ALIASES)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSection:
    """How a sweep is run. Changes results by rounding at most."""

    pack: int = field(metadata=setting(32, low=1, help="most trials of the same shapes that are trained together"))
    checkpoint_seconds: float = field(
        metadata=setting(120.0, low=0.0, help="seconds of work that an interruption may cost")
    )
    stall_seconds: float = field(
        metadata=setting(
            300.0,
            low=1.0,
            help="seconds without a step after which a pack is ended and tried again: running.md",
        )
    )
    cpus: int = field(metadata=setting(1, low=1, help="cores, and so threads, of a pack; of each of its devices"))
    gpus: float = field(
        metadata=setting(0.0, low=0.0, help="GPUs of a pack, of each of its devices; 0.25: four packs share one")
    )
    devices: int = field(
        metadata=setting(1, low=1, help="processes that train one trial together; more than 1: packs of one trial")
    )
    channels_last: bool = field(
        metadata=setting(False, help="images lie in memory pixel by pixel: often faster convolutions")
    )
    compile: bool = field(metadata=setting(False, help="torch.compile; needs a C++ compiler: g++, or what CXX names"))

    @property
    def pack_size(self) -> int:
        """A trial that spans devices is a pack of one."""
        return self.pack if self.devices == 1 else 1

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Of the trials that differ only in `over`, the one with the best `by`, in the metric's direction.

    Ties go to the smallest values of `over`.
    """

    over: tuple[str, ...] = field(
        metadata=setting((), help="settings, and options such as normalizer.n, among whose values the best is taken")
    )
    by: str = field(metadata=setting("val_error", words=MEASURES, help="what is best in it, in the metric's direction"))


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisSection:
    """What the results are asked, fixed before they are seen."""

    metric: str = field(metadata=setting("test_error", words=MEASURES, help="what is compared"))
    direction: str = field(metadata=setting("min", words=("min", "max"), help="which end of the metric is better"))
    baseline: str = field(metadata=setting("", help="the normalizer that differences are taken from; none if empty"))
    compare: tuple[str, ...] = field(
        metadata=setting(
            (BASELINE,),
            help="what is tested: baseline (each method with it), all (each two), pairs: `vcl vs bn`",
        )
    )
    rope: float = field(
        metadata=setting(0.01, low=0.0, help="differences of the metric below it are of no practical meaning")
    )
    level: float = field(
        metadata=setting(0.95, low=0.5, high=0.9999, help="of every interval; 1 - level: error of all tests together")
    )
    seed: int = field(metadata=setting(0, low=0, help="of every bootstrap"))
    ties: str = field(
        metadata=setting(
            "shared",
            words=("shared", "split", "none"),
            help="who wins when several have the smallest error: each, 1/k each, nobody",
        )
    )
    constant: str = field(
        metadata=setting("count", words=("count", "skip"), help="rows in which all methods are equal")
    )
    diverged: str = field(
        metadata=setting(
            "loss",
            words=("loss", "majority", "drop"),
            help="a method loses a row where more than half of its seeds diverged and else has there the error of the "
            "most frequent class; it always has that error; it is missing",
        )
    )
    reference: int = field(
        metadata=setting(
            0,
            low=0,
            help="the batch size that small-batch changes are taken from; 0: the largest that all methods share",
        )
    )
    undefined: str = field(
        metadata=setting(
            "drop",
            words=("drop", "majority"),
            help="a batch size without results of some method: left out, or charged to it as diverged",
        )
    )
    columns: tuple[str, ...] = field(
        metadata=setting(
            ("activation", "normalizer"), words=setting_names(), help="settings that name a method that is compared"
        )
    )
    average: tuple[str, ...] = field(
        metadata=setting(("seed",), words=setting_names(), help="settings that a mean is taken over")
    )
    skip: tuple[str, ...] = field(metadata=setting((), help="data sets to leave out"))
    select: Selection | None = field(
        metadata=setting(
            None, help="`{over: depth, by: val_error}`: of trials that differ in depth alone, the best one"
        )
    )

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(canonical(asdict(self)))  # tuples as lists
        return data


RUN: dict[str, Option] = options(RunSection)
ANALYSIS: dict[str, Option] = options(AnalysisSection)


def asked(**words: str) -> None:
    """UsageError where a word is none that the setting of its name in `analysis` may be: `asked(ties="shared")`."""
    for name, word in words.items():
        ANALYSIS[name].word(name, word)


def run_section(node: Node) -> RunSection:
    return RunSection(**_read(node, "run", RUN))


def analysis_section(node: Node) -> AnalysisSection:
    return AnalysisSection(**_read(node, "analysis", ANALYSIS))


def _read(node: Node, what: str, declared: Mapping[str, Option]) -> dict[str, Any]:
    """The values of a section's settings, each at its default unless given."""
    given = node.section(what, {name: partial(_value, name, option) for name, option in declared.items()})
    return {name: option.default for name, option in declared.items()} | given


def _value(name: str, option: Option, node: Node) -> Any:
    if option.kind == "section":
        return _selection(node)
    if name == "compare":
        _check_comparisons(node)
    if option.words is MEASURES:
        return typed(name, replace(option, words=(*MEASURES, *_own(node))), node)
    if option.kind == "words":
        return values(name, replace(option, kind="word"), node)
    return typed(name, option, node)


def measures() -> dict[str, str]:
    """By the column of results, the metric that a plug-in in use declares."""
    declared = [name for name, entry in DECLARED_METRICS.items() if entry.plugin]
    return {column: name for name in declared for column in columns(name).values()}


def _own(node: Node) -> list[str]:
    """The words for metrics of plug-ins. A record may be read without them: it was checked when it was written."""
    word = str(node.value)
    return [word] if node.place.recorded and word.startswith(tuple(f"{part}_" for part in PARTS)) else [*measures()]


def _check_comparisons(node: Node) -> None:
    for element in node.elements():
        if not re.fullmatch(rf"{BASELINE}|{ALL}|.*\S{VERSUS}\S.*", str(element.value)):
            raise element.error(f"'compare' is {BASELINE}, {ALL} or pairs such as `vcl vs bn`, not {element}")


def _selection(node: Node) -> Selection | None:
    if node.value is None:
        return None
    given = _read(node, "select", options(Selection))
    if not given["over"]:
        raise node.error("'select' needs `over`: the settings among whose values the best is taken")
    for element in node.entries("'select'")["over"].node.elements():
        name = str(element.value)
        if name not in setting_names() and not ("." in name and is_trial_field(name)):
            raise element.error(
                f"'over' names settings, and options such as normalizer.n: {unknown('setting', name, setting_names())}"
            )
    return Selection(**given)
