"""Transformer encoders: a table's features are tokens, or an image's patches."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from trainers.layers.block import Layer
from trainers.layers.dropout import Dropout
from trainers.models.builder import Builder
from trainers.models.stacks.stack import OfTokens, Stack, Sublayer, attended, by_token, patches
from trainers.seeding import Streams

EXPANSION = 4  # of the layers between attentions (Vaswani et al. 2017, section 3.3)
POSITION = 0.02  # standard deviation of positions at the start (Dosovitskiy et al. 2021's code)


class Transformer(Stack):
    """`depth` times attention and two layers, `width` → 4 `width` → `width`; the mean over tokens is classified.

    Dropout is on what is added to the stream (Vaswani et al. 2017, section 5.4). Source: Vaswani et al. 2017 (post),
    Xiong et al. 2020 (pre); tokens as in Gorishniy et al. 2021 and Dosovitskiy et al. 2021, without a class token.
    """

    def __init__(
        self, trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, norm: str, heads: int, patch: int
    ) -> None:
        """UsageError for samples that are neither tables' nor images that patches divide, and for a `width` that heads
        do not divide."""
        depth, width, side = trials[0].depth, trials[0].width, patch
        if width % heads:
            raise UsageError(f"model transformer: heads={heads} do not divide width={width}: set one to fit the other")
        images = len(facts.shape) == 3
        if not images and len(facts.shape) != 1:
            raise UsageError(
                f"model transformer takes tables and images, and a sample of {facts.name} is {facts.shape}: choose the "
                "model dgcnn"
            )
        if images and any(length % side for length in facts.shape[1:]):
            sides = " × ".join(map(str, facts.shape[1:]))
            raise UsageError(f"model transformer: patch={side} does not divide images of {sides}: set another `patch`")
        tokens = prod(facts.shape[1:]) // side**2 if images else facts.shape[0]
        builder = Builder(trials, OfTokens(streams, tokens), layers=2 * depth + 1)
        if images:
            first = builder.linear(facts.shape[0] * side**2, width, activated=False, rows=tokens)
        else:
            first = builder.by(by_token, tokens, width, rows=tokens)
        positions = streams.initial(1, (tokens, width), "init/positions") * POSITION
        rates = [t.dropout for t in trials]
        sublayers: list[Sublayer] = []

        def add(inner: nn.Module, features: int) -> None:
            last = builder.linear(features, width, activated=False, rows=tokens)
            sublayers.append(Sublayer(inner, last, Dropout(rates, builder.streams, builder.layer)))

        for _ in range(depth):
            add(Attention(builder.plain_linear(width, 3 * width, "attention"), tokens, heads), width)
            hidden = builder.plain_linear(width, EXPANSION * width, "hidden")
            add(nn.Sequential(hidden, builder.activation()), EXPANSION * width)
        super().__init__(
            trials, first, sublayers, builder.classifier(width, facts.classes), norm=norm, positions=positions
        )
        self._side = side if images else 0
        self.unlearned_macs = depth * 2 * tokens**2 * width

    def tokens(self, x: Tensor) -> Tensor:
        return patches(x, self._side) if self._side else x


class Attention(nn.Module):
    """Attention of a sample's tokens to each other: `layer` makes queries, keys and values."""

    def __init__(self, layer: Layer, tokens: int, heads: int) -> None:
        super().__init__()
        self.layer = layer
        self._tokens, self._heads = tokens, heads

    def forward(self, a: Tensor) -> Tensor:
        return attended(self.layer(a), self._tokens, self._heads)
