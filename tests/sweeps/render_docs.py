"""The tables of settings and keys in the docs, made of their declarations: `python -m tests.sweeps.render_docs`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from orchestrator.ask.vocabulary import listed
from tests.conftest import HERE

DOCS = HERE.parent / "docs"
PAGES = ("sweep-file.md", "slurm.md", "presets.md")
LIMITS = "cannot be used where"  # the column of what normalizers alone have
_TABLE = re.compile(r"(?<=<!-- )(?!end )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def rendered(page: str) -> str:
    """The page with each table between `<!-- name -->` and `<!-- end -->` made anew."""
    return _TABLE.sub(lambda found: f"{found[1]}{found[2]}{_markdown(listed(found[1]))}", page)


def _markdown(rows: Sequence[Mapping[str, str]]) -> str:
    if LIMITS in rows[0]:
        head = [f"| method | what | source | {LIMITS} |", "|---|---|---|---|"]
        lines = [f"| `{row['name']}` | {row['what']} | {row['source']} | {row[LIMITS]} |" for row in rows]
        return "\n".join([*head, *lines]) + "\n"
    lines = ["| name | default | values | meaning |", "|---|---|---|---|"]
    for row in rows:
        default = f"`{row['default']}`" if row["default"] not in ("", "required") else row["default"]
        lines.append(f"| `{row['name']}` | {default} | {row['values']} | {row['meaning']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name in PAGES:
        path = DOCS / name
        path.write_text(rendered(path.read_text()))
