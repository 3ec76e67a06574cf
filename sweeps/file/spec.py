"""A sweep: its name, what is trained, how it is run, what is asked of the results. Read from a YAML 1.2 file."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sweeps.errors import UsageError
from sweeps.file.axes import Axes
from sweeps.file.document import Entry, Mistakes, Node, Place, plain
from sweeps.file.parse import parse, parsed
from sweeps.file.places import Places, located, places
from sweeps.file.plugins_section import as_json, plugins_section
from sweeps.file.sections import ANALYSIS, RUN, AnalysisSection, RunSection, analysis_section, measures, run_section
from sweeps.file.trial_section import SPECIAL, trial_section
from sweeps.identity import digest
from sweeps.plugins.plugin import Plugin
from sweeps.plugins.use import alone
from sweeps.words.choice import Choice
from sweeps.words.composition import parts
from sweeps.words.near import unknown
from sweeps.words.settings import setting_names

PRESETS = Path(__file__).parent.parent / "presets"
_SECTIONS = ("name", "trial", "run", "analysis", "plugins")
_AXES = ("trial", "run", "analysis")  # the sections whose keys may be overridden
NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepSpec:
    """A sweep, wholly read and checked: what is trained, how it is run, what is asked of the results.

    `version`: of a recorded version that is to be trained as it stands, its number; 0: this says what the sweep wants.
    """

    name: str
    trial: Axes
    run: RunSection
    analysis: AnalysisSection
    plugins: tuple[Plugin, ...] = ()
    version: int = field(default=0, compare=False)
    places: Places = field(default_factory=dict[tuple[str, str], Place], compare=False, repr=False)

    @contextmanager
    def located(self) -> Generator[None]:
        """What is refused of the trials says where the sweep file asks for it."""
        try:
            yield
        except UsageError as error:
            raise UsageError("\n".join(located(line, self.places) for line in str(error).splitlines())) from None

    def as_json(self) -> dict[str, Any]:
        """In the words of a sweep file, every default written out; `SweepSpec.from_json` is its inverse."""
        return {
            "name": self.name,
            "trial": self.trial.as_json(),
            "run": self.run.as_json(),
            "analysis": self.analysis.as_json(),
            **as_json(self.plugins),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: str = "sweep") -> SweepSpec:
        """Also the way to make a sweep in Python: the keys are those of a sweep file. UsageError for an unknown one."""
        return _spec(plain(data, source), "sweep", Path())

    @classmethod
    def from_record(cls, data: Mapping[str, Any], source: str = "sweep") -> SweepSpec:
        """The sweep that a workspace has recorded. Keys that a newer normsweep may have written are left out;
        of numbers only declared limits hold, as others were younger than some records."""
        return _spec(plain(_known(data), source, recorded=True), "sweep", Path())

    @classmethod
    def sections_of_record(cls, data: Mapping[str, Any]) -> tuple[RunSection, AnalysisSection]:
        """Of the sweep that a workspace has recorded, also where its trials name what is no longer known."""
        known = _known(data)
        run, analysis = (plain(known.get(name, {}), "sweep", recorded=True) for name in ("run", "analysis"))
        return run_section(run), analysis_section(analysis)

    @property
    def digest(self) -> str:
        """Of everything that the file says, 64 hex digits. What is trained is the plan's hash, not this."""
        return digest(self.as_json())


def _known(record: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: record[name] for name in _SECTIONS if name in record}
    for section, names in (("trial", (*setting_names(), *SPECIAL)), ("run", RUN), ("analysis", ANALYSIS)):
        if isinstance(given := known.get(section), Mapping):
            known[section] = {name: value for name, value in given.items() if name in names}
    return known


def load_spec(source: str | Path, overrides: Sequence[str] = ()) -> SweepSpec:
    """The sweep of a preset's name or a file's path, after `--set` overrides such as `depth=2,4` or `run.pack=8`.

    UsageError with a line for each mistake of the file: its line and column, and the nearest valid name.
    """
    path = _path(str(source))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a sweep file: {error}") from None
    root, mistakes = parsed(text, path.name if path.parent == PRESETS else str(source))
    try:
        for override in overrides:
            root = _overridden(root, override)
        spec = _spec(root, path.stem, path.parent, strict=True)
    except Mistakes as more:
        raise Mistakes([*mistakes, *more.found]) from None
    if mistakes:
        raise Mistakes(mistakes)
    return replace(spec, places=places(root))


def names_file(source: str) -> bool:
    """Whether it is called as sweep files are, not as sweeps are."""
    return Path(source).suffix in (".yaml", ".yml")


def presets() -> dict[str, str]:
    """Names of the presets, each with the first comment line of its file."""
    found: dict[str, str] = {}
    for path in sorted(PRESETS.glob("*.yaml")):
        with path.open(encoding="utf-8") as file:
            found[path.stem] = file.readline().lstrip("# ").strip()
    return found


