"""The `trial:` section of a sweep file, from nodes to `Axes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from math import prod
from typing import Any, TypeVar

from sweeps.errors import UsageError
from sweeps.file import clauses
from sweeps.file.axes import Axes, Distribution, Random, Special
from sweeps.file.document import Mistakes, Node, Place, each
from sweeps.file.values import MOST_TRIALS, axis, single, typed
from sweeps.select import Selector, is_trial_field
from sweeps.words.declared import Option
from sweeps.words.near import unknown
from sweeps.words.settings import CHOICES, DECLARED, LR_REFERENCE_BATCH, SETTINGS, Value, setting_names

T = TypeVar("T")

DISTRIBUTIONS = ("uniform", "loguniform", "integers", "choice")
SPECIAL = ("zip", "random", "where", "exclude", "lr_reference_batch")
_COUNT = Option("int", 1, low=1)
_DEFAULTS = Place("default")


def trial_section(node: Node, strict: bool = False) -> Axes:
    """`strict`: a selector that names what no setting can be is a mistake."""
    selector = partial(_selector, strict)
    readers: dict[str, Callable[[Node], Any]] = {name: partial(axis, name) for name in setting_names()}
    readers |= {
        "zip": partial(_each, _zip),
        "random": _random,
        "where": partial(_each, partial(_where, selector)),
        "exclude": partial(_each, selector),
        "lr_reference_batch": partial(typed, "lr_reference_batch", LR_REFERENCE_BATCH),
    }
    read, once = each(_done, (partial(node.section, "trial", readers), partial(_given_once, node)))
    axes = Axes(
        settings={n: v for n, v in read.items() if n in DECLARED} | {n: _default(n) for n in DECLARED if n not in once},
        zips=read.get("zip", ()),
        random=read.get("random"),
        where=read.get("where", ()),
        exclude=read.get("exclude", ()),
        lr_reference_batch=read.get("lr_reference_batch", 0),
    )
    lengths = axes.lengths()
    if (count := prod(lengths.values())) > MOST_TRIALS:
        told = " x ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise node.error(f"{count:,} combinations ({told}): a sweep has at most {MOST_TRIALS:,} trials")
    return axes


def _done(task: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return task()


def _default(name: str) -> tuple[Value, ...]:
    default = DECLARED[name].default
    return axis(name, Node(str(default), _DEFAULTS)) if name in CHOICES else (DECLARED[name].usual,)


def _given_once(node: Node) -> dict[str, Place]:
    """Where each setting is given: as an axis, by `zip` or by `random`. Mistakes for one that is given twice."""
    entries = node.value if isinstance(node.value, dict) else {}
    ways = [("an axis", {name: entry for name, entry in entries.items() if name in DECLARED})]
    for kind in ("zip", "random"):
        for element in entries[kind].node.elements() if kind in entries else ():
            keys = element.value if isinstance(element.value, dict) else {}
            ways.append((kind, {n: e for n, e in keys.items() if n in DECLARED and (kind, n) != ("random", "seed")}))
    tied: dict[str, tuple[str, Place]] = {}

    def one(given: tuple[str, str, Place]) -> None:
        kind, name, place = given
        if name in tied:
            raise place.error(f"'{name}' is given twice, by {tied[name][0]} and by {kind}")
        tied[name] = kind, place

    each(one, [(kind, name, entry.key) for kind, names in ways for name, entry in names.items()])
    misspelt = any(get_close_matches("dataset", [name]) for name in entries if name not in (*DECLARED, *SPECIAL))
    if isinstance(node.value, dict | None) and "dataset" not in tied and not misspelt:
        raise node.error("'trial' names no dataset: add `dataset: [...]`")
    return {name: place for name, (_, place) in tied.items()}


def _each(read: Callable[[Node], T], node: Node) -> tuple[T, ...]:
    return tuple(each(read, node.elements())) if node.value is not None else ()


def _zip(node: Node) -> Mapping[str, tuple[Value, ...]]:
    columns = node.section("zip", {name: partial(_column, name) for name in setting_names()})
    lengths = {name: len(column) for name, column in columns.items()}
    if not columns or len(set(lengths.values())) != 1 or 0 in lengths.values():
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items()) or "there are none"
        raise node.error(f"zipped settings have equally many values, at least one: {told}")
    return columns


def _column(name: str, node: Node) -> tuple[Value, ...]:
    return tuple(each(partial(single, name), node.elements()))


def _random(node: Node) -> Random | None:
    if node.value is None:
        return None
    readers: dict[str, Callable[[Node], Any]] = {name: partial(_distribution, name) for name in setting_names()}
    readers |= {"count": partial(typed, "count", _COUNT), "seed": partial(typed, "seed", SETTINGS["seed"])}
    read = node.section("random", readers)
    settings = {name: drawn for name, drawn in read.items() if name not in ("count", "seed")}
    if "count" not in read or not settings:
        raise node.error("'random' needs a count and a distribution: {count: 20, lr: {loguniform: [1e-4, 1e-1]}}")
    return Random(count=read["count"], seed=read.get("seed", 0), settings=settings)


def _distribution(name: str, node: Node) -> Distribution:
    read = node.section(f"random {name}", {kind: partial(_drawn, name, kind) for kind in DISTRIBUTIONS})
    if len(read) != 1:
        raise node.error(f"'{name}' is drawn from one of {', '.join(DISTRIBUTIONS)}, not {node}")
    return next(iter(read.values()))


def _drawn(name: str, kind: str, node: Node) -> Distribution:
    if kind == "choice":
        return Distribution(kind=kind, values=axis(name, node))
    wanted = "int" if kind == "integers" else "float"
    if DECLARED[name].kind != wanted:
        raise node.error(f"'{name}' cannot be drawn from {kind}: use `choice`")
    bounds = tuple(each(partial(typed, name, SETTINGS[name]), node.elements()))
    low, high = (float(str(b)) for b in bounds) if len(bounds) == 2 else (0.0, -1.0)
    if low >= high or (kind == "loguniform" and low <= 0):
        raise node.error(f"{kind} takes [low, high] with low < high{', low > 0' if kind == 'loguniform' else ''}")
    return Distribution(kind=kind, values=bounds)


def _where(selector: Callable[[Node], Selector], node: Node) -> Special:
    readers: dict[str, Callable[[Node], Any]] = {name: partial(single, name) for name in setting_names()}
    read: dict[str, Any] = node.section("where", {"if": selector, **readers})
    when = read.pop("if", None)
    if when is None or not read:
        raise node.error("'where' needs a selector and settings: {if: \"activation=selu\", dropout: 0}")
    return Special(when=when, settings=read)


def _selector(strict: bool, node: Node) -> Selector:
    if not isinstance(node.value, str):
        raise node.error(f"a selector is a text such as 'normalizer=bn batch_size<=8', not {node}")
    try:
        selector = Selector.parse(node.value)
    except UsageError as error:
        raise node.error(str(error)) from None
    found = [unknown("field", c.field, setting_names()) for c in selector.clauses if not is_trial_field(c.field)]
    found += clauses.problems(selector) if strict else []
    if found:
        raise Mistakes((node.place, sentence) for sentence in found)
    return selector
