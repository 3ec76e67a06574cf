import pandas as pd
import pytest

from analysis.showing.latex import escaped, latex
from analysis.showing.shown import CELLS
from analysis.showing.tables import Table


def test_a_table_with_intervals_missing_cells_and_a_best():
    frame = pd.DataFrame(
        {"method": ["a_b", "c & d"], "x": [0.5, 0.25], "x_low": [0.4, None], "x_high": [0.6, None], "y": [-0.1, 0.3]}
    )
    text = latex(Table("t", "50% better", "A note.", frame, "min", ["x", "y"]))
    assert text.splitlines() == [
        r"\begin{table}",
        r"\centering",
        r"\caption{50\% better. A note.}",
        r"\label{tab:t}",
        r"\begin{tabular}{lrrr}",
        r"\toprule",
        r"method & x & 95\% interval & y \\",
        r"\midrule",
        r"a\_b & 0.5000 & 0.4000 to 0.6000 & \textbf{$-$0.1000} \\",
        r"c \& d & \textbf{0.2500} & -- & 0.3000 \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("oocytes_merluccius & 5%", r"oocytes\_merluccius \& 5\%"),
        ("{vcl} #2 $x ~ ^", r"\{vcl\} \#2 \$x \textasciitilde{} \textasciicircum{}"),
        ("a\\b", r"a\textbackslash{}b"),
        ("p < 0.05 | n > 3", "p $<$ 0.05 $|$ n $>$ 3"),
        ("κ ≥ 4 × γ", r"$\kappa$ $\ge$ 4 $\times$ $\gamma$"),
        ("Demšar, Dolan and Moré", "Demšar, Dolan and Moré"),
    ],
)
def test_names_reach_the_paper_as_they_are(words: str, written: str):
    assert escaped(words) == written


def test_a_table_that_is_too_long_says_so():
    frame = pd.DataFrame({"method": ["a"] * (CELLS + 1)})
    assert latex(Table("t", "T", "N", frame)).startswith(f"% The first {CELLS} of {CELLS + 1} lines; the Parquet")
