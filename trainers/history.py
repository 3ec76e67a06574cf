"""What a replica has shown so far, epoch by epoch, and the row of results that follows from it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from sweeps.facts import SplitSizes
from sweeps.records import NAMED
from trainers.metrics import errors

T = TypeVar("T")


@dataclass(kw_only=True, slots=True)
class History:
    """One entry an epoch, as far as the losses are finite. `*_wrong` count samples; `val_wrong` may stay empty. Where
    nothing is trained the network is counted once, without a loss."""

    train_loss: list[float] = field(default_factory=list[float])
    val_wrong: list[int] = field(default_factory=list[int])
    test_wrong: list[int] = field(default_factory=list[int])
    errors: dict[str, list[float]] = field(default_factory=dict[str, list[float]])  # by column, of further metrics
    diverged_epoch: int | None = None

    def follow(
        self,
        epoch: int,
        loss: float | None,
        val: Sequence[int],
        test: Sequence[int],
        metrics: Collection[str],
        sizes: SplitSizes,
    ) -> None:
        """Adds an epoch, or ends here where it diverged: its loss, if it was trained, and the `trainers.metrics.counts`
        over the parts of these sizes."""
        if (loss is not None and not math.isfinite(loss)) or val[1] or test[1]:
            self.diverged_epoch = epoch
            return
        if loss is not None:
            self.train_loss.append(loss)
        for name, wrong, counts, samples in (
            ("val", self.val_wrong, val, sizes.validation),
            ("test", self.test_wrong, test, sizes.test),
        ):
            if samples or name == "test":
                wrong.append(counts[0])
                for metric, error in errors(counts, metrics, samples).items():
                    self.errors.setdefault(f"{name}_{metric}", []).append(error)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> History:
        return cls(**data)


def select(wrong: Sequence[int], smoothing: int) -> tuple[int, float]:
    """The earliest epoch with the lowest trailing mean over `smoothing` epochs (fewer at the start), and that mean.

    Counts of wrong answers, unlike errors, sum exactly, so that ties are ties.
    """
    means = [
        sum(window) / len(window) for e in range(len(wrong)) if (window := wrong[max(0, e - smoothing + 1) : e + 1])
    ]
    best = min(range(len(means)), key=lambda e: (means[e], e))
    return best, means[best]


def row(
    history: History, *, finished: bool, smoothing: int, validation: int, test: int, majority_error: float
) -> dict[str, object]:
    """RESULTS and CURVES of `sweeps.records` for one trial; `validation` and `test` are the parts' sizes.

    Without a validation part the last epoch is selected. State `running` until training ends.
    """
    diverged = history.diverged_epoch is not None
    selected: int | None = None
    val_error: float | None = None
    further: dict[str, float | None] = {f"{part}_{name}": None for name in NAMED.values() for part in ("val", "test")}
    if history.test_wrong and not diverged:
        if validation:
            selected, mean = select(history.val_wrong, smoothing)
            val_error = mean / validation
        else:
            selected = len(history.test_wrong) - 1
        for name, own in history.errors.items():
            first = max(0, selected - smoothing + 1) if name.startswith("val") else selected
            window = own[first : selected + 1]
            further[name] = sum(window) / len(window)
    return {
        "state": "diverged" if diverged else "done" if finished else "running",
        "selected_epoch": selected,
        "diverged_epoch": history.diverged_epoch,
        "val_error": val_error,
        "test_error": None if selected is None else history.test_wrong[selected] / test,
        "majority_error": majority_error,
        "train_loss": None if selected is None or not history.train_loss else history.train_loss[selected],
        **further,
        "curve_train_loss": list(history.train_loss),
        "curve_val_error": [wrong / validation for wrong in history.val_wrong],
        "curve_test_error": [wrong / test for wrong in history.test_wrong],
        **{f"curve_{name}": history.errors[name][:] if name in history.errors else None for name in further},
    }


def in_order(order: Sequence[int], values: Iterable[T]) -> list[T]:
    """The values, of which the first belongs at place order[0], each at its place."""
    placed = dict(zip(order, values, strict=True))
    return [placed[i] for i in range(len(placed))]
