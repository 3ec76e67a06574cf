"""Fast AutoAugment's policy for CIFAR (Lim et al. 2019)."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from sweeps.errors import UsageError
from trainers.augment import pixels
from trainers.augment.augmentation import images
from trainers.augment.crop import Crop
from trainers.seeding import Streams

# The 493 pairs of operations `fa_reduced_cifar10` that the authors published (github.com/kakaobrain/fast-autoaugment,
# FastAutoAugment/archive.py, MIT licence): each with its probability and its level, a share of the range below.
TABLE = Path(__file__).with_name("fast_autoaugment.csv")

Operation = Callable[[Tensor, Tensor], Tensor]

# Operation, least and greatest magnitude.
OPERATIONS: dict[str, tuple[Operation, float, float]] = {
    "shearx": (pixels.shear_x, -0.3, 0.3),
    "sheary": (pixels.shear_y, -0.3, 0.3),
    "translatex": (pixels.translate_x, -0.45, 0.45),
    "translatey": (pixels.translate_y, -0.45, 0.45),
    "rotate": (pixels.rotate, -30, 30),
    "autocontrast": (pixels.autocontrast, 0, 1),
    "invert": (pixels.invert, 0, 1),
    "equalize": (pixels.equalize, 0, 1),
    "solarize": (pixels.solarize, 0, 256),
    "posterize": (pixels.posterize, 4, 8),
    "contrast": (pixels.contrast, 0.1, 1.9),
    "color": (pixels.color, 0.1, 1.9),
    "brightness": (pixels.brightness, 0.1, 1.9),
    "sharpness": (pixels.sharpness, 0.1, 1.9),
}
NAMES = (*OPERATIONS, "cutout")
MIRRORED = 5  # the first five turn their magnitude's sign with probability 1/2
CUTOUT = (0.0, 0.2)


@cache
def table() -> Tensor:
    """(493, 2, 3) float64: the number of the operation in NAMES, its probability, its magnitude."""
    with TABLE.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return torch.tensor([[_entry(*row[:3]), _entry(*row[3:])] for row in rows], dtype=torch.float64)


def _entry(name: str, probability: str, level: str) -> list[float]:
    low, high = CUTOUT if name == "cutout" else OPERATIONS[name][1:]
    return [float(NAMES.index(name)), float(probability), low + float(level) * (high - low)]


class FastAutoAugment(Crop):
    """One pair of operations of the policy on the 8-bit image, then pad, crop, flip and hole on the standardized one.

    `mean` and `std` (R, C, 1, 1) of the standardization, images in units of 0..1.
    """

    scaled = True

    def __init__(self, streams: Streams, *, mean: Tensor, std: Tensor, pad: int, cutout: int) -> None:
        super().__init__(streams, pad=pad, cutout=cutout)
        self.mean, self.std = mean.unsqueeze(1), std.unsqueeze(1)

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        if images(sample, 3)[0] != 3:
            raise UsageError(f"`fastaa` takes images of three colours, not {sample}: use `augment: pad-crop-flip`")
        return sample

    def training(self, x: Tensor) -> Tensor:
        eight_bit = ((x * self.std + self.mean) * 255).round().clamp(0, 255)
        draws = self.streams.uniform("augment/policy", 0, (x.shape[1], 9), samples=True).flatten(0, 1).double()
        changed = apply(eight_bit.flatten(0, 1), table().to(x.device), draws).view(x.shape)
        # A channel that is constant in the training part has the deviation 0 and stays 0.
        inverse = torch.where(self.std > 0, 1 / self.std, 0.0)
        return super().training((changed / 255 - self.mean) * inverse)


def apply(x: Tensor, policy: Tensor, draws: Tensor) -> Tensor:
    """x (n, 3, H, W) of 8-bit images after the pair of operations that `draws` (n, 9) in [0, 1) choose for each.

    Draws: the pair; for each of its two operations whether it is done, its sign, a hole's column and row.
    """
    pairs = policy[(draws[:, 0] * len(policy)).long()]
    x = x.clone()
    for second in (0, 1):
        number, probability, magnitude = pairs[:, second].unbind(-1)
        done, sign, column, row = draws[:, 1 + 4 * second : 5 + 4 * second].unbind(-1)
        turned = (number < MIRRORED) & (sign > 0.5)
        magnitude = torch.where(turned, -magnitude, magnitude)
        for i, name in enumerate(NAMES):
            where = ((number == i) & (done <= probability)).nonzero().squeeze(-1)
            if len(where) == 0:
                continue
            if name == "cutout":
                x[where] = pixels.cutout(x[where], magnitude[where], column[where], row[where])
            else:
                x[where] = OPERATIONS[name][0](x[where], magnitude[where])
    return x
