"""Networks that are one line of parts, then an average over space and the classifier."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from trainers.layers.block import Block, Layer
from trainers.layers.dropout import Dropout
from trainers.models.builder import Builder, too_small
from trainers.models.network import Network
from trainers.models.pooling import Pool, Pooling
from trainers.seeding import Streams


class Chain:
    """Such a network under construction, part by part; `shape` is one sample's after the parts so far.

    Channels are given as published; the model's option `width` multiplies them.
    """

    def __init__(
        self, trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, layers: int, width: float
    ) -> None:
        model = trials[0].model
        if len(facts.shape) != 3:
            raise UsageError(
                f"model {model.name} takes images (channels, height, width), and a sample of {facts.name} is "
                f"{facts.shape}: choose the model mlp"
            )
        self.trials = trials
        self.builder = Builder(trials, streams, layers=layers)
        self.shape = facts.shape
        self.parts: list[nn.Module] = []
        self._classes = facts.classes
        self.width = width

    def channels(self, published: int) -> int:
        return max(1, round(published * self.width))

    def add(self, part: nn.Module, shape: tuple[int, ...]) -> None:
        self.parts.append(part)
        self.shape = shape

    def convolution(self, published: int, kernel: int, *, stride: int = 1, padding: int | None = None) -> None:
        block = self.builder.convolution(self.shape, self.channels(published), kernel, stride=stride, padding=padding)
        self.add(block, block.shape)

    def pool(self, kind: Pooling, kernel: int, *, stride: int | None = None, padding: int = 0) -> None:
        """Pools space by `kind`, stride `kernel` unless given; an incomplete last window is dropped."""
        stride = kernel if stride is None else stride
        spatial = tuple((side + 2 * padding - kernel) // stride + 1 for side in self.shape[1:])
        if min(spatial) < 1:
            raise too_small(self.shape)
        self.add(Pool(kind, kernel, stride, padding), (self.shape[0], *spatial))

    def pool_all(self, kind: Pooling) -> None:
        """Pools all of space to one position."""
        self.add(Pool(kind, self.shape[1:], self.shape[1:], 0), (self.shape[0], 1, 1))

    def dropout(self, rate: float) -> None:
        """Dropout that belongs to the architecture."""
        self.parts.append(Dropout([rate] * len(self.trials), self.builder.streams, self.builder.layer))

    def network(self) -> Network:
        """The network: the parts, the average over space, dropout by the trial's own rate, the classifier."""
        dropout = Dropout([t.dropout for t in self.trials], self.builder.streams, self.builder.layers + 1)
        classifier = self.builder.classifier(self.shape[0], self._classes)
        return _Line(nn.Sequential(*self.parts), dropout, classifier, self.builder.blocks)


class _Line(Network):
    def __init__(self, parts: nn.Sequential, dropout: Dropout, classifier: Layer, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.parts = parts
        self.dropout = dropout
        self.classifier = classifier
        self.blocks = blocks

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.dropout(self.parts(x).mean(dim=(-2, -1))))
