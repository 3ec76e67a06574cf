"""Whether what a plug-in declares is what its entry says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor

from sweeps.probes import Probe
from sweeps.words.activations import Activation
from sweeps.words.augmentations import Augmentation
from sweeps.words.composition import POINTS
from sweeps.words.declared import Entry
from sweeps.words.models import Model
from sweeps.words.optimizers import Optimizer
from sweeps.words.vocabulary import Normalizer
from trainers import augment
from trainers.models.network import Network
from trainers.normalizers.method import Method
from trainers.normalizers.points import points
from trainers.optim import optimizer

Formula = Callable[..., Tensor]

OF_ONE_TENSOR = ("before", "weight", "after", "activated")  # points whose hooks make one tensor of another
_BASES: dict[type[Entry], type] = {
    Normalizer: Method,
    Model: Network,  # or a function that makes one
    Optimizer: optimizer.Optimizer,
    Augmentation: augment.Augmentation,
}


def misfit(name: str, thing: Any, entry: Entry, formula: Formula | None) -> str:
    """What does not fit, in a sentence; nothing where all does."""
    is_class, base = isinstance(thing, type), _BASES.get(type(entry))
    if isinstance(entry, Probe):
        if not is_class or not callable(getattr(thing, "read", None)):
            return f"{name} is no probe: put `@plugin` above a class that has `read(subject)`"
    elif base is None and not _is_function(thing):
        return f"{name} is no {entry.kind}: put `@plugin` above a function"
    if base and not (is_class and issubclass(thing, base)) and (is_class or not isinstance(entry, Model)):
        called = "method" if base is Method else entry.kind
        return f"{name} is no {called}: derive its class from `trainers.{base.__name__}`"
    if formula and not isinstance(entry, Normalizer):
        return f"{name}: a formula is for a normalizer: leave it out"
    if isinstance(entry, Normalizer) and (wrong := _hook_problem(name, thing, entry, formula)):
        return wrong
    wrong = _signature_problem(thing, entry, _keywords(thing, entry))
    return f"{name}: {wrong}" if wrong else ""


def _is_function(thing: object) -> bool:
    return callable(thing) and not isinstance(thing, type)


def _hook_problem(name: str, method: type[Method], entry: Normalizer, formula: Formula | None) -> str:
    acts = points(method)
    if unknown := sorted(entry.points - {*POINTS}):
        return f"{name}: '{unknown[0]}' is no point: use {', '.join(POINTS)}"
    if more := sorted(acts - entry.points):
        return f"{name} overrides a hook of the point '{more[0]}', which its `points` do not name: add it"
    if less := sorted(entry.points - acts):
        return f"{name} names the point '{less[0]}', but {method.__name__} overrides no hook of it: leave it out"
    if formula and len(entry.points & {*OF_ONE_TENSOR}) != 1:
        return f"{name}: a formula is for a method that acts at one of {', '.join(OF_ONE_TENSOR)}: leave it out"
    return ""


def _keywords(thing: Any, entry: Entry) -> list[str]:
    """What an implementation is given by name beside its options, or in the place of some."""
    if isinstance(entry, Optimizer):
        return ["weight_decay", *entry.takes]
    if isinstance(entry, Activation):
        return [*entry.learns]
    return ["mean", "std"] if isinstance(entry, Augmentation) and thing.scaled else []


def _signature_problem(thing: Any, entry: Entry, beside: Iterable[str]) -> str:
    """Where what it is called with is not what it takes."""
    given = [*inspect.signature(thing).parameters.values()][len(entry.given) :]
    named: dict[str, Any] = {p.name: p for p in given if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    anything = any(p.kind is p.VAR_KEYWORD for p in given)
    begins = {*entry.learns.values()} if isinstance(entry, Activation) else set[str]()
    begins |= {"when"} if isinstance(entry, Probe) else set[str]()  # which the recorder reads
    options = [option for option in entry.options if option not in begins]
    where = "`__init__`" if isinstance(thing, type) else "its arguments"
    for option in () if anything else (*options, *beside):
        if option not in named:
            what = f"option '{option}'" if option in entry.options else f"'{option}'"
            return f"{what} is none that {thing.__name__} takes: add it to {where}"
    for parameter in named.values():
        if parameter.name not in (*options, *beside) and parameter.default is parameter.empty:
            return f"{thing.__name__} needs '{parameter.name}', which is none of the options: add it to them"
    return ""
