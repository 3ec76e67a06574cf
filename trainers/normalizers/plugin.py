"""`plugin`: how a class in a file of a user's own becomes a method that sweep files may name."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor

from sweeps.errors import UsageError
from sweeps.plugins.loading import MODULES
from sweeps.plugins.plugin import Declared
from sweeps.words.composition import POINTS
from sweeps.words.vocabulary import Normalizer
from trainers.normalizers.method import Method
from trainers.normalizers.points import points

M = TypeVar("M", bound=type[Method])
Formula = Callable[..., Tensor]

OF_ONE_TENSOR = ("before", "weight", "after", "activated")  # points whose hooks make one tensor of another


def plugin(name: str, entry: Normalizer, *, formula: Formula | None = None) -> Callable[[M], M]:
    """Declares the method below it under `name`: the entry is what the vocabulary has of every shipped method.

    `formula`: the same computation once more, as plainly as it can be, for one replica: `formula(u, gamma=...,
    eps=...)` is given what the method's one hook is given, without R, what the method learns and its options.
    `normsweep plugin check` compares both. UsageError for an entry that does not fit the class.
    """
    frame = inspect.currentframe()
    line = frame.f_back.f_lineno if frame and frame.f_back else 0

    def declare(method: M) -> M:
        if not _is_method(method):
            raise UsageError(f"{name} is no method: derive its class from `trainers.Method`")
        if wrong := _problem(name, method, entry, formula):
            raise UsageError(wrong)
        setattr(method, "declared", Declared(name, entry, line))  # noqa: B010
        setattr(method, "formula", staticmethod(formula) if formula else None)  # noqa: B010
        return method

    return declare


def _is_method(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Method)


def raised(error: BaseException) -> str:
    """What a method raised, in a sentence, with the line of the plug-in that it came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_plugin(f.filename)]
    where = f" in {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"it raises {type(error).__name__}{where}: {' '.join(str(error).split())}"


def _is_plugin(filename: str) -> bool:
    return any(
        getattr(module, "__file__", None) == filename
        for name, module in list(sys.modules.items())
        if name.startswith(MODULES)
    )


def _problem(name: str, method: type[Method], entry: Normalizer, formula: Formula | None) -> str:
    acts = points(method)
    if unknown := sorted(entry.points - {*POINTS}):
        return f"{name}: '{unknown[0]}' is no point: use {', '.join(POINTS)}"
    if more := sorted(acts - entry.points):
        return f"{name} overrides a hook of the point '{more[0]}', which its `points` do not name: add it"
    if less := sorted(entry.points - acts):
        return f"{name} names the point '{less[0]}', but {method.__name__} overrides no hook of it: leave it out"
    if wrong := _signature_problem(method, entry):
        return f"{name}: {wrong}"
    if formula and len(entry.points & {*OF_ONE_TENSOR}) != 1:
        return f"{name}: a formula is for a method that acts at one of {', '.join(OF_ONE_TENSOR)}: leave it out"
    return ""


def _signature_problem(method: type[Method], entry: Normalizer) -> str:
    """Where the options of the entry are not the constructor's."""
    _, *given = inspect.signature(method).parameters.values()  # after the site
    named: dict[str, Any] = {p.name: p for p in given if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    anything = any(p.kind is p.VAR_KEYWORD for p in given)
    for option in entry.options:
        if option not in named and not anything:
            return f"option '{option}' is none that {method.__name__} takes: add it to `__init__`"
    for parameter in named.values():
        if parameter.name not in entry.options and parameter.default is parameter.empty:
            return f"{method.__name__} needs '{parameter.name}', which is none of the options: add it to them"
    return ""
