"""Which rectangle of an image file a sample shows: augmentation while the file is decoded, by the trial's own numbers.

The numbers are drawn where training runs, as many for each image whatever its size, so that nothing depends on who
decodes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, floor, log, sqrt

import torch
from torch import Tensor

from sweeps.words.choice import Choice
from trainers.augment.augmentation import Augmentation, images
from trainers.augment.crop import TRIES
from trainers.data.decoding import SHARE, Box, centre
from trainers.seeding import Streams

FRAMED = ("crop-flip", "resized-crop")  # done to image files as they are decoded
Drawn = Sequence[float]  # what one image's frame depends on, uniform in [0, 1)


class Framed(Augmentation):
    """The crops of image files, which leave nothing to do once they are decoded."""

    def __init__(self, streams: Streams, frames: Frames) -> None:
        super().__init__(streams)
        self._side = frames.side

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        return (images(sample)[0], self._side, self._side)


class Frames:
    """The square in the middle, at training too. `side`: of a sample, in pixels."""

    def __init__(self, side: int) -> None:
        self.side = side

    def draws(self, streams: Streams, batch: int) -> Tensor:
        """(R, batch, k): the current step's numbers for `training`."""
        return torch.empty(streams.replicas, batch, 0)

    def training(self, drawn: Drawn, height: int, width: int) -> tuple[Box, bool]:
        """The rectangle of an image of this size, and whether it is mirrored."""
        return centre(height, width), False

    def evaluation(self, height: int, width: int) -> Box:
        return centre(height, width)


class Window(Frames):
    """The image resized to a square of side / SHARE, its aspect not kept; of that a window, mirrored with probability
    1/2; the window in the middle at evaluation.
    """

    def draws(self, streams: Streams, batch: int) -> Tensor:
        drawn = [streams.uniform(f"augment/{name}", 0, (batch,)) for name in ("top", "left", "flip")]
        return torch.stack(drawn, dim=-1)

    def training(self, drawn: Drawn, height: int, width: int) -> tuple[Box, bool]:
        room = round(self.side / SHARE) - self.side
        top, left = (floor(u * (room + 1)) for u in drawn[:2])
        return self._window(top, left, height, width), drawn[2] < 0.5

    def evaluation(self, height: int, width: int) -> Box:
        start = (round(self.side / SHARE) - self.side) / 2
        return self._window(start, start, height, width)

    def _window(self, top: float, left: float, height: int, width: int) -> Box:
        whole = round(self.side / SHARE)
        x, y = width / whole, height / whole
        return left * x, top * y, (left + self.side) * x, (top + self.side) * y


class Rectangle(Frames):
    """The rectangle of `ResizedCrop`, by the same numbers."""

    def __init__(self, side: int, least: float) -> None:
        super().__init__(side)
        self.least = least

    def draws(self, streams: Streams, batch: int) -> Tensor:
        tries = [streams.uniform(f"augment/{name}", 0, (batch, TRIES)) for name in ("area", "ratio")]
        others = [streams.uniform(f"augment/{name}", 0, (batch,)) for name in ("top", "left", "flip")]
        return torch.cat([*tries, torch.stack(others, dim=-1)], dim=-1)

    def training(self, drawn: Drawn, height: int, width: int) -> tuple[Box, bool]:
        areas, ratios, (top, left, flip) = drawn[:TRIES], drawn[TRIES:-3], drawn[-3:]
        for share, skew in zip(areas, ratios, strict=True):
            area = (self.least + (1 - self.least) * share) * height * width
            ratio = exp((2 * skew - 1) * log(4 / 3))
            h, w = round(sqrt(area / ratio)), round(sqrt(area * ratio))
            if 1 <= h <= height and 1 <= w <= width:
                y, x = floor(top * (height - h + 1)), floor(left * (width - w + 1))
                break
        else:
            h = w = min(height, width)
            y, x = (height - h) // 2, (width - w) // 2
        return (x, y, x + w, y + h), flip < 0.5


def frames(augment: Choice, side: int) -> Frames:
    """The frames of an augmentation; those that change whole samples get images in their middle, of this side."""
    match augment.name:
        case "crop-flip":
            return Window(whole(augment, "size"))
        case "resized-crop":
            return Rectangle(whole(augment, "size"), number(augment, "least"))
        case _:
            return Frames(side)


def whole(choice: Choice, option: str) -> int:
    value = choice[option]
    assert isinstance(value, int)
    return value


def number(choice: Choice, option: str) -> float:
    value = choice[option]
    assert isinstance(value, int | float)
    return float(value)
