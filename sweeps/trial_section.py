"""The `trial:` section of a sweep file, from nodes to `Axes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from sweeps.axes import Axes, Distribution, Random, Special
from sweeps.document import Node, Place
from sweeps.errors import UsageError
from sweeps.near import unknown
from sweeps.sections import known
from sweeps.select import Selector, is_trial_field
from sweeps.settings import CHOICE_DEFAULTS, CHOICES, LR_REFERENCE_BATCH, SETTINGS, Value, setting_names
from sweeps.values import axis, single, typed
from sweeps.vocabulary import Option

T = TypeVar("T")

DISTRIBUTIONS = ("uniform", "loguniform", "integers", "choice")
_SPECIAL = ("zip", "random", "where", "exclude", "lr_reference_batch")
_DEFAULTS = Place("default")


def trial_section(node: Node) -> Axes:
    entries = known(node, "trial", (*setting_names(), *_SPECIAL))
    zips = _each(entries.get("zip"), _zip)
    drawn = next(iter(_each(entries.get("random"), _random)), None)
    given = {name: axis(name, child) for name, child in entries.items() if name not in _SPECIAL}
    tied: dict[str, str] = {}
    for kind, names in (("an axis", given), *(("zip", z) for z in zips), ("random", drawn.settings if drawn else {})):
        for name in names:
            if name in tied:
                raise node.error(f"'{name}' is given twice, by {tied[name]} and by {kind}")
            tied[name] = kind
    if "dataset" not in tied:
        raise node.error("'trial' names no dataset: add `dataset: [...]`")
    defaults = {name: _default(name) for name in setting_names() if name not in tied}
    reference = entries.get("lr_reference_batch")
    return Axes(
        settings=given | defaults,
        zips=zips,
        random=drawn,
        where=_each(entries.get("where"), _where),
        exclude=_each(entries.get("exclude"), _selector),
        lr_reference_batch=int(str(typed("lr_reference_batch", LR_REFERENCE_BATCH, reference))) if reference else 0,
    )


def _default(name: str) -> tuple[Value, ...]:
    if name in CHOICES:
        return axis(name, Node(CHOICE_DEFAULTS[name], _DEFAULTS))
    return (SETTINGS[name].default,)


def _each(node: Node | None, read: Callable[[Node], T]) -> tuple[T, ...]:
    return tuple(read(element) for element in node.elements()) if node and node.value is not None else ()


def _zip(node: Node) -> Mapping[str, tuple[Value, ...]]:
    columns: dict[str, tuple[Value, ...]] = {}
    for name, child in known(node, "zip", setting_names()).items():
        columns[name] = tuple(single(name, element) for element in child.elements())
    lengths = {name: len(column) for name, column in columns.items()}
    if not columns or len(set(lengths.values())) != 1 or 0 in lengths.values():
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items()) or "there are none"
        raise node.error(f"zipped settings have equally many values, at least one: {told}")
    return columns


def _random(node: Node) -> Random:
    entries = known(node, "random", ("count", *setting_names()))
    settings = {name: _distribution(name, child) for name, child in entries.items() if name not in ("count", "seed")}
    if "count" not in entries or not settings:
        raise node.error("'random' needs a count and a distribution: {count: 20, lr: {loguniform: [1e-4, 1e-1]}}")
    count = typed("count", Option("int", 1, low=1), entries["count"])
    seed = typed("seed", SETTINGS["seed"], entries["seed"]) if "seed" in entries else 0
    return Random(count=int(str(count)), seed=int(str(seed)), settings=settings)


def _distribution(name: str, node: Node) -> Distribution:
    entries = known(node, f"random {name}", DISTRIBUTIONS)
    if len(entries) != 1:
        raise node.error(f"'{name}' is drawn from one of {', '.join(DISTRIBUTIONS)}, not {node}")
    kind, child = next(iter(entries.items()))
    if kind == "choice":
        return Distribution(kind=kind, values=axis(name, child))
    wanted = "int" if kind == "integers" else "float"
    if name in CHOICES or SETTINGS[name].kind != wanted:
        raise node.error(f"'{name}' cannot be drawn from {kind}: use `choice`")
    bounds = tuple(typed(name, SETTINGS[name], element) for element in child.elements())
    low, high = (float(str(b)) for b in bounds) if len(bounds) == 2 else (0.0, -1.0)
    if low >= high or (kind == "loguniform" and low <= 0):
        raise child.error(f"{kind} takes [low, high] with low < high{', low > 0' if kind == 'loguniform' else ''}")
    return Distribution(kind=kind, values=bounds)


def _where(node: Node) -> Special:
    entries = known(node, "where", ("if", *setting_names()))
    settings = {name: single(name, child) for name, child in entries.items() if name != "if"}
    if "if" not in entries or not settings:
        raise node.error("'where' needs a selector and settings: {if: \"activation=selu\", dropout: 0}")
    return Special(when=_selector(entries["if"]), settings=settings)


def _selector(node: Node) -> Selector:
    if not isinstance(node.value, str):
        raise node.error(f"a selector is a text such as 'normalizer=bn batch_size<=8', not {node}")
    try:
        selector = Selector.parse(node.value)
    except UsageError as error:
        raise node.error(str(error)) from None
    for clause in selector.clauses:
        if not is_trial_field(clause.field):
            raise node.error(unknown("field", clause.field, setting_names()))
    return selector
