"""Residual fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import nn

from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from trainers.layers.dropout import Dropout
from trainers.models.builder import Builder
from trainers.models.stacks.stack import Stack, Sublayer
from trainers.seeding import Streams


def residual_mlp(
    trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, norm: str, expansion: float
) -> Stack:
    """`depth` blocks of two layers, `width` → `expansion` times that → `width`, beside their input.

    Pre-norm it is the ResNet for tables of Gorishniy et al. 2021, section 3.2, with one dropout a block, its last.
    """
    depth, width, rates = trials[0].depth, trials[0].width, [t.dropout for t in trials]
    builder = Builder(trials, streams, layers=depth + 1)
    first = builder.linear(prod(facts.shape), width, activated=False)
    sublayers: list[Sublayer] = []
    for _ in range(depth):
        hidden = max(1, round(width * expansion))
        inner = nn.Sequential(builder.plain_linear(width, hidden, "hidden"), builder.activation())
        last = builder.linear(hidden, width, activated=False)
        sublayers.append(Sublayer(inner, last, Dropout(rates, streams, builder.layer)))
    return Stack(
        trials, first, sublayers, builder.classifier(width, facts.classes), end=builder.activation(), norm=norm
    )
