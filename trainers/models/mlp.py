"""Fully connected networks, the self-normalizing variant included."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from trainers.layers.dropout import Dropout
from trainers.models.builder import Builder
from trainers.models.network import Network
from trainers.seeding import Streams


class Mlp(Network):
    """`depth` hidden layers of `width` units, each followed by alpha-dropout; dropout before the classifier."""

    def __init__(self, trials: Sequence[Trial], facts: DatasetFacts, streams: Streams) -> None:
        super().__init__()
        depth, width = trials[0].depth, trials[0].width
        builder = Builder(trials, streams, layers=depth)
        alpha, rates = [t.alpha_dropout for t in trials], [t.dropout for t in trials]
        hidden: list[nn.Module] = []
        features = prod(facts.shape)
        for layer in range(1, depth + 1):
            hidden.append(builder.linear(features, width))
            if any(alpha):
                hidden.append(Dropout(alpha, streams, layer, alpha=True))
            features = width
        self.hidden = nn.Sequential(*hidden)
        self.dropout = Dropout(rates, streams, depth + 1)
        self.classifier = builder.classifier(features, facts.classes)
        self.blocks = builder.blocks

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.dropout(self.hidden(x.flatten(2))))
