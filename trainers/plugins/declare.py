"""`plugin`: how a class or function in a file of a user's own becomes a name that sweep files may use."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from sweeps.errors import UsageError
from sweeps.plugins.loading import MODULES, problem
from sweeps.plugins.plugin import Declared
from sweeps.words.declared import Entry
from trainers.plugins.fitting import Formula, misfit

C = TypeVar("C", bound=Callable[..., Any])


def plugin(name: str, entry: Entry, *, formula: Formula | None = None) -> Callable[[C], C]:
    """Declares what is below it under `name`: the entry is what the vocabulary has of everything that is shipped.

    The type of the entry says what it is: `Normalizer` above a `Method`, `Model` above a `Network` or a function that
    makes one, `Activation`, `Schedule` and `Metric` above a function, `Optimizer` and `Augmentation` above a class of
    that name of `trainers`, `Probe` above a class with `read`.

    `formula`, of a normalizer: the same computation once more, as plainly as it can be, for one replica:
    `formula(u, gamma=..., eps=...)` is given what the method's one hook is given, without R, what the method learns and
    its options. `normsweep plugin check` compares both. UsageError for an entry that does not fit what is below it.
    """
    frame = inspect.currentframe()
    line = frame.f_back.f_lineno if frame and frame.f_back else 0

    def declare(thing: C) -> C:
        declared = Declared(name, entry, line)
        if wrong := problem(declared) or misfit(name, thing, entry, formula):
            raise UsageError(wrong)
        setattr(thing, "declared", declared)  # noqa: B010
        setattr(thing, "formula", staticmethod(formula) if formula else None)  # noqa: B010
        return thing

    return declare


def raised(error: BaseException) -> str:
    """What a plug-in raised, in a sentence, with the line of it that the error came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_plugin(f.filename)]
    where = f" in {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"it raises {type(error).__name__}{where}: {' '.join(str(error).split())}"


def _is_plugin(filename: str) -> bool:
    return any(
        getattr(module, "__file__", None) == filename
        for name, module in list(sys.modules.items())
        if name.startswith(MODULES)
    )
