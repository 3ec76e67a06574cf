"""Where the methods that are compared cannot be used."""

from __future__ import annotations

import pandas as pd

from analysis.findings import Findings
from analysis.showing.tables import Table
from analysis.statistics.scores import listed
from sweeps.errors import UsageError
from sweeps.limits import limits
from sweeps.words.activations import OWN
from sweeps.words.composition import brings_activation


def limits_of(findings: Findings) -> Table | None:
    """A line for each normalizer, in the words in which `check` refuses its trials; None where none has a limit."""
    known: dict[str, list[str]] = {}
    for name in _normalizers(findings):
        try:
            known[name] = limits(name)
        except UsageError:  # of a table that others made
            continue
    limited = {name: phrases for name, phrases in known.items() if phrases}
    if not limited:
        return None
    note = "B: the samples of a batch, or of a shard of it. `normsweep check` refuses such trials."
    if free := [name for name in known if name not in limited]:
        note += f" Of {listed(free, len(free))} no limit is known."
    if activating := [name for name in known if brings_activation(name)]:
        note += f" With an activation of its own ({OWN}): {listed(activating, len(activating))}."
    frame = pd.DataFrame({"normalizer": [*limited], "cannot_be_used_where": ["; ".join(p) for p in limited.values()]})
    return Table("limits", "Where a method cannot be used", note, frame)


def _normalizers(findings: Findings) -> list[str]:
    """Of the methods that are compared, or of all trials where methods are something else, without options."""
    columns = findings.question.columns
    if "normalizer" in columns:
        place = columns.index("normalizer")
        names = [str(key[place]) for key in findings.columns]
    else:
        names = [str(name) for name in findings.frame["normalizer"]] if "normalizer" in findings.frame else []
    return list(dict.fromkeys(name.partition("(")[0] for name in names))
