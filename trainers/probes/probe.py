"""What every probe does: it looks at a pack's network and gives readings. Shapes: R replicas, K points of a curve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from trainers.probes.subject import Subject


@dataclass(frozen=True, slots=True)
class Reading:
    """One quantity, of each replica: `values` (R,), or (R, K) at the K places `at`.

    `layer` counts from 1 in order of definition; 0: the whole network. Values that are not finite are not kept.
    """

    quantity: str
    values: Tensor
    layer: int = 0
    at: Sequence[float] = ()


def misshapen(reading: Reading, replicas: int) -> str:
    """What is wrong with the shape of a reading, in a sentence; nothing where all is right."""
    shape = (replicas, len(reading.at)) if reading.at else (replicas,)
    if tuple(reading.values.shape) == shape:
        return ""
    what = "(R, K), K the length of `at`," if reading.at else "(R,)"
    return f"its reading {reading.quantity!r} is {tuple(reading.values.shape)}, it must be {what} = {shape}"


class Probe(Protocol):
    """A class whose constructor takes the options of its entry, but for `when`."""

    def read(self, subject: Subject) -> Iterable[Reading]:
        """What it sees. It may move buffers of the network and whether that trains or evaluates, which are restored;
        parameters it puts back itself, their `grad` it leaves alone, and it draws from the subject's streams."""
        ...
