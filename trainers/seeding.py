"""Random numbers of training: counter-based, so that any number of any step is found without drawing those before it.

Construction (part of the identity of results; `STREAMS` numbers it). One stream belongs to (seed, purpose, layer,
epoch). It is Philox4x64-10 (Salmon et al. 2011, as `numpy.random.Philox`) whose 128-bit key is the first 16 bytes,
little-endian, of the SHA-256 of the canonical JSON `["normsweep", STREAMS, seed, purpose, layer, epoch]`, read as
32-bit words, low half of each 64-bit output first. A draw of `count` numbers a step takes k = ceil(count/8) counters
(8 words each): step s reads `Philox(key=key, counter=s·k)`. How many steps are drawn at once changes nothing.

- uniform: (word >> 8)·2^-24, exact in float32
- normal: Box and Muller on word pairs (a, b), r = sqrt(-2 ln((a + 1)·2^-32)): r cos(2π b·2^-32), r sin(2π b·2^-32),
  computed in float64 and rounded to float32; an odd count drops the last number
- order: stable argsort of n 64-bit words (purpose "order", layer 0)
- initial: a normal draw at step 0 of the stream whose epoch is -1
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from math import ceil, pi, prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeps.identity import canonical

STREAMS = 1
BLOCK_BYTES = (
    65536  # of one replica's float32 numbers drawn ahead for one use: what hides Python's cost and little more
)
BLOCK_STEPS = 16
BEFORE_TRAINING = -1  # the epoch of `initial`

Words = NDArray[np.uint32]
Floats = NDArray[np.float32]
Use = tuple[str, str, int, tuple[int, ...], bool]  # distribution, purpose, layer, shape, whether it leads with samples


class Streams:
    """The random numbers of R replicas, each from its own seed: the same whatever R, device, precision and neighbours.

    Tensors that are returned lead with R and are only to be read: a second call in the same step returns the same
    memory. Two draws in one step need purposes of their own ("noise", "noise/variance"), or different layers.
    """

    def __init__(self, seeds: Sequence[int], *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        self.seeds = tuple(seeds)
        self._twins = [self.seeds.index(seed) for seed in self.seeds]  # the first replica of the same seed
        self.device = torch.device(device)
        self.dtype = dtype
        self.epoch = 0
        self.step = 0
        self._part = 0, 0  # where the samples at hand begin in the batch, and its size; size 0: they are the batch
        self._blocks: dict[tuple[object, ...], tuple[int, int, Tensor]] = {}  # epoch, first step, (steps, R, *shape)
        self._ahead: dict[Use, Tensor] = {}  # drawn already for the samples at hand
        self._noted: list[Use] | None = None

    @property
    def replicas(self) -> int:
        return len(self.seeds)

    def at(self, epoch: int, step: int) -> None:
        """Says where training is; the draws that follow are this step's."""
        self.epoch = epoch
        self.step = step
        self.part(0, 0)

    def part(self, first: int, batch: int) -> None:
        """Says, after `at`, that the samples at hand are those from `first` on of a batch of so many."""
        self._part = first, batch
        self._ahead = {}

    def noted(self, call: Callable[[], object]) -> list[Use]:
        """What `call` draws, for `draw_ahead`."""
        self._noted = []
        try:
            call()
            return self._noted
        finally:
            self._noted = None

    def draw_ahead(self, uses: Sequence[Use]) -> list[Tensor]:
        """Draws these now: until `at` or `part` says otherwise, who asks for them is given tensors that lie ready."""
        self._ahead = {use: self._draw(*use) for use in uses}
        return list(self._ahead.values())

    def uniform(self, purpose: str, layer: int, shape: tuple[int, ...], *, samples: bool = False) -> Tensor:
        """(R, *shape) in [0, 1). `samples`: the shape leads with samples, whatever part of their batch is at hand."""
        return self._given("uniform", purpose, layer, shape, samples)

    def normal(self, purpose: str, layer: int, shape: tuple[int, ...], *, samples: bool = False) -> Tensor:
        """(R, *shape), standard normal; `samples` as for `uniform`."""
        return self._given("normal", purpose, layer, shape, samples)

    def initial(self, layer: int, shape: tuple[int, ...], purpose: str = "init") -> Tensor:
        """(R, *shape), standard normal, whatever the epoch: for initial weights."""
        if self.device.type == "meta":  # shapes are all that is asked for
            return torch.empty(self.replicas, *shape, dtype=self.dtype, device=self.device)
        count = prod(shape)
        rows = [_normal(_words(_key(s, purpose, layer, BEFORE_TRAINING), 0, 1, count))[0, :count] for s in self.seeds]
        return self._tensor(np.stack(rows)).view(self.replicas, *shape)

    def order(self, n: int) -> Tensor:
        """(R, n) int64: the current epoch's permutation of 0..n-1."""
        rows = [np.argsort(_philox(_key(s, "order", 0, self.epoch)).random_raw(n), kind="stable") for s in self.seeds]
        return torch.from_numpy(np.stack(rows)).to(self.device)

    def _given(self, *use: *Use) -> Tensor:
        if use in self._ahead:
            return self._ahead[use]
        if self._noted is not None:
            self._noted.append(use)
        return self._draw(*use)

    def _draw(self, kind: str, purpose: str, layer: int, shape: tuple[int, ...], samples: bool) -> Tensor:
        first, batch = self._part
        if samples and batch > shape[0]:
            whole = self._drawn(kind, purpose, layer, (batch, *shape[1:]))
            return whole[:, first : first + shape[0]]
        return self._drawn(kind, purpose, layer, shape)

    def _drawn(self, kind: str, purpose: str, layer: int, shape: tuple[int, ...]) -> Tensor:
        use = (kind, purpose, layer, shape)
        epoch, first, block = self._blocks.get(use, (-1, 0, None))
        if block is None or epoch != self.epoch or not first <= self.step < first + len(block):
            self._blocks.pop(use, None)  # frees the memory before the next block is made
            block, first = self._block(kind, purpose, layer, shape), self.step
            self._blocks[use] = (self.epoch, first, block)
        return block[self.step - first]

    def _block(self, kind: str, purpose: str, layer: int, shape: tuple[int, ...]) -> Tensor:
        count = prod(shape)
        steps = max(1, min(BLOCK_STEPS, BLOCK_BYTES // (4 * count)))
        numbers = np.empty((steps, self.replicas, count), np.float32)
        for r, (seed, twin) in enumerate(zip(self.seeds, self._twins, strict=True)):
            if twin < r:
                numbers[:, r] = numbers[:, twin]
            else:
                words = _words(_key(seed, purpose, layer, self.epoch), self.step, steps, count)
                numbers[:, r] = _DISTRIBUTIONS[kind](words)[:, :count]
        return self._tensor(numbers).view(steps, self.replicas, *shape)

    def _tensor(self, numbers: Floats) -> Tensor:
        return torch.from_numpy(numbers).to(self.device, self.dtype)


def _key(seed: int, purpose: str, layer: int, epoch: int) -> int:
    name = canonical(["normsweep", STREAMS, seed, purpose, layer, epoch])
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")


def _philox(key: int, counter: int = 0) -> np.random.Philox:
    return np.random.Philox(key=key, counter=counter)


def _words(key: int, step: int, steps: int, count: int) -> Words:
    """(steps, 8k) words, k = ceil(count/8), from those of `step` on."""
    k = ceil(count / 8)
    return _philox(key, step * k).random_raw(steps * k * 4).view(np.uint32).reshape(steps, k * 8)


def _uniform(words: Words) -> Floats:
    words >>= np.uint32(8)
    numbers = words.view(np.int32).astype(np.float32)
    numbers *= np.float32(2.0**-24)
    return numbers


def _normal(words: Words) -> Floats:
    radius = words[:, 0::2] * 2.0**-32
    radius += 2.0**-32
    np.log(radius, out=radius)
    radius *= -2.0
    np.sqrt(radius, out=radius)
    angle = words[:, 1::2] * (2.0 * pi * 2.0**-32)
    numbers = np.empty(words.shape, np.float32)
    np.multiply(radius, np.cos(angle), out=numbers[:, 0::2], casting="same_kind")
    np.multiply(radius, np.sin(angle), out=numbers[:, 1::2], casting="same_kind")
    return numbers


_DISTRIBUTIONS: dict[str, Callable[[Words], Floats]] = {"uniform": _uniform, "normal": _normal}
