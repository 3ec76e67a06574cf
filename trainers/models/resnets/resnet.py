"""Residual networks of He et al. 2016 for ImageNet and for CIFAR, and the nine-layer one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from trainers.models.chain import Chain
from trainers.models.network import Network
from trainers.models.resnets.residual import Residual, Subsample
from trainers.seeding import Streams


def cifar_resnet(
    trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float, depth: int
) -> Network:
    """6n + 2 layers (section 4.2): 16, 32 and 64 channels, shortcuts that learn nothing (option A)."""
    if depth < 8 or depth % 6 != 2:
        raise UsageError(f"a residual network for CIFAR has 6n + 2 layers, from 8 on, not {depth}: take 20, 56 or 110")
    chain = Chain(trials, facts, streams, layers=depth - 1, width=width)
    chain.convolution(16, 3)
    for channels in (16, 32, 64):
        for i in range(depth // 6):
            _basic(chain, channels, 2 if i == 0 and channels > 16 else 1, learned=False)
    return chain.network()


def basic_resnet(
    trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float, repeats: tuple[int, ...]
) -> Network:
    """ResNet-18 and -34 for ImageNet (table 1): shortcuts are convolutions where shapes change (option B)."""
    _check(repeats)
    chain = _imagenet_stem(trials, facts, streams, layers=1 + 2 * sum(repeats), width=width)
    for stage, count in enumerate(repeats):
        for i in range(count):
            _basic(chain, 64 * 2**stage, 2 if i == 0 and stage else 1, learned=True)
    return chain.network()


def bottleneck_resnet(
    trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float, repeats: tuple[int, ...]
) -> Network:
    """ResNet-50 for ImageNet; where a block halves space its 3 × 3 convolution does (as is customary now)."""
    _check(repeats)
    chain = _imagenet_stem(trials, facts, streams, layers=1 + 3 * sum(repeats), width=width)
    for stage, count in enumerate(repeats):
        for i in range(count):
            _bottleneck(chain, 64 * 2**stage, 2 if i == 0 and stage else 1)
    return chain.network()


def resnet9(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float) -> Network:
    """The nine-layer residual network of D. Page (DAWNBench 2018), without the scaling of its logits."""
    chain = Chain(trials, facts, streams, layers=8, width=width)
    chain.convolution(64, 3)
    for channels, residual in ((128, True), (256, False), (512, True)):
        chain.convolution(channels, 3)
        chain.pool("max", 2)
        if residual:
            first = chain.builder.convolution(chain.shape, chain.channels(channels), 3)
            second = chain.builder.convolution(first.shape, chain.channels(channels), 3)
            chain.add(_Sum(nn.Sequential(first, second)), chain.shape)
    chain.pool_all("max")
    return chain.network()


class _Sum(nn.Module):
    """x + branch(x)."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def _imagenet_stem(
    trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, layers: int, width: float
) -> Chain:
    chain = Chain(trials, facts, streams, layers=layers, width=width)
    chain.convolution(64, 7, stride=2)
    chain.pool("max", 3, stride=2, padding=1)
    return chain


def _basic(chain: Chain, published: int, stride: int, *, learned: bool) -> None:
    """Two 3 × 3 convolutions beside a shortcut."""
    shape, out = chain.shape, chain.channels(published)
    first = chain.builder.convolution(shape, out, 3, stride=stride)
    last = chain.builder.convolution(first.shape, out, 3)
    if stride == 1 and shape[0] == out:
        shortcut: nn.Module = nn.Identity()
    elif learned:
        shortcut = chain.builder.shortcut(shape, out, stride=stride)
    else:
        shortcut = Subsample(stride, out - shape[0])
    chain.add(Residual([first, last], shortcut), last.shape)


def _bottleneck(chain: Chain, published: int, stride: int) -> None:
    """1 × 1, 3 × 3 and 1 × 1 convolutions, the last with four times the channels, beside a shortcut."""
    shape, inner = chain.shape, chain.channels(published)
    first = chain.builder.convolution(shape, inner, 1)
    second = chain.builder.convolution(first.shape, inner, 3, stride=stride)
    last = chain.builder.convolution(second.shape, 4 * inner, 1)
    same = stride == 1 and shape[0] == 4 * inner
    shortcut = nn.Identity() if same else chain.builder.shortcut(shape, 4 * inner, stride=stride)
    chain.add(Residual([first, second, last], shortcut), last.shape)


def _check(repeats: tuple[int, ...]) -> None:
    if len(repeats) != 4 or min(repeats) < 1:
        raise UsageError(
            f"`repeats` are four numbers of blocks, from 1 on, not {list(repeats)}: resnet18 has 2, 2, 2, 2"
        )
