"""What the results mean: wins, intervals, profiles, the report. Works on any table with one row a trial.

What others may use is in `__all__`; each name is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.frame import named_methods, published
    from analysis.question import Question
    from analysis.showing.page import Provenance, analyze, report
    from analysis.statistics.win_table import WinTable, wins
    from analysis.table_file import load

__all__ = [
    "Provenance",
    "Question",
    "WinTable",
    "analyze",
    "load",
    "named_methods",
    "published",
    "report",
    "wins",
]

_HOMES = {
    "Provenance": "showing.page",
    "Question": "question",
    "WinTable": "statistics.win_table",
    "analyze": "showing.page",
    "load": "table_file",
    "named_methods": "frame",
    "published": "frame",
    "report": "showing.page",
    "wins": "statistics.win_table",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
