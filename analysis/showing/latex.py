"""Tables for papers: `booktabs` rules, best values bold."""

from __future__ import annotations

import unicodedata

from analysis.showing.shown import Cell, heads, lines
from analysis.showing.tables import Table

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": "$<$", ">": "$>$", "|": "$|$", '"': "''",
    "−": "$-$", "–": "--", "≤": r"$\le$", "≥": r"$\ge$", "×": r"$\times$", "±": r"$\pm$", "·": r"$\cdot$",
}  # fmt: skip


def latex(table: Table) -> str:
    r"""A `table` environment with caption and label; needs `\usepackage{booktabs}`."""
    shown = lines(table)
    names = heads(table)
    numbers = [c.number for c in shown[0]] if shown else [False] * len(names)
    body = [" & ".join(text(c) for c in line) + r" \\" for line in shown]
    whole = len(table.frame)
    cut = [f"% The first {len(shown)} of {whole} lines; the Parquet and the CSV hold all."] * (len(shown) < whole)
    return "\n".join(
        [
            *cut,
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(table.title)}. {escaped(table.note)}}}",
            rf"\label{{tab:{table.name.replace('_', '-')}}}",
            rf"\begin{{tabular}}{{{''.join('r' if n else 'l' for n in numbers)}}}",
            r"\toprule",
            " & ".join(escaped(n) for n in names) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def text(cell: Cell) -> str:
    words = escaped(cell.text)
    return rf"\textbf{{{words}}}" if cell.best else words


def escaped(words: str) -> str:
    """What LaTeX prints as `words`; Greek letters in mathematics."""
    return "".join(SPECIAL.get(c) or greek(c) or c for c in words)


def greek(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return rf"$\{name.split()[-1].lower()}$" if name.startswith("GREEK SMALL LETTER ") else ""
