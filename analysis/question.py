"""What is asked of a sweep's results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import pandas as pd

from analysis.frame import refuse_mixtures, varying
from analysis.statistics.robustness import Undefined
from analysis.statistics.scores import Direction, Diverged, Key, Scores, require_column, scores
from analysis.statistics.win_table import Constant, Ties, method_columns
from sweeps.errors import UsageError
from sweeps.file.sections import BASELINE, AnalysisSection, asked
from sweeps.words.composition import parts
from sweeps.words.near import one_of
from sweeps.words.vocabulary import NORMALIZERS


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which number is compared, between which columns (methods), over which rows (data sets), and how.

    `columns` left empty are activation and normalizer; those that do not vary are left out. `rows` left empty are the
    data set and whatever else varies and has no other role. `select`, `by`, `average`, `diverged`: see
    `analysis.statistics.scores`; `ties`, `constant`, `skip`: see `analysis.wins`. `baseline` is the normalizer that the
    others are compared with. `reference`, `undefined`: see `analysis.statistics.robustness`. `compare`: what is tested,
    see `analysis.comparing.families`. `rope`: differences of the metric below it are of no practical meaning. `level`:
    of every interval, and 1 - level the error of all that is tested. `seed` feeds every bootstrap.
    """

    metric: str = "test_error"
    direction: Direction = "min"
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    by: str = "val_error"
    average: tuple[str, ...] = ("seed",)
    baseline: str = "bn"  # "" = none
    compare: tuple[str, ...] = (BASELINE,)
    ties: Ties = "shared"
    constant: Constant = "count"
    skip: tuple[str, ...] = ()
    diverged: Diverged = "loss"
    reference: int = 0  # 0 = the largest batch size that all methods share
    undefined: Undefined = "drop"
    rope: float = 0.01
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        words = ("direction", "ties", "constant", "diverged", "undefined")
        asked(**{name: getattr(self, name) for name in words})

    @classmethod
    def of(cls, section: AnalysisSection) -> Question:
        """The question that a sweep file's `analysis` section asks."""
        select = section.select
        return cls(
            metric=section.metric,
            direction=cast(Direction, section.direction),
            columns=section.columns,
            average=section.average,
            select=select.over if select else (),
            by=select.by if select else "val_error",
            baseline=section.baseline,
            compare=section.compare,
            rope=section.rope,
            level=section.level,
            seed=section.seed,
            ties=cast(Ties, section.ties),
            constant=cast(Constant, section.constant),
            skip=section.skip,
            diverged=cast(Diverged, section.diverged),
            reference=section.reference,
            undefined=cast(Undefined, section.undefined),
        )

    @property
    def named(self) -> set[str]:
        """The columns that have a role by name."""
        return {*self.rows, *self.columns, *self.select, *self.average}

    @property
    def pooled(self) -> set[str]:
        """The columns whose values make no methods: one is selected among them, or their mean is taken."""
        return {*self.select, *self.average}

    def resolved(self, frame: pd.DataFrame) -> Question:
        """This question with `rows` and `columns` filled in, checked against the table."""
        roles = {*self.select, *self.average}
        axes = [a for a in varying(frame) if a not in roles]
        asked = self.columns or tuple(a for a in method_columns(frame) if a not in self.rows)
        # What does not vary makes no method; what is not there is refused below.
        columns = tuple(a for a in asked if a not in frame or varying(frame, [a])) or ("normalizer",)
        rows = self.rows or tuple(dict.fromkeys(("dataset", *(a for a in axes if a not in columns))))
        found = replace(self, rows=rows, columns=columns)
        for name in (*rows, *columns, *roles, self.metric):
            require_column(frame, name)
        if self.baseline and "normalizer" in frame:
            # A method that is known but not in this table leaves the differences out; a misspelt one is refused.
            try:
                parts(self.baseline.partition("(")[0])
            except UsageError:
                one_of("baseline", self.baseline, {*map(str, frame["normalizer"]), *NORMALIZERS})
        refuse_mixtures(frame, [*rows, *columns, *roles])
        return found

    def scores(self, frame: pd.DataFrame) -> Scores:
        """The table arranged as asked; rows are not yet checked for completeness."""
        return scores(
            frame,
            rows=self.rows,
            columns=self.columns,
            value=self.metric,
            average=self.average,
            select=self.select,
            by=self.by,
            direction=self.direction,
            diverged=self.diverged,
        )

    def baseline_of(self, column: Key, columns: Sequence[Key]) -> Key | None:
        """The column that `column` is compared with: the same but for the baseline's normalizer; None if not there."""
        if not self.baseline or "normalizer" not in self.columns:
            return None
        place = self.columns.index("normalizer")
        key = (*column[:place], self.baseline, *column[place + 1 :])
        return key if key in columns and key != column else None

    @property
    def metric_name(self) -> str:
        return self.metric.replace("_", " ")

    @property
    def share(self) -> bool:
        """Whether the metric is a share of answers, by its name: only then 1 - error is an accuracy."""
        return any(word in self.metric.lower() for word in ("error", "accuracy"))

    @property
    def best_name(self) -> str:
        return "best accuracy" if self.share else f"best {self.metric_name}"

    @property
    def better(self) -> str:
        return "lower" if self.direction == "min" else "higher"

    @property
    def rows_name(self) -> str:
        """What rows are called: `data sets`, or what they are combinations of."""
        return called(self.rows)

    @property
    def unit(self) -> tuple[str, ...]:
        """What tells independent rows apart: all batch sizes of one data set are one measurement of it."""
        return tuple(name for name in self.rows if name != "batch_size") or self.rows

    @property
    def units_name(self) -> str:
        return called(self.unit)

    def counted_rows(self, number: int) -> str:
        """`1 data set`, `3 data sets`, `6 combinations of data set and batch size`."""
        return f"{number} {called(self.rows, number)}"

    def counted_units(self, number: int) -> str:
        return f"{number} {called(self.unit, number)}"


def called(axes: Sequence[str], number: int = 0) -> str:
    names = [name.replace("dataset", "data set").replace("_", " ") for name in axes]
    s = "s" * (number != 1)
    return f"{names[0]}{s}" if len(names) == 1 else f"combination{s} of {' and '.join(names)}"
