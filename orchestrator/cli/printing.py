"""How the answers of verbs look on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def show(answer: Mapping[str, Any] | list[dict[str, Any]]) -> None:
    """A table of a list of rows; lines of names and values of one answer."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(soft_wrap=True)
    if isinstance(answer, Mapping):
        width = max(map(len, answer))
        for name, value in answer.items():
            console.print(f"{name.replace('_', ' '):<{width}}  {_text(name, value)}", highlight=False, markup=False)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in answer[0] if answer else ():
        table.add_column(name, overflow="fold")
    for row in answer:
        table.add_row(*(escape(str(v)) for v in row.values()))
    console.print(table, highlight=False)


def _text(name: str, value: Any) -> str:
    if value is None:
        return "not known for this model"
    if name == "flops":
        return f"{value:.3g}"
    if isinstance(value, float) and "_hours_" in name:
        return f"{value:.2f}" if value >= 0.1 else f"{value * 60:.1f} minutes"
    if name == "bytes":
        return f"{value / 1e6:.1f} MB"
    return str(value)
