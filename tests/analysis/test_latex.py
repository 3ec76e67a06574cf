import numpy as np
import pandas as pd
import pytest

from analysis.findings import Findings
from analysis.question import Question
from analysis.showing import tables
from analysis.showing.latex import LONG, escaped, latex, named
from analysis.showing.tables import Table, decimals
from tests.analysis.trials import trials


def test_a_table_with_intervals_missing_cells_and_a_best():
    frame = pd.DataFrame(
        {"method": ["vcl", "c & d"], "x": [0.5, 0.25], "x_low": [0.4, None], "x_high": [0.6, None], "y": [-0.1, 0.3]}
    )
    text = latex(Table("t", "50% better", "A note.", frame, "min", ["x", "y"], level=0.9))
    assert text.splitlines() == [
        r"\begin{table}",
        r"\centering",
        r"\caption{50\% better. A note.}",
        r"\label{tab:t}",
        r"\begin{tabular}{lrrrr}",
        r"\toprule",
        r" &  & \multicolumn{2}{c}{90\% interval} &  \\",
        r"\cmidrule(lr){3-4}",
        r"method & x & low & high & y \\",
        r"\midrule",
        r"VCL & 0.50 & 0.40 & 0.60 & \textbf{$-$0.1000} \\",
        r"c \& d & \textbf{0.25} & -- & -- & 0.3000 \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_the_table_of_all_rows_is_a_papers():
    frame = trials(datasets=["wine", "titanic"], depths=[4], noise=0.0, seeds=range(4))
    # Paired differences of vcl from bn: on wine none that counts, on titanic a clear one.
    vcl, wine = frame["normalizer"] == "vcl", frame["dataset"] == "wine"
    frame.loc[vcl & wine, "test_error"] += 0.0115 + 0.004 * (frame["seed"] % 2)
    frame.loc[frame["normalizer"] == "bn", "test_error"] += 0.002 * frame["seed"]
    lines = latex(tables.by_row(Findings(frame, Question()))).splitlines()
    assert lines[6] == r" & \multicolumn{3}{c}{ReLU} & \multicolumn{3}{c}{ELU} \\"
    assert lines[7:9] == [r"\cmidrule(lr){2-4} \cmidrule(lr){5-7}", r"dataset & none & BN & VCL & none & BN & VCL \\"]
    (wine_line,) = [line for line in lines if line.startswith("wine")]
    cells = wine_line.removesuffix(r" \\").split(" & ")
    assert [cells[1], cells[4]] == ["0.1300", "0.1300"]
    assert cells[2] == r"\textbf{0.1130}"
    assert cells[3] == r"\textit{0.1135}"
    (titanic,) = [line for line in lines if line.startswith("titanic")]
    assert titanic.split(" & ")[3] == r"\textbf{0.1500}"
    assert [line.split(" & ")[0] for line in lines[-5:-3]] == ["average", "wins"]
    wins = [cell.rstrip("\\ ") for cell in lines[-4].split(" & ")]
    assert wins == ["wins", "0", "1", "1", "0", "1", "1"]


def test_a_long_table_goes_over_pages():
    text = latex(Table("t", "T", "N", pd.DataFrame({"method": ["a"] * (LONG + 1)})))
    assert text.startswith("\\begin{longtable}{l}\n\\caption{T. N}\n\\label{tab:t} \\\\\n")
    assert text.count("\\endhead") == 1
    assert text.count("\na \\\\") == LONG + 1
    assert text.endswith("\\end{longtable}\n")


@pytest.mark.parametrize(
    ("name", "printed"),
    [("relu/vcl(n=5)", "ReLU/VCL(n=5)"), ("ws+bn", "WS+BN"), ("own", "own"), ("lrelu(slope=0.2)", "LReLU(slope=0.2)")],
)
def test_methods_are_named_as_in_papers(name: str, printed: str):
    assert named(name) == printed


@pytest.mark.parametrize(
    ("halves", "digits"),
    [([0.0123], 3), ([0.001, 0.002, 0.09], 4), ([3.0], 1), ([250.0], 0), ([0.0], None), ([], None)],
)
def test_two_digits_of_an_intervals_half_width_are_shown(halves: list[float], digits: int | None):
    assert decimals(np.array(halves)) == digits


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
