"""Point clouds: the dynamic graph CNN (Wang et al. 2019), for classification."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from trainers.layers.dropout import Dropout
from trainers.models.builder import Builder
from trainers.models.network import Network
from trainers.seeding import Streams

EDGE_CHANNELS = (64, 64, 128, 256)
HEAD = (512, 256)


class Dgcnn(Network):
    """Four edge convolutions on the graph of the k nearest neighbours in the features so far; (R, B, 3, N) points.

    Their outputs together, 1 × 1 to 1,024 channels, maximum and mean over the points, two layers with dropout 0.5.
    """

    def __init__(self, trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float, k: int) -> None:
        super().__init__()
        if len(facts.shape) != 2 or facts.shape[1] < k:
            raise UsageError(
                f"model dgcnn takes clouds of at least {k} points, (coordinates, points); a sample of {facts.name} is "
                f"{facts.shape}: choose a smaller `k` or another model"
            )
        self.k = k
        features, points = facts.shape
        builder = Builder(trials, streams, layers=7)
        self.edges = nn.ModuleList()
        total = 0
        for published in EDGE_CHANNELS:
            block = builder.convolution((2 * features, points, k), max(1, round(published * width)), 1)
            features = block.shape[0]
            total += features
            self.edges.append(block)
        self.embedding = builder.convolution((total, points), max(1, round(1024 * width)), 1)
        features = 2 * self.embedding.shape[0]
        head: list[nn.Module] = []
        for published in HEAD:
            out = max(1, round(published * width))
            head += [builder.linear(features, out), Dropout([0.5] * len(trials), streams, builder.layer)]
            features = out
        self.head = nn.Sequential(*head)
        self.dropout = Dropout([t.dropout for t in trials], streams, builder.layers + 1)
        self.classifier = builder.classifier(features, facts.classes)
        self.blocks = builder.blocks

    def forward(self, x: Tensor) -> Tensor:
        levels: list[Tensor] = []
        for edge in self.edges:
            x = edge(neighbourhoods(x, self.k)).amax(dim=-1)
            levels.append(x)
        x = self.embedding(torch.cat(levels, dim=2))
        x = torch.cat([x.amax(dim=-1), x.mean(dim=-1)], dim=2)
        return self.classifier(self.dropout(self.head(x)))


def neighbourhoods(x: Tensor, k: int) -> Tensor:
    """(R, B, C, N) → (R, B, 2C, N, k): the offsets to a point's k nearest (itself among them), and the point."""
    square = x.square().sum(dim=2)
    distance = square.unsqueeze(-1) + square.unsqueeze(-2) - 2 * (x.mT @ x)
    nearest = distance.topk(k, dim=-1, largest=False).indices
    index = nearest.flatten(2).unsqueeze(2).expand(-1, -1, x.shape[2], -1)
    neighbours = x.gather(3, index).unflatten(3, nearest.shape[2:])
    point = x.unsqueeze(-1)
    return torch.cat([neighbours - point, point.expand_as(neighbours)], dim=2)
