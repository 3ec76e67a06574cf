"""Own figures beside the published ones, where a sweep is a paper's preset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis import figures
from analysis.drawings import Drawing
from analysis.findings import Findings
from analysis.frame import published
from analysis.shown import signed
from analysis.tables import Table

SOURCES = {
    "uci44": ("vcl", "5"),
    "vcl-cifar": ("vcl", "2"),
    "vcl-tinyimagenet": ("vcl", "3"),
    "popnorm-cifar": ("popnorm", "1"),
    "popnorm-imagenet": ("popnorm", "2"),
    "cwo-cifar": ("cwo", "1"),
    "cwo-small-batch": ("cwo", "2"),
}
TITLES = {"vcl": "Littwin and Wolf 2018", "popnorm": "POP-Norm", "cwo": "CWO"}
KEYS = ("dataset", "model", "activation", "normalizer")


def beside(findings: Findings) -> list[Table | Drawing]:
    """A table and a figure of the cells that the paper prints too; nothing where the sweep is no paper's."""
    if "sweep" not in findings.frame or findings.question.metric != "test_error":
        return []
    name = str(findings.frame["sweep"].iloc[0]).removesuffix("-smoke")
    if name not in SOURCES:
        return []
    paper, number = SOURCES[name]
    theirs = errors(published(paper, number))
    lines = matched(findings, theirs)
    if not lines:
        return []
    frame = pd.DataFrame(lines)
    source = f"{TITLES[paper]}, Table {number}"
    low, middle, high = (float(v) for v in np.quantile(frame["difference"], [0.25, 0.5, 0.75]))
    note = (
        f"Own mean beside {source}, on the {len(frame)} cells that both have. Own minus published: median "
        f"{signed(middle)}, half of the cells between {signed(low)} and {signed(high)}."
    )
    order = [findings.names.index(str(m)) for m in frame["method"]]
    own, printed = (frame[c].to_numpy(dtype=np.float64) for c in ("own", "published"))
    drawing = Drawing(
        "beside",
        "Own and published figures",
        f"Each point is a cell; on the line both agree. Published: {source}.",
        figures.beside(own, printed, findings.columns, order, "test error"),
        frame,
        f"Own test errors against those of {source}.",
    )
    return [drawing, Table("published", "Own figures beside the published", note, frame)]


def errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Published figures as error shares in 0..1; cells printed several times (under several settings) are left out."""
    value = frame["value"].to_numpy(dtype=np.float64)
    kinds = [str(m) for m in frame["metric"]]
    shares = [
        v if k in ("test_error", "validation_error") else v / 100 if k == "test_error_percent" else 1 - v / 100
        for v, k in zip(value, kinds, strict=True)
    ]
    known = [k in ("test_error", "validation_error", "test_error_percent", "test_accuracy_percent") for k in kinds]
    return frame.assign(published=shares).loc[known].drop_duplicates(list(KEYS), keep=False)


def matched(findings: Findings, theirs: pd.DataFrame) -> list[dict[str, Any]]:
    """One line a cell that both have, matched by those of `KEYS` that tell the published cells apart."""
    q = findings.question
    fixed = {k: findings.frame[k].iloc[0] for k in KEYS if k in findings.frame and k not in (*q.rows, *q.columns)}
    telling = [k for k in KEYS if len(set(theirs[k])) > 1 and not any(pd.isna(v) for v in theirs[k])]
    shared = [k for k in telling if k in (*q.rows, *q.columns, *fixed)]
    once = theirs.drop_duplicates(shared, keep=False)
    found = {tuple(map(str, key)): v for *key, v in once[[*shared, "published"]].itertuples(index=False)}
    lines: list[dict[str, Any]] = []
    for i, row in enumerate(findings.scores.rows):
        for j, column in enumerate(findings.columns):
            cell = fixed | dict(zip((*q.rows, *q.columns), (*row, *column), strict=True))
            printed = found.get(tuple(str(cell[k]) for k in shared))
            if printed is not None:
                own = float(findings.row_means[i, j])
                line = {name: row[k] for k, name in enumerate(q.rows)} | {"method": findings.names[j]}
                lines.append(line | {"own": own, "published": float(printed), "difference": own - float(printed)})
    return lines
