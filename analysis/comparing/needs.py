"""What would decide the comparisons that are open: seeds on the same data sets, or more data sets like these."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.comparing.power import deviation, least
from analysis.findings import Findings
from analysis.statistics.intervals import Interval
from analysis.statistics.paired import over_seeds
from analysis.statistics.scores import Key


@dataclass(frozen=True)
class Need:
    """Of an open comparison, how many seeds and data sets decide it, in all; None where it is decided, no variance is
    known, or a million do not."""

    column: int
    against: int
    seeds: int | None
    units: int | None


def needs(findings: Findings) -> list[Need]:
    """A need for each comparison that is open on these data sets or on others like them."""
    found: list[Need] = []
    for c in findings.comparisons:
        seeds = number(findings, c.difference.seeds) if c.here == "open" else None
        units = number(findings, c.difference.rows) if c.elsewhere == "open" and not c.waits else None
        if "open" in (c.here, c.elsewhere):
            found.append(Need(c.column, c.against, seeds, units))
    return found


def number(findings: Findings, interval: Interval | None) -> int | None:
    """The replicates that decide a comparison whose interval, at the family's level, was taken over some of them."""
    family = findings.family
    spread = None if interval is None else deviation(interval, family.each)
    if interval is None or spread is None:
        return None
    count = least(spread, interval.n, family, findings.question.rope)
    return None if count is None else max(count, interval.n + 1)


def seeds_by_row(findings: Findings) -> dict[Key, int | None]:
    """By row, the seeds that decide there, by itself, each comparison that is open on these data sets."""
    level = findings.family.each
    here = [(c.column, c.against) for c in findings.comparisons if c.here == "open"]
    wanted: dict[Key, int | None] = {}
    for i, row in enumerate(findings.scores.rows):
        counts = [number(findings, over_seeds(findings.paired(j, b)[i : i + 1], level)) for j, b in here]
        wanted[row] = None if not counts or None in counts else max(c for c in counts if c is not None)
    return wanted
