"""Where a normalizer cannot be used: `check` says it of a trial, reports and lists of the method, in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sweeps.words.composition import parts
from sweeps.words.vocabulary import NORMALIZERS


@dataclass(frozen=True, slots=True)
class Limit:
    """What holds where a method cannot be used. `text` has fields for a trial's figures, `general` words for them."""

    text: str
    general: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    def of(self, **figures: object) -> str:
        """Of one trial."""
        return self.text.format(**figures)

    def __str__(self) -> str:
        return self.of(**self.general)


FEW_VALUES = Limit("its batch statistic would be taken over {few}, it needs {least}")
NO_ACTIVATION = Limit(
    "it acts on what an activation puts out, and the layers that add to the stream of a {model} have none",
    {"model": "resmlp or transformer"},
)
ALONE = Limit("{part} takes its statistics over each shard alone", {"part": "beside sync=true in several shards, it"})
SUBSETS = Limit("a batch of {B} has no two subsets of {n} samples", {"B": "B", "n": "n"})
GHOSTS = Limit("{size} does not divide a batch of {B}", {"size": "size", "B": "B"})
ONE_IMAGE = Limit("it compares the images of a batch, which has {B}", {"B": "1"})
VIRTUAL_BATCH = Limit("{virtual} is not from 2 to {B}, the samples of a batch", {"virtual": "virtual_batch", "B": "B"})
POSITIONS = Limit(
    "{positions} of one image are not independent samples", {"positions": "with virtual_batch, the positions"}
)
ONE_POSITION = Limit("a channel of a fully connected layer is one value")
GROUP_OF_ONE = Limit("a group of a layer of width={width} would be one value, it needs 2", {"width": "W"})
LAYER_OF_ONE = Limit("a layer's only value is its own mean")
ONE_WEIGHT = Limit("less its mean, a unit's only weight is 0")
DROPOUT = Limit("{dropout} changes the moments that are propagated", {"dropout": "dropout"})
NO_VARIANCE = Limit("a batch of {B} has no variance, it needs 2", {"B": "1, with data=batch,"})

# Of what the package ships, beside what every entry says of itself: see `limits`.
LIMITS: dict[str, tuple[Limit, ...]] = {
    "bn-noise": (ONE_IMAGE, VIRTUAL_BATCH, POSITIONS),
    "vcl": (SUBSETS, ALONE),
    "ln": (LAYER_OF_ONE,),
    "in": (ONE_POSITION,),
    "gn": (GROUP_OF_ONE,),
    "mbn": (ALONE,),
    "cwn": (ONE_WEIGHT,),
    "ws": (ONE_WEIGHT,),
    "cwo": (ONE_WEIGHT,),
    "normprop": (DROPOUT, NO_VARIANCE, ALONE),
    "gbn": (GHOSTS, ALONE),
    "sws": (ONE_WEIGHT,),
    "evonorm-s0": (GROUP_OF_ONE,),
}


def limits(name: str) -> list[str]:
    """Where a method, or a composition, cannot be used, one phrase each. UsageError for a name that is not known."""
    found: dict[str, None] = {}
    for part in parts(name):
        entry = NORMALIZERS[part]
        if entry.least_values > 1:
            found[FEW_VALUES.of(few="too few values", least=entry.least_values)] = None
        for limit in () if entry.plugin else LIMITS.get(part, ()):
            found[str(limit)] = None
        if "activated" in entry.points:
            found[str(NO_ACTIVATION)] = None
    return list(found)
