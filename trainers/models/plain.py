"""Convolutional networks without shortcuts."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from trainers.models.chain import Chain
from trainers.models.network import Network
from trainers.seeding import Streams

VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


def elu_cnn_11(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float) -> Network:
    """Clevert et al. 2016, section 4.2, with padding that keeps the size and no dropout, as in Littwin and Wolf 2018.

    Stacks (channels × kernel), each but the sixth followed by a 2 × 2 max pool; the last layer, 1 × 1, is the
    classifier. The fifth pool is followed by an average over what space is left, as for Tiny ImageNet.
    """
    stacks = (
        ((192, 5),),
        ((192, 1), (240, 3)),
        ((240, 1), (260, 2)),
        ((260, 1), (280, 2)),
        ((280, 1), (300, 2)),
    )
    chain = Chain(trials, facts, streams, layers=10, width=width)
    for stack in stacks:
        for channels, kernel in stack:
            chain.convolution(channels, kernel)
        chain.pool("max", 2)
    chain.pool_all("average")
    chain.convolution(300, 1)
    return chain.network()


def cnn9(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float) -> Network:
    """The 9-layer CNN of constrained weight optimization (section 4.1.1)."""
    chain = Chain(trials, facts, streams, layers=9, width=width)
    for i, channels in enumerate((64, 128, 256)):
        if i:
            chain.pool("average", 2)
        for _ in range(3):
            chain.convolution(channels, 3)
    return chain.network()


def nin(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float) -> Network:
    """Network in network as listed by Arpit et al. 2016, section 5; its last 1 × 1 layer is the classifier.

    Averaging over space before that layer or after it is the same.
    """
    chain = Chain(trials, facts, streams, layers=8, width=width)
    chain.convolution(192, 5, padding=2)
    chain.convolution(160, 1)
    chain.pool("max", 3, stride=2, padding=1)
    chain.convolution(96, 1)
    chain.convolution(192, 5, padding=2)
    chain.convolution(192, 1)
    chain.pool("average", 3, stride=2, padding=1)
    chain.convolution(192, 1)
    chain.convolution(192, 5, padding=0)
    chain.convolution(192, 1, padding=2)
    return chain.network()


def vgg16(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, width: float) -> Network:
    """The 13 convolutions of VGG-16 (Simonyan and Zisserman 2015, D) and one classifier, as customary for CIFAR."""
    chain = Chain(trials, facts, streams, layers=13, width=width)
    for channels in VGG16:
        if channels:
            chain.convolution(channels, 3)
        else:
            chain.pool("max", 2)
    return chain.network()
