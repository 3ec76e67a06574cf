"""Operations on 8-bit images, (n, C, H, W) whole numbers 0..255 in float tensors, as Pillow does them.

Each takes one magnitude an image, (n,), and returns whole numbers again.
"""

from __future__ import annotations

from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor

HOLE = (125.0, 123.0, 114.0)  # the colour of a hole: about the mean of natural images


def shear_x(x: Tensor, v: Tensor) -> Tensor:
    return _affine(x, 1, v, 0, 0, 1, 0)


def shear_y(x: Tensor, v: Tensor) -> Tensor:
    return _affine(x, 1, 0, 0, v, 1, 0)


def translate_x(x: Tensor, v: Tensor) -> Tensor:
    """By v, a share of the width, to the left."""
    return _affine(x, 1, 0, v * x.shape[-1], 0, 1, 0)


def translate_y(x: Tensor, v: Tensor) -> Tensor:
    """By v, a share of the height, upwards."""
    return _affine(x, 1, 0, 0, 0, 1, v * x.shape[-2])


def rotate(x: Tensor, v: Tensor) -> Tensor:
    """By v degrees, counter-clockwise about the centre."""
    cos, sin = torch.cos(v * (pi / 180)), torch.sin(v * (pi / 180))
    cx, cy = x.shape[-1] / 2, x.shape[-2] / 2
    return _affine(x, cos, -sin, cx - cx * cos + cy * sin, sin, cos, cy - cx * sin - cy * cos)


def autocontrast(x: Tensor, _: Tensor) -> Tensor:
    """Each channel's least and greatest value become 0 and 255."""
    low, high = x.amin(dim=(-2, -1), keepdim=True), x.amax(dim=(-2, -1), keepdim=True)
    # A number divided by a tensor is the number times the reciprocal in torch: rounded twice.
    scale = torch.full_like(low, 255.0, dtype=torch.float64) / (high - low)
    stretched = (x * scale - low * scale).trunc().clamp(0, 255).to(x.dtype)
    return torch.where(high > low, stretched, x)


def invert(x: Tensor, _: Tensor) -> Tensor:
    return 255 - x


def equalize(x: Tensor, _: Tensor) -> Tensor:
    """Each channel's histogram made uniform."""
    flat = x.flatten(2).long()
    histogram = torch.zeros(*flat.shape[:2], 256, dtype=torch.int64, device=x.device)
    histogram.scatter_add_(2, flat, torch.ones_like(flat))
    last = histogram.gather(2, flat.amax(dim=2, keepdim=True))
    step = (flat.shape[2] - last) // 255
    before = histogram.cumsum(dim=2) - histogram
    table = ((step // 2 + before) // step.clamp(min=1)).clamp(max=255)
    equal = table.gather(2, flat).view(x.shape).to(x.dtype)
    return torch.where((step > 0).unsqueeze(-1), equal, x)


def solarize(x: Tensor, v: Tensor) -> Tensor:
    """Inverts what is v at least."""
    return torch.where(x < _beside(v), x, 255 - x)


def posterize(x: Tensor, v: Tensor) -> Tensor:
    """Keeps the v highest bits."""
    unit = torch.exp2(8 - _beside(v).trunc())
    return ((x / unit).floor() * unit).to(x.dtype)


def contrast(x: Tensor, v: Tensor) -> Tensor:
    mean = (_grey(x).mean(dim=(-2, -1), keepdim=True, dtype=torch.float64) + 0.5).floor()
    return _blend(mean.to(x.dtype), x, v)


def color(x: Tensor, v: Tensor) -> Tensor:
    return _blend(_grey(x), x, v)


def brightness(x: Tensor, v: Tensor) -> Tensor:
    return _blend(torch.zeros_like(x), x, v)


def sharpness(x: Tensor, v: Tensor) -> Tensor:
    kernel = torch.ones(1, 1, 3, 3, dtype=torch.float64, device=x.device)
    kernel[..., 1, 1] = 5.0
    smooth = x.clone()
    inner = F.conv2d(x.flatten(0, 1).unsqueeze(1).double(), kernel).view(*x.shape[:2], x.shape[2] - 2, x.shape[3] - 2)
    smooth[..., 1:-1, 1:-1] = (inner / 13 + 0.5).floor().to(x.dtype)
    return _blend(smooth, x, v)


def cutout(x: Tensor, v: Tensor, column: Tensor, row: Tensor) -> Tensor:
    """A square of side v, a share of the width, around (`column`, `row`), shares of width and height, filled grey."""
    height, width = x.shape[-2:]
    side = v * width
    left = (column * width - side / 2).clamp(min=0).trunc()
    top = (row * height - side / 2).clamp(min=0).trunc()

    def inside(start: Tensor, length: int) -> Tensor:
        position = torch.arange(length, device=x.device)
        end = (start + side).clamp(max=length).trunc()
        return (position >= start.unsqueeze(-1)) & (position <= end.unsqueeze(-1))

    mask = inside(top, height).unsqueeze(-1) & inside(left, width).unsqueeze(-2)
    grey = torch.tensor(HOLE, dtype=x.dtype, device=x.device).view(1, 3, 1, 1)
    return torch.where((mask & (v > 0).view(-1, 1, 1)).unsqueeze(1), grey, x)


def _affine(x: Tensor, *matrix: Tensor | float) -> Tensor:
    """out[y, x] = in[d x + e y + f, a x + b y + c] at the centres of pixels, nearest neighbour, black outside.

    In fixed point with 16 fractional bits, as Pillow counts.
    """
    n, channels, height, width = x.shape
    a, b, c, d, e, f = (torch.as_tensor(m, dtype=torch.float64, device=x.device).expand(n) for m in matrix)
    ys = torch.arange(height, device=x.device).view(1, -1, 1)
    xs = torch.arange(width, device=x.device).view(1, 1, -1)

    def source(by_x: Tensor, by_y: Tensor, start: Tensor) -> Tensor:
        numbers = torch.stack([by_x, by_y, start + (by_x + by_y) / 2])
        fixed = (numbers * 65536 + 0.5).floor().long().view(3, n, 1, 1)
        return (fixed[0] * xs + fixed[1] * ys + fixed[2]) >> 16

    column, row = source(a, b, c), source(d, e, f)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    found = x.flatten(2).gather(2, index.flatten(1).unsqueeze(1).expand(-1, channels, -1)).view(x.shape)
    return found * inside.unsqueeze(1)


def _grey(x: Tensor) -> Tensor:
    """(n, 1, H, W): the luma of ITU-R 601-2 in 16-bit fixed point."""
    red, green, blue = x.long().split(1, dim=1)
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).to(x.dtype)


def _blend(other: Tensor, x: Tensor, v: Tensor) -> Tensor:
    """other + v (x - other), truncated."""
    factor = _beside(v).float()
    return (other.float() + factor * (x.float() - other.float())).clamp(0, 255).trunc().to(x.dtype)


def _beside(v: Tensor) -> Tensor:
    return v.view(-1, 1, 1, 1)
