"""Multiply-accumulates of a model, for estimates before training."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import torch
from torch import Tensor, nn

from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from sweeps.words.choice import Choice
from trainers.layers.block import Layer
from trainers.models.build import build
from trainers.seeding import Streams


def macs(trial: Trial, facts: DatasetFacts) -> tuple[int, int]:
    """Of one sample's forward pass, and of its first layer alone: linear layers and convolutions, no weights drawn."""
    plain = replace(trial, normalizer=Choice("none"), dropout=0.0, alpha_dropout=0.0)
    network = build([plain], facts, Streams([0], device="meta"))
    others = 0

    def add(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal others
        assert isinstance(layer, Layer)
        others += layer.weight.numel() * prod(output.shape[1:2] + output.shape[3:])

    for module in network.modules():
        if isinstance(module, Layer):
            module.register_forward_hook(add)
    network.eval()(torch.empty(1, 1, *facts.shape, device="meta"))
    blocks = [block.weight.numel() * block.products * prod(block.site.spatial) for block in network.blocks]
    return sum(blocks) + others + network.unlearned_macs, blocks[0]
