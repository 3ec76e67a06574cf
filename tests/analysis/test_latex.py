import pandas as pd

from analysis.latex import latex
from analysis.tables import Table


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
