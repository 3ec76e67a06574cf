"""Crops, flips and holes: every image of every replica by its own numbers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.augment.augmentation import Augmentation, images
from trainers.seeding import Streams

TRIES = 10  # rectangles drawn for a resized crop before the centre is taken


class Crop(Augmentation):
    """A window of `size` (0: the image's own) of the image with `pad` zeros around, mirrored with probability 1/2.

    Zeros are the mean of standardized images. At evaluation the window in the centre. `cutout`: then a square hole of
    that side around a uniform position, zeros, cut at the border (DeVries and Taylor 2017); 0 makes none.
    """

    def __init__(self, streams: Streams, *, pad: int = 0, size: int = 0, cutout: int = 0) -> None:
        super().__init__(streams)
        self.pad, self.size, self.cutout = pad, size, cutout

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        channels, height, width = images(sample, max(1, self.size))
        return (channels, self.size, self.size) if self.size else (channels, height, width)

    def training(self, x: Tensor) -> Tensor:
        batch, (height, width) = x.shape[1], self.shape(tuple(x.shape[2:]))[1:]
        padded = F.pad(x, (self.pad,) * 4)
        top = self.integers("top", batch, padded.shape[-2] - height + 1)
        left = self.integers("left", batch, padded.shape[-1] - width + 1)
        x = window(padded, top, left, (height, width), self.coins("flip", batch))
        return hole(x, *self._centre(batch, height, width), self.cutout) if self.cutout else x

    def evaluation(self, x: Tensor) -> Tensor:
        height, width = self.shape(tuple(x.shape[2:]))[1:]
        top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
        return x[..., top : top + height, left : left + width]

    def _centre(self, batch: int, height: int, width: int) -> tuple[Tensor, Tensor]:
        return self.integers("hole/row", batch, height), self.integers("hole/column", batch, width)


class ResizedCrop(Crop):
    """A random rectangle resized to `size` × `size`, mirrored with probability 1/2 (Szegedy et al. 2015).

    Its share of the image's area is uniform in `least`..1, the logarithm of width/height uniform in ±log(4/3); the
    first of ten that fits, or the largest square in the centre. Bilinear, without a filter against aliasing.
    """

    def __init__(self, streams: Streams, *, size: int, least: float) -> None:
        super().__init__(streams, size=size)
        self.least = least

    def training(self, x: Tensor) -> Tensor:
        replicas, batch, _, height, width = x.shape
        draws = [self.streams.uniform(f"augment/{name}", 0, (batch, TRIES), samples=True) for name in ("area", "ratio")]
        area = (self.least + (1 - self.least) * draws[0].double()) * height * width
        ratio = torch.exp((2 * draws[1].double() - 1) * torch.tensor(4 / 3, dtype=torch.float64).log())
        rows, columns = (area / ratio).sqrt().round(), (area * ratio).sqrt().round()
        fits = (rows >= 1) & (rows <= height) & (columns >= 1) & (columns <= width)
        first = fits.double().argmax(dim=-1, keepdim=True)
        side = float(min(height, width))
        found = fits.any(dim=-1)
        h = rows.gather(-1, first).squeeze(-1).where(found, side)
        w = columns.gather(-1, first).squeeze(-1).where(found, side)
        top = self._start("top", batch, height - h, found)
        left = self._start("left", batch, width - w, found)

        steps = (torch.arange(self.size, device=x.device, dtype=torch.float64) + 0.5) / self.size
        mirrored = torch.where(self.coins("flip", batch).unsqueeze(-1), 1 - steps, steps)
        ys = 2 * (top.unsqueeze(-1) + h.unsqueeze(-1) * steps) / height - 1
        xs = 2 * (left.unsqueeze(-1) + w.unsqueeze(-1) * mirrored) / width - 1
        grid = torch.stack(
            [
                xs.unsqueeze(-2).expand(-1, -1, self.size, -1),
                ys.unsqueeze(-1).expand(-1, -1, -1, self.size),
            ],
            dim=-1,
        )
        sampled = F.grid_sample(
            x.flatten(0, 1), grid.flatten(0, 1).to(x.dtype), padding_mode="border", align_corners=False
        )
        return sampled.unflatten(0, (replicas, batch))

    def _start(self, name: str, batch: int, room: Tensor, found: Tensor) -> Tensor:
        uniform = self.streams.uniform(f"augment/{name}", 0, (batch,), samples=True).double()
        return torch.where(found, (uniform * (room + 1)).floor(), (room / 2).floor())


class Flip(Augmentation):
    """Mirrored left to right with probability 1/2."""

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        return images(sample)

    def training(self, x: Tensor) -> Tensor:
        flip = self.coins("flip", x.shape[1]).view(*x.shape[:2], 1, 1, 1)
        return torch.where(flip, x.flip(-1), x)


def window(x: Tensor, top: Tensor, left: Tensor, size: tuple[int, int], flip: Tensor) -> Tensor:
    """Windows (R, B, C, *size) of x (R, B, C, H, W) at `top`, `left` (R, B), mirrored where `flip` (R, B) is set."""
    height, width = size
    rows = top.unsqueeze(-1) + torch.arange(height, device=x.device)
    steps = torch.arange(width, device=x.device)
    columns = left.unsqueeze(-1) + torch.where(flip.unsqueeze(-1), width - 1 - steps, steps)
    index = rows.unsqueeze(-1) * x.shape[-1] + columns.unsqueeze(-2)
    found = x.flatten(3).gather(3, index.flatten(2).unsqueeze(2).expand(-1, -1, x.shape[2], -1))
    return found.unflatten(3, size)


def hole(x: Tensor, row: Tensor, column: Tensor, side: int) -> Tensor:
    """x (R, B, C, H, W) with zeros in the square of `side` around `row`, `column` (R, B)."""

    def inside(centre: Tensor, length: int) -> Tensor:
        offset = torch.arange(length, device=x.device) - centre.unsqueeze(-1)
        return (offset >= -(side // 2)) & (offset < side - side // 2)

    mask = inside(row, x.shape[-2]).unsqueeze(-1) & inside(column, x.shape[-1]).unsqueeze(-2)
    return x.masked_fill(mask.unsqueeze(2), 0.0)