def _path(source: str) -> Path:
    preset = PRESETS / f"{source}.yaml"
    if re.fullmatch(NAME, source) and preset.is_file():
        return preset
    if Path(source).is_file():
        return Path(source)
    if names_file(source) or "/" in source:
        raise UsageError(f"there is no sweep file {source}")
    raise UsageError(f"{unknown('preset', source, presets())} A file of your own is named by its path.")


def _spec(root: Node, default_name: str, folder: Path, strict: bool = False) -> SweepSpec:
    """`folder`: where the files lie that it names."""
    given = root.entries("the sweep file").get("plugins")
    plugins = plugins_section(given.node, folder) if given else ()
    with alone(plugins):
        return _sections(root, default_name, plugins, strict)


def _sections(root: Node, default_name: str, plugins: tuple[Plugin, ...], strict: bool) -> SweepSpec:
    readers: dict[str, Callable[[Node], Any]] = {
        "name": _name,
        "trial": partial(trial_section, strict=strict),
        "run": run_section,
        "analysis": analysis_section,
        "plugins": lambda _: plugins,  # which the other sections name
    }
    given = root.section("the sweep file", readers)
    if strict:
        _check_baseline(root)
        _check_measured(root, given.get("trial"))
    absent = {
        name: Node(default_name if name == "name" else None, root.place) for name in _SECTIONS if name not in given
    }
    return SweepSpec(**given, **{name: readers[name](node) for name, node in absent.items()})


def _check_baseline(root: Node) -> None:
    """Mistakes for one whose name, options left aside, is no normalizer. The node has been read before."""
    analysis = root.entries("the sweep file").get("analysis")
    entry = analysis.node.entries("'analysis'").get("baseline") if analysis else None
    if entry and entry.node.value:
        try:
            parts(str(entry.node.value).partition("(")[0])
        except UsageError as error:
            raise entry.node.error(f"'baseline': {error}") from None


def _check_measured(root: Node, trial: Axes | None) -> None:
    """Mistakes for a metric of a plug-in that is compared, or selects, and that no trial names."""
    analysis = root.entries("the sweep file").get("analysis")
    entries = analysis.node.entries("'analysis'") if analysis else {}
    select = entries["select"].node.entries("'select'") if "select" in entries and entries["select"].node.value else {}
    values = [value for value in trial.values("metrics") if isinstance(value, tuple)] if trial else []
    named = {choice.name for value in values for choice in value if isinstance(choice, Choice)}
    for setting, entry in (("metric", entries.get("metric")), ("by", select.get("by"))):
        metric = measures().get(str(entry.node.value), "") if entry else ""
        if entry and metric and metric not in named:
            raise entry.node.error(f"'{setting}': no trial names {metric} in its `metrics`: add it there")


def _name(node: Node) -> str:
    if not isinstance(node.value, str) or not re.fullmatch(NAME, node.value):
        raise node.error(f"'name' is up to 64 letters, digits, '.', '_', '-', not {node}")
    return node.value


def _overridden(root: Node, override: str) -> Node:
    key, equals, text = override.partition("=")
    source = f"--set {override}"
    if not equals or not key:
        raise Place(source).error("an override is `axis=value` or `axis=value,value`")
    values = plain(parse(f"[{text}]", source).data(), source)
    value = values.elements()[0] if len(values.elements()) == 1 else values
    section, dot, name = key.partition(".")
    if key == "name":
        return _with(root, ("name",), value)
    section, name = (section, name) if dot else ("trial", key)
    if section not in _AXES:
        raise Place(source).error(unknown("section", section, _AXES))
    root = _with(root, (section, name), value)
    return _untied(root, name) if section == "trial" and name in setting_names() else root


def _with(node: Node, path: tuple[str, ...], value: Node) -> Node:
    if not path:
        return value
    entries = node.entries("a section")
    old = entries[path[0]] if path[0] in entries else Entry(value.place, Node(None, value.place))
    return Node({**entries, path[0]: Entry(old.key, _with(old.node, path[1:], value))}, node.place)


def _untied(root: Node, name: str) -> Node:
    """An overridden setting leaves `zip` and `random`, which would give it a second time."""
    trial = root.entries("the sweep file")["trial"].node.entries("'trial'")
    for section, own in (("zip", frozenset[str]()), ("random", frozenset({"count", "seed"}))):
        node = trial[section].node if section in trial else Node((), root.place)
        rows = [{k: v for k, v in e.entries(section).items() if k != name or k in own} for e in node.elements()]
        left = tuple(Node(row, node.place) for row in rows if row.keys() - own)
        if section in trial:
            value = Node(left, node.place) if section == "zip" else left[0] if left else Node(None, node.place)
            root = _with(root, ("trial", section), value)
    return root
