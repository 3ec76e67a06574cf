"""The networks of "Batch Normalization Explained" (Balestriero and Baraniuk 2022, appendix C).

The appendix gives dropout by its keep probability: 0.9 and 0.7 are rates of 0.1 and 0.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from trainers.layers.block import Block
from trainers.models.chain import Chain
from trainers.models.network import Network
from trainers.seeding import Streams

SMALL_SIDE = 64  # images with longer sides, as imagenette's, get the second stem


def bne_cnn(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float) -> Network:
    """Stem, three times (5 × 5, 1 × 1, 1 × 1) with 96 channels, the same with 192, 3 × 3 without padding, 1 × 1."""
    large = max(facts.shape[1:]) > SMALL_SIDE
    chain = Chain(trials, facts, streams, layers=21 + large, width=width)
    for channels in (32, 64) if large else (32,):
        chain.convolution(channels, 5)
        chain.pool("max", 2)
    for channels in (96, 192):
        for _ in range(3):
            for kernel in (5, 1, 1):
                chain.convolution(channels, kernel)
        chain.dropout(0.3)
        chain.pool("max", 2)
    chain.convolution(192, 3, padding=0)
    chain.convolution(192, 1)
    return chain.network()


def bne_resnet(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float, depth: int) -> Network:
    """Resnet2-2: four stages of `depth` blocks; `width` 2 stands for 64, 128, 256 and 512 channels."""
    chain = Chain(trials, facts, streams, layers=2 + 8 * depth, width=width)
    chain.convolution(16, 5)
    chain.pool("max", 2)
    chain.dropout(0.1)
    for channels in (32, 64, 128, 256):
        for _ in range(depth):
            _add(chain, channels)
        chain.pool("average", 2)
    chain.convolution(256, 1)
    return chain.network()


def _add(chain: Chain, published: int) -> None:
    shape, out = chain.shape, chain.channels(published)
    first = chain.builder.convolution(shape, out, 3)
    last = chain.builder.convolution(first.shape, out, 3)
    shortcut = nn.Identity() if last.shape == shape else chain.builder.plain_shortcut(shape, out, 3)
    chain.add(_ActivatedSum(first, last, shortcut), last.shape)


class _ActivatedSum(nn.Module):
    """branch(x) + shortcut(x), where the branch ends in its activation."""

    def __init__(self, first: Block, last: Block, shortcut: nn.Module) -> None:
        super().__init__()
        self.first, self.last, self.shortcut = first, last, shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x)) + self.shortcut(x)
