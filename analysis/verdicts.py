"""A paper's tables and figures, and what own results say of each."""

from __future__ import annotations

from importlib import resources
from itertools import combinations

import pandas as pd

from analysis.claims import WHOLE_SIZE, Verdict, judged
from analysis.findings import Findings
from analysis.frame import published
from analysis.showing.beside import SOURCES, errors, matched
from analysis.showing.tables import Table
from analysis.table_file import load

SMOKE = "-smoke"
MOST = 2 / 3  # of the pairs of methods, in the published order: then a table is reproduced


def papers() -> pd.DataFrame:
    """A row a table or figure: `paper`, `exhibit`, `what`, `preset` ("" where none holds it), `claim`."""
    with resources.as_file(resources.files("analysis") / "papers.csv") as path:
        return load(path).fillna("")


def verdict(claim: str, findings: Findings, readings: pd.DataFrame) -> Verdict:
    """What own results say of a claim; of `published`, whether they put methods in the order of the paper's table."""
    if not claim:
        return Verdict("not comparable", "because it shows no single number that a sentence could hold against it")
    if claim != "published":
        return judged(claim, findings.frame, readings)
    name = str(findings.frame["sweep"].iloc[0])
    if name.endswith(SMOKE):
        return Verdict("not comparable", f"because {WHOLE_SIZE}")
    lines = pd.DataFrame(matched(findings, errors(published(*SOURCES[name])))) if name in SOURCES else pd.DataFrame()
    if lines.empty:
        return Verdict("not comparable", "because no cell is in both tables")
    rows = lines.groupby([c for c in lines if c not in ("method", "own", "published", "difference")], sort=False)
    alike = [
        (a["own"] - b["own"]) * (a["published"] - b["published"]) > 0
        for _, cells in rows
        for a, b in combinations(cells.to_dict("records"), 2)
        if a["published"] != b["published"]
    ]
    if not alike:
        return Verdict("not comparable", "because no row has two methods that the paper tells apart")
    share = sum(alike) / len(alike)
    sentence = f"own means order {share:.0%} of {len(alike)} pairs of methods as the paper does"
    return Verdict("reproduced" if share >= MOST else "not reproduced", sentence)


def verdicts(findings: Findings, readings: pd.DataFrame) -> Table | None:
    """A sentence for each table and figure that the sweep is about; None where it is no paper's."""
    if "sweep" not in findings.frame:
        return None
    name = str(findings.frame["sweep"].iloc[0]).removesuffix(SMOKE)
    about = papers()
    about = about.loc[about["preset"] == name]
    if about.empty:
        return None
    found = [verdict(claim, findings, readings) for claim in about["claim"]]
    frame = about[["paper", "exhibit", "what"]].assign(
        verdict=[v.word for v in found], sentence=[v.sentence for v in found]
    )
    return Table(
        "verdicts",
        "What the paper says, and these results",
        "Each table and figure of the paper that the sweep is about: reproduced, not reproduced, or not comparable.",
        frame.reset_index(drop=True),
    )
