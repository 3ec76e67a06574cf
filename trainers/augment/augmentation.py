"""The contract of all augmentations."""

from __future__ import annotations

from torch import Tensor

from sweeps.errors import UsageError
from trainers.seeding import Streams


class Augmentation:
    """Leaves samples as they are. Numbers are drawn from the streams "augment/...", each replica its own."""

    scaled: bool = False  # True where it is also given `mean` and `std` (R, C, 1, 1) that samples are standardized by

    def __init__(self, streams: Streams) -> None:
        self.streams = streams

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a sample that the network gets from one of the data set's. UsageError for what does not fit."""
        return sample

    def training(self, x: Tensor) -> Tensor:
        """A batch (R, B, *sample) of the current step's training samples."""
        return x

    def evaluation(self, x: Tensor) -> Tensor:
        """A batch (R, B, *sample) of samples to evaluate: without chance."""
        return x

    def integers(self, name: str, batch: int, n: int) -> Tensor:
        """(R, B) int64, uniform in 0..n-1."""
        # In float64 the product of a 24-bit fraction is exact, so that every precision gets the same numbers.
        return (self.streams.uniform(f"augment/{name}", 0, (batch,), samples=True).double() * n).long()

    def coins(self, name: str, batch: int) -> Tensor:
        """(R, B) bool, true with probability 1/2."""
        return self.streams.uniform(f"augment/{name}", 0, (batch,), samples=True) < 0.5


def images(sample: tuple[int, ...], least: int = 1) -> tuple[int, int, int]:
    """Channels, height and width of an image. UsageError for other samples and for sides below `least`."""
    if len(sample) != 3 or min(sample[1:]) < least:
        raise UsageError(
            f"this augmentation takes images (channels, height, width) of at least {least} × {least}, not {sample}: "
            "use `augment: none`"
        )
    return sample
