"""What trains a pack: one process (`trainers.pack.PackTrainer`) or a gang of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from trainers.pulse import Pace


class Trainer(Protocol):
    """Trains the trials of one pack in slices of time, and can be interrupted between any two.

    What a slice is has no influence on the results: the same pack gives the same bits.
    """

    @property
    def device(self) -> str:
        """Its name, as results keep it: `cpu`, `NVIDIA H100`, `2 x cpu`."""
        ...

    @property
    def finished(self) -> bool:
        """Whether every trial came to its end."""
        ...

    @property
    def progress(self) -> float:
        """The share of the steps that is done, 1 when finished."""
        ...

    @property
    def epoch(self) -> int:
        """Epochs that are done."""
        ...

    @property
    def pace(self) -> Pace:
        """How training moves, as it was after the last `advance`."""
        ...

    def advance(self, seconds: float) -> None:
        """Trains for about so long, one step at least; does nothing once finished."""
        ...

    def rows(self) -> list[dict[str, object]]:
        """RESULTS and CURVES of `sweeps.records`, one row a trial in the order given, as far as trained."""
        ...

    def readings(self) -> list[list[dict[str, object]]]:
        """What the probes have seen, READINGS of `sweeps.records`, of each trial in the order given."""
        ...

    def save(self, path: Path, **beside: object) -> None:
        """Writes a checkpoint, in one step, with some plain data beside the state."""
        ...

    def load(self, path: Path) -> tuple[dict[str, Any] | None, str]:
        """Goes on from a checkpoint, bit for bit; returns what lay beside the state and "", or None and why there is
        none: damaged, absent, of another schema. ValueError for the state of other trials."""
        ...

    def close(self) -> None:
        """Ends whatever works for it. May be called again."""
        ...
