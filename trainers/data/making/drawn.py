"""Small images and point clouds drawn by rule, so that the models of images can be tried without a download."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.data.making.generated import Draws

SIDE = 32
SHAPES = ("disc", "ring", "square", "frame", "plus", "saltire", "triangle", "bars", "stripes", "checks")
CLOUDS = ("sphere", "cube", "disc", "rod")
POINTS = 64
NOISE = 16  # of a pixel's channel: uniform whole numbers in -NOISE..NOISE

Images = tuple[NDArray[np.uint8], NDArray[np.int64]]
Points = tuple[NDArray[np.float32], NDArray[np.int64]]


def shapes() -> Images:
    """800 × 3 × 32 × 32: one of ten shapes, 7 to 12 pixels around a centre near the middle, in a colour of its own.

    Background and colour are uniform and differ by 64 levels at least in each channel. Whole numbers only, so that
    every machine draws the same.
    """
    draws = Draws("shapes")
    n = 800
    y = draws.classes(n, len(SHAPES))
    radius = 7 + draws.classes(n, 6)
    row, column = (SIDE // 2 - 4 + draws.classes(n, 9) for _ in range(2))
    ground = draws.classes(3 * n, 256).reshape(n, 3)
    colour = (ground + 64 + draws.classes(3 * n, 129).reshape(n, 3)) % 256
    axis = np.arange(SIDE)
    v = axis[None, :, None] - row[:, None, None]
    u = axis[None, None, :] - column[:, None, None]
    inside = _inside(y, u, v, radius[:, None, None])
    x = np.where(inside[:, None], colour[:, :, None, None], ground[:, :, None, None])
    x += draws.classes(x.size, 2 * NOISE + 1).reshape(x.shape) - NOISE
    return np.clip(x, 0, 255).astype(np.uint8), y


def clouds() -> Points:
    """400 × 3 × 64: points on a sphere, a cube, an upright disc or a rod, the second axis up, each turned about it."""
    draws = Draws("clouds")
    n = 400
    y = draws.classes(n, len(CLOUDS))
    points = draws.normal(n, 3, POINTS)
    on_sphere = points / np.sqrt((points**2).sum(axis=1, keepdims=True))
    flat = points * np.array([1.0, 1.0, 0.0])[:, None]
    on_rod = np.clip(points, -1, 1) * np.array([0.1, 1.0, 0.1])[:, None]
    kinds = (
        on_sphere,
        on_sphere / np.abs(on_sphere).max(axis=1, keepdims=True),
        flat / np.maximum(np.sqrt((flat**2).sum(axis=1, keepdims=True)), 1),
        on_rod,
    )
    x = np.choose(y[:, None, None], kinds)
    angle = 2 * np.pi * draws.uniform(n, 1)
    cos, sin = np.cos(angle), np.sin(angle)
    right, up, front = x[:, 0], x[:, 1], x[:, 2]
    turned = np.stack([cos * right + sin * front, up, cos * front - sin * right], axis=1)
    return np.round(turned, 6).astype(np.float32), y


def _inside(
    y: NDArray[np.int64], u: NDArray[np.int64], v: NDArray[np.int64], r: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(n, SIDE, SIDE): the pixels at (u, v) from the centre that belong to the shape y of radius r."""
    across, down, far = np.abs(u), np.abs(v), u * u + v * v
    square = (across <= r) & (down <= r)
    kinds = (
        far <= r * r,
        (far <= r * r) & (4 * far >= r * r),
        square,
        square & ((2 * across >= r) | (2 * down >= r)),
        square & ((4 * across <= r) | (4 * down <= r)),
        square & (4 * np.abs(across - down) <= r),
        square & (2 * across <= v + r),
        square & (v % 4 < 2),
        square & (u % 4 < 2),
        square & ((u % 6 < 3) ^ (v % 6 < 3)),
    )
    return np.choose(y[:, None, None], kinds)
