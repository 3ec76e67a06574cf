"""Wide residual networks (Zagoruyko and Komodakis 2016), which activate before they convolve."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from trainers.layers.block import Block, Layer
from trainers.models.chain import Chain
from trainers.models.network import Network
from trainers.seeding import Streams


def wide_resnet(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float, depth: int) -> Network:
    """WRN-d-k: d = `depth` = 6n + 4, k = `width`; 16, then 16k, 32k and 64k channels in n blocks each."""
    if depth < 10 or depth % 6 != 4:
        raise UsageError(f"a wide residual network has 6n + 4 layers, from 10 on, not {depth}: take 16, 22 or 28")
    chain = Chain(trials, facts, streams, layers=depth - 3, width=width)
    builder, shape = chain.builder, chain.shape
    stem = builder.convolution(shape, 16, 3)
    shape = stem.shape
    steps: list[_Step] = []
    for published in (16, 32, 64):
        for i in range((depth - 4) // 6):
            stride = 2 if i == 0 and published > 16 else 1
            out = chain.channels(published)
            first = builder.convolution(shape, out, 3, stride=stride)
            last = builder.convolution(first.shape, out, 3)
            same = stride == 1 and shape[0] == out
            steps.append(_Step(first, last, None if same else builder.plain_shortcut(shape, out, 1, stride=stride)))
            shape = last.shape
    chain.add(_Wide(stem, steps), shape)
    return chain.network()


class _Step(nn.Module):
    """One residual block. `shortcut` None passes the sum on."""

    def __init__(self, first: Block, last: Block, shortcut: Layer | None) -> None:
        super().__init__()
        self.first, self.last, self.shortcut = first, last, shortcut


class _Wide(nn.Module):
    """The stem and the residual blocks, up to the last activation.

    The normalization and activation before a convolution are those of the block whose output completes their input:
    the sum s, which the layer before has added to.
    """

    def __init__(self, stem: Block, steps: Sequence[_Step]) -> None:
        super().__init__()
        self.stem = stem
        self.steps = nn.ModuleList(steps)

    def forward(self, x: Tensor) -> Tensor:
        s = self.stem.operate(x)
        a = self.stem.activate(self.stem.normalize(s))
        for step in self.steps:
            assert isinstance(step, _Step)
            s = step.last.operate(step.first(a)) + (s if step.shortcut is None else step.shortcut(a))
            a = step.last.activate(step.last.normalize(s))
        return a
