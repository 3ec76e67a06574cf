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


def show_data_set(about: dict[str, Any]) -> None:
    """Columns, classes and splits of a data set, and what is worth saying of it."""
    listed = (dict(row) for row in about.get("columns", ()))
    if rows := [{**row, "features": len(row["features"]), "detail": _begun(row["detail"])} for row in listed]:
        show(rows)
        print()
    classes = about["classes"]
    if isinstance(classes, dict):
        classes = f"{len(classes)}: {_begun(', '.join(f'{label} ({count:,})' for label, count in classes.items()))}"
    sizes = list(dict.fromkeys(tuple(sizes.values()) for sizes in about["splits"]))
    several = len(about["splits"])
    answer = {"rows": f"{about['rows']:,}"}
    if "features" in about:
        answer |= {
            "columns": str(len(about["columns"])),
            "features": f"{len(about['features']):,}",
            "target": about["target"],
        }
    else:
        answer |= {"sample": " × ".join(map(str, about["sample"]))}
    answer |= {
        "classes": str(classes),
        "splits": f"{several}: "
        + "; ".join(f"{train:,} train, {validation:,} validation, {test:,} test" for train, validation, test in sizes),
        "split by": about["split_by"],
        **({"source": about["source"]} if "source" in about else {}),
        "digest": about["digest"][:16],
    }
    show(answer)
    for sentence in about.get("said", ()):
        print(f"- {sentence}")


def _begun(text: str, most: int = 90) -> str:
    return text if len(text) <= most else f"{text[:most]} …"


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
