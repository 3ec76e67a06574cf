"""Tables of how methods bear small batches: on the sizes that all share, and at every size."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.findings import Findings
from analysis.showing.tables import Table, ends, left_out
from analysis.statistics.intervals import Interval
from analysis.statistics.robustness import Crossover
from analysis.statistics.scores import CHARGE, listed


def small_batches(findings: Findings) -> Table | None:
    """Methods by their error at the smallest common batch size; None where two sizes or more are not common."""
    found = findings.robustness
    if found is None or len(found.common) < 2:
        return None
    q, sizes = findings.question, found.sizes
    columns = range(len(found.columns))
    least, reference = (found.batch_sizes[b] for b in (found.least, found.reference))
    data: dict[str, list[object]] = {"method": list(findings.names)}
    data |= ends(f"{q.metric}_at_{least}", [outward(findings, found.interval(found.least, j)) for j in columns])
    data[f"diverged_at_{least}"] = list(found.shares[found.least])
    data["diverged_at_any"] = [np.nanmax(found.shares[found.common, j]) for j in columns]
    data |= ends(f"change_from_{reference}", [outward(findings, found.change(j)) for j in columns])
    if q.baseline:
        baselines = [q.baseline_of(c, found.columns) for c in found.columns]
        data[f"{q.baseline}_loses_below"] = [
            "" if b is None else crossover_words(found.crossover(found.columns.index(b), j))
            for j, b in enumerate(baselines)
        ]
    data["no_result_at"] = [", ".join(map(str, found.lacks(j))) for j in columns]
    data |= ends("index", [outward(findings, found.index(j)) for j in columns])
    note = (
        f"On the batch sizes that all methods share ({listed(sizes, 12)}), over {len(found.rows)} rows. Change: "
        f"{q.metric_name} at {least} less that of the same seed at {reference}. Index: mean change from {reference} "
        f"over log2 of the batch size; {worse(findings)}; 0: the batch size does not matter. It tells no level. "
        f"{q.level:.0%} intervals over seeds. A training that diverged is charged with {CHARGE[q.diverged]}."
    )
    if q.undefined == "majority":
        note += " So is a batch size without any result of a method."
    if q.baseline:
        note += f" {q.baseline} loses below: where the curves cross, with the sizes at which a t test leaves it open."
    note += left_out(found.loss[found.common])
    frame = pd.DataFrame(data).iloc[np.argsort(found.mean[found.least], kind="stable")]
    if not np.nansum(found.shares[found.common]):
        frame = frame.drop(columns=[f"diverged_at_{least}", "diverged_at_any"])
    if not any(data["no_result_at"]):
        frame = frame.drop(columns="no_result_at")
    return Table("robustness", "Small-batch robustness", note, frame, level=q.level)


def outward(findings: Findings, interval: Interval | None) -> Interval | None:
    """A loss's interval as the metric's: turned where higher is better."""
    if interval is None or findings.question.direction == "min":
        return interval
    low, high = interval.high, interval.low
    return Interval(-interval.mean, None if low is None else -low, None if high is None else -high, interval.n)


def worse(findings: Findings) -> str:
    return f"{'above' if findings.question.direction == 'min' else 'below'} 0: worse than there"


def crossover_words(found: Crossover) -> str:
    """The size with its interval; where that holds everything the data do not tell."""
    if np.isnan(found.size):
        return ""
    if found.low == 0 and found.high == np.inf:
        return "cannot be told"
    size = {0.0: "never", np.inf: "every size"}.get(found.size, f"{found.size:.1f}")
    if found.low is None or found.high is None or f"{found.low:.1f}" == f"{found.high:.1f}":
        return size
    if found.low == 0:
        return f"{size} (at most {found.high:.1f})"
    if found.high == np.inf:
        return f"{size} (at least {found.low:.1f})"
    return f"{size} ({found.low:.1f} to {found.high:.1f})"


def by_batch_size(findings: Findings) -> Table | None:
    """Mean of every method at every batch size."""
    found = findings.robustness
    if found is None:
        return None
    mean = found.mean if findings.question.direction == "min" else -found.mean
    data: dict[str, list[object]] = {"batch_size": list(found.batch_sizes)}
    data |= {name: list(mean[:, j]) for j, name in enumerate(findings.names)}
    note = (
        f"Over {len(found.rows)} rows; a training that diverged is charged with "
        f"{CHARGE[findings.question.diverged]}. Not defined: there is no such result, for example "
        "batch statistics of a single sample."
    )
    return Table(
        "by_batch_size", "Every batch size", note, pd.DataFrame(data),
        best=findings.question.direction, best_of=findings.names, missing="not defined",
    )  # fmt: skip


def diverged_by_batch_size(findings: Findings) -> Table | None:
    """Share of trainings of every method that diverged at every batch size; None where none did."""
    found = findings.robustness
    if found is None or not np.nansum(found.shares):
        return None
    data: dict[str, list[object]] = {"batch_size": list(found.batch_sizes)}
    data |= {name: list(found.shares[:, j]) for j, name in enumerate(findings.names)}
    note = "Share of trainings that diverged, mean over rows. A method that diverges is not robust there."
    return Table(
        "diverged_by_batch_size", "Diverged at every batch size", note, pd.DataFrame(data), missing="not defined"
    )
