"""Tables for papers: `booktabs` rules, the best bold, what cannot be told from it italic."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Any

import numpy as np
import pandas as pd

from analysis.showing.shown import best_cells, cell, heads
from analysis.showing.tables import Table, decimals

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": "$<$", ">": "$>$", "|": "$|$", '"': "''",
    "−": "$-$", "–": "--", "≤": r"$\le$", "≥": r"$\ge$", "×": r"$\times$", "±": r"$\pm$", "·": r"$\cdot$",
}  # fmt: skip


METHODS = ("method", "against")  # columns that hold methods' names
LONG = 50  # lines that a page takes
# As papers write them; what is not here is written as a sweep file does.
NAMES = {
    "relu": "ReLU", "elu": "ELU", "selu": "SELU", "lrelu": "LReLU", "prelu": "PReLU", "gelu": "GELU", "silu": "SiLU",
    "none": "none", "bn": "BN", "bn-frozen": "frozen BN", "bn-noise": "noisy BN", "brn": "BRN", "ln": "LN", "in": "IN",
    "gn": "GN", "wn": "WN", "mbn": "MBN", "cwn": "CWN", "ws": "WS", "vcl": "VCL", "popnorm": "POP-Norm", "cwo": "CWO",
    "normprop": "NormProp",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column as it is set; those of one `group` stand together below its name."""

    group: str
    head: str
    cells: list[str]
    number: bool


def latex(table: Table) -> str:
    r"""A `table` with caption and label, or a `longtable` where it is long; needs the packages booktabs, longtable."""
    columns = set_columns(table)
    rows = [" & ".join(line) + r" \\" for line in zip(*(c.cells for c in columns), strict=True)]
    body, foot = rows[: len(rows) - len(table.foot)], rows[len(rows) - len(table.foot) :]
    caption = rf"\caption{{{escaped(table.title)}. {escaped(table.note)}}}"
    label = rf"\label{{tab:{table.name.replace('_', '-')}}}"
    form = "".join("r" if c.number else "l" for c in columns)
    head = [r"\toprule", *heading(columns), r"\midrule"]
    rest = [*body, *([r"\midrule", *foot] if foot else []), r"\bottomrule"]
    if len(body) > LONG:
        start = [rf"\begin{{longtable}}{{{form}}}", caption, label + r" \\"]
        return "\n".join([*start, *head, r"\endhead", *rest, r"\end{longtable}", ""])
    start = [r"\begin{table}", r"\centering", caption, label, rf"\begin{{tabular}}{{{form}}}"]
    return "\n".join([*start, *head, *rest, r"\end{tabular}", r"\end{table}", ""])


def heading(columns: Sequence[Column]) -> list[str]:
    """One line, or two with a rule below each group."""
    last = " & ".join(escaped(c.head) for c in columns) + r" \\"
    runs = [(group, len(list(members))) for group, members in groupby(columns, key=lambda c: c.group)]
    if all(not group for group, _ in runs):
        return [last]
    first, rules, place = list[str](), list[str](), 1
    for group, size in runs:
        first += [rf"\multicolumn{{{size}}}{{c}}{{{escaped(group)}}}"] if group else [""] * size
        rules += [rf"\cmidrule(lr){{{place}-{place + size - 1}}}"] * bool(group)
        place += size
    return [" & ".join(first) + r" \\", " ".join(rules), last]


def set_columns(table: Table) -> list[Column]:
    """The table's columns with their cells as LaTeX, the foot's included: an interval is two columns below one head."""
    frame = pd.concat([table.frame, table.foot], ignore_index=True) if len(table.foot) else table.frame
    best = best_cells(frame.iloc[: len(table.frame)], table)
    columns: list[Column] = []
    for name, head in zip(kept(table), heads(table), strict=True):
        if name.endswith("_low"):
            ends = (name, name.removesuffix("_low") + "_high")
            digits = digits_of(frame, name.removesuffix("_low"))
            parts = [[text(value, digits, table.missing) for value in frame[end]] for end in ends]
            columns += [Column(head, end, cells, True) for end, cells in zip(("low", "high"), parts, strict=True)]
            continue
        digits = digits_of(frame, name)
        digits = table.digits if digits is None and name in table.best_of else digits
        words = [named(v) if isinstance(v, str) and name in METHODS else v for v in frame[name]]
        cells = [text(value, digits, table.missing) for value in words]
        near = table.near[name].tolist() if name in table.near else []
        cells = [
            rf"\textbf{{{words}}}" if is_best else rf"\textit{{{words}}}" if is_near else words
            for words, is_best, is_near in zip_longest(cells, best.get(name, []), near, fillvalue=False)
        ]
        group, _, own = (named(head) if name in table.best_of else head).rpartition("/")
        columns.append(Column(group, own, [str(c) for c in cells], not any(isinstance(v, str) for v in words)))
    return columns


def kept(table: Table) -> list[str]:
    return [name for name in map(str, table.frame.columns) if not name.endswith("_high")]


def digits_of(frame: pd.DataFrame, name: str) -> int | None:
    """Decimals that show two digits of the median half width of a column's interval; None without an interval."""
    if f"{name}_low" not in frame:
        return None
    return decimals((frame[f"{name}_high"] - frame[f"{name}_low"]).to_numpy(dtype=np.float64) / 2)


def text(value: Any, digits: int | None, missing: str) -> str:
    if isinstance(value, float) and value == value and digits is not None:
        words = f"{value:.{digits}f}"
        return escaped((words if float(words) else words.lstrip("-")).replace("-", "−"))
    return escaped(cell(value, missing=missing).text)


def named(words: str) -> str:
    """A method's name as papers write it: `relu/vcl(n=5)` is `ReLU/VCL(n=5)`; other words stay."""

    def part(one: str) -> str:
        name, bracket, options = one.partition("(")
        return "+".join(NAMES.get(n, n) for n in name.split("+")) + bracket + options

    return "/".join(map(part, words.split("/")))


def escaped(words: str) -> str:
    """What LaTeX prints as `words`; Greek letters in mathematics."""
    return "".join(SPECIAL.get(c) or greek(c) or c for c in words)


def greek(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return rf"$\{name.split()[-1].lower()}$" if name.startswith("GREEK SMALL LETTER ") else ""
