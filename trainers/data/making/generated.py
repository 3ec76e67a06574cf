"""Breiman's artificial data sets, made by rule: other samples of the same distributions as the UCI and DELVE files."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Table = tuple[NDArray[np.float32], NDArray[np.int64]]

# The lines a..g of the digits 0..9 in the order of the CART book's table: top, upper left, upper right, middle,
# lower left, lower right, bottom.
SEGMENTS = (
    "1110111",
    "0010010",
    "1011101",
    "1011011",
    "0111010",
    "1101011",
    "1101111",
    "1010010",
    "1111111",
    "1111011",
)


class Draws:
    """Uniform and normal numbers from the raw bits of PCG64, whose stream NumPy guarantees."""

    def __init__(self, name: str) -> None:
        self._bits = np.random.PCG64(int.from_bytes(hashlib.sha256(name.encode()).digest(), "little"))

    def uniform(self, *shape: int) -> NDArray[np.float64]:
        raw: NDArray[np.uint64] = self._bits.random_raw(int(np.prod(shape)))
        return (raw >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53

    def normal(self, *shape: int) -> NDArray[np.float64]:
        """Standard normal (Box and Muller 1958)."""
        radius: NDArray[np.float64] = np.sqrt(-2 * np.log1p(-self.uniform(*shape)))
        return radius * np.cos(2 * np.pi * self.uniform(*shape))

    def classes(self, n: int, count: int) -> NDArray[np.int64]:
        return (self.uniform(n) * count).astype(np.int64)


def waveform() -> Table:
    """5,000 × 21 (Breiman et al. 1984, §2.6.2): x = u h_a + (1 - u) h_b + noise, u uniform, noise N(0, 1).

    h_1(i) = max(6 - |i - 11|, 0), h_2(i) = h_1(i - 4), h_3(i) = h_1(i + 4), i = 1..21; the three classes, equally
    probable, mix two each of the three waves, in the order of the UCI file: (h_2, h_3), (h_1, h_3), (h_1, h_2).
    """
    draws = Draws("waveform")
    return _waves(draws, 5000)


def waveform_noise() -> Table:
    """5,000 × 40: `waveform` with 19 columns of N(0, 1) that tell nothing (Breiman et al. 1984, §2.6.2)."""
    draws = Draws("waveform-noise")
    x, y = _waves(draws, 5000)
    return np.hstack([x, _rounded(draws.normal(5000, 19))]), y


def twonorm() -> Table:
    """7,400 × 20 (Breiman 1996): N(m, I) with m = (a, …, a) for class 0, -m for class 1, a = 2/√20."""
    draws = Draws("twonorm")
    y = draws.classes(7400, 2)
    mean = 2 / np.sqrt(20) * (1 - 2 * y)
    return _rounded(draws.normal(7400, 20) + mean[:, None]), y


def ringnorm() -> Table:
    """7,400 × 20 (Breiman 1996): N(0, 4 I) for class 0, N(m, I) with m = (a, …, a), a = 2/√20, for class 1."""
    draws = Draws("ringnorm")
    y = draws.classes(7400, 2)
    return _rounded(draws.normal(7400, 20) * (2 - y)[:, None] + (2 / np.sqrt(20) * y)[:, None]), y


def led_display() -> Table:
    """1,000 × 7 (Breiman et al. 1984, §2.6.1): a digit's seven lines, each wrong with probability 0.1."""
    draws = Draws("led-display")
    y = draws.classes(1000, 10)
    lines = np.array([[int(line) for line in digit] for digit in SEGMENTS])
    wrong = draws.uniform(1000, 7) < 0.1
    return (lines[y] ^ wrong).astype(np.float32), y


def stars() -> Table:
    """2,000 × 2: the outlines of two five-pointed stars with one centre, of class 0 with tips at 1 and notches at 0.4
    from it, of class 1 half as large; points uniform along each edge's parameter, with noise N(0, 0.02²)."""
    draws = Draws("stars")
    n = 2000
    y = draws.classes(n, 2)
    edge, along = draws.classes(n, 10), draws.uniform(n)
    corner = np.arange(11)
    angle, radius = np.pi / 2 + corner * np.pi / 5, np.where(corner % 2, 0.4, 1.0)
    corners = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = corners[edge] + along[:, None] * (corners[edge + 1] - corners[edge])
    return _rounded(x * (1 - y / 2)[:, None] + 0.02 * draws.normal(n, 2)), y


def gaussians() -> Table:
    """1,700 × 3: N((1, 0, -1), diag(1, 3, 0.1)) (Balestriero and Baraniuk 2022, Figure 7), the class drawn apart."""
    draws = Draws("gaussians")
    n = 1700
    return _rounded(draws.normal(n, 3) * np.sqrt([1.0, 3.0, 0.1]) + np.array([1.0, 0.0, -1.0])), draws.classes(n, 2)


def _waves(draws: Draws, n: int) -> Table:
    i = np.arange(1, 22)
    first, second, third = (np.maximum(6 - np.abs(i - peak), 0) for peak in (11, 15, 7))
    pairs = np.array([(second, third), (first, third), (first, second)])
    y = draws.classes(n, 3)
    u = draws.uniform(n, 1)
    return _rounded(u * pairs[y, 0] + (1 - u) * pairs[y, 1] + draws.normal(n, 21)), y


def _rounded(x: NDArray[np.float64]) -> NDArray[np.float32]:
    """To six decimals, so that the last bit of a machine's logarithm does not change the digest."""
    return np.round(x, 6).astype(np.float32)
