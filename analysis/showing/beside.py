"""Own figures beside the published ones, where a sweep is a paper's preset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.findings import Findings
from analysis.frame import published
from analysis.showing import figures
from analysis.showing.drawings import Drawing
from analysis.showing.shown import signed
from analysis.showing.tables import Table

SOURCES = {
    "uci44": ("vcl", "5"),
    "vcl-cifar": ("vcl", "2"),
    "vcl-tinyimagenet": ("vcl", "3"),
    "popnorm-cifar": ("popnorm", "1"),
    "popnorm-imagenet": ("popnorm", "2"),
    "cwo-cifar": ("cwo", "1"),
    "cwo-small-batch": ("cwo", "2"),
    "cwo-imagenet": ("cwo", "6"),
    "normprop-cifar": ("normprop", "1"),
    "bne-affine": ("bne", "1"),
    "bne-noise": ("bne", "section-5"),
}
TITLES = {
    "vcl": "Littwin and Wolf 2018",
    "popnorm": "POP-Norm",
    "cwo": "CWO",
    "normprop": "NormProp",
    "bne": "Balestriero and Baraniuk 2022",
}
KEYS = ("dataset", "model", "activation", "normalizer")
ERRORS = ("test_error", "validation_error")
SETTINGS = {"augmentation": "augment", "batch_size": "batch_size"}  # the papers' words and ours
MEANT = {"standard": "pad-crop-flip"}


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
    source = f"{TITLES[paper]}, {'Table ' * number.isdecimal()}{number.replace('-', ' ')}"
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
    """Published figures as error shares in 0..1."""
    value = frame["value"].to_numpy(dtype=np.float64)
    kinds = [str(m) for m in frame["metric"]]
    shares = [
        v if k in ERRORS else v / 100 if k == "test_error_percent" else 1 - v / 100
        for v, k in zip(value, kinds, strict=True)
    ]
    known = [k in (*ERRORS, "test_error_percent", "test_accuracy_percent", "top1_percent") for k in kinds]
    return frame.assign(published=shares).loc[known]


def matched(findings: Findings, theirs: pd.DataFrame) -> list[dict[str, Any]]:
    """One line a cell that the paper prints exactly once, by `KEYS` and by the settings that it names."""
    q = findings.question
    fixed = {k: findings.frame[k].iloc[0] for k in (*KEYS, *SETTINGS.values()) if not varies(findings, k)}
    printed: dict[str, list[tuple[dict[str, str], float]]] = {}
    for row in theirs.to_dict("records"):
        keys = {k: str(row[k]) for k in KEYS if not pd.isna(row[k])}
        told: list[tuple[str, str]] = re.findall(r"(\w+)=([\w.+-]+)", str(row["setting"]))
        keys |= {SETTINGS.get(k, k): MEANT.get(v, v) for k, v in told}
        printed.setdefault(keys.get("dataset", ""), []).append((keys, float(row["published"])))
    lines: list[dict[str, Any]] = []
    for i, row in enumerate(findings.scores.rows):
        for j, column in enumerate(findings.columns):
            cell = own_keys(fixed | dict(zip((*q.rows, *q.columns), (*row, *column), strict=True)))
            found = [v for keys, v in printed.get(cell.get("dataset", ""), []) if agree(keys, cell)]
            if len(found) == 1:
                own = float(findings.row_means[i, j])
                line = {name: row[k] for k, name in enumerate(q.rows)} | {"method": findings.names[j]}
                lines.append(line | {"own": own, "published": found[0], "difference": own - found[0]})
    return lines


def varies(findings: Findings, name: str) -> bool:
    frame, q = findings.frame, findings.question
    return name not in frame or name in (*q.rows, *q.columns) or len(frame[name].unique()) > 1


def own_keys(cell: Mapping[str, Any]) -> dict[str, str]:
    """Names and options apart: `vcl(n=5)` is the normalizer vcl and n = 5."""
    keys: dict[str, str] = {}
    for name, value in cell.items():
        keys[name], _, options = str(value).partition("(")
        if name == "normalizer":
            keys |= dict(re.findall(r"(\w+)=([^,)]+)", options.lower()))
    return keys


def agree(theirs: Mapping[str, str], own: Mapping[str, str]) -> bool:
    """Whether a published cell is this one; what only one of both names is no contradiction."""
    return all(number(v) == number(own[k]) for k, v in theirs.items() if k in own)


def number(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word
