"""What all models are built from: blocks, numbered in order of definition, and layers without a normalizer."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.errors import UsageError
from sweeps.trial import Trial
from sweeps.words.composition import normalizer
from sweeps.words.kinds import arguments
from trainers import normalizers
from trainers.layers.activations import Activation
from trainers.layers.block import Block, Convolution, Layer, Mixed, Operation
from trainers.layers.init import biases, weights
from trainers.layers.linear import linear
from trainers.models.resnets.branch import Branch
from trainers.normalizers.method import Method, Site
from trainers.seeding import Streams


class Builder:
    """Builds the layers of one pack's network, which has `layers` blocks beside its shortcuts."""

    def __init__(self, trials: Sequence[Trial], streams: Streams, *, layers: int) -> None:
        self.trials = trials
        self.streams = streams
        self.layers = layers
        self.layer = 0  # of the last block
        self.blocks: list[Block] = []
        self._shortcut_streams = Branch(streams, "shortcut")
        self._activations = tuple(t.activation for t in trials)

    def linear(self, features: int, out: int, *, activated: bool = True, rows: int = 1) -> Block:
        """A fully connected layer: (R, B, features) → (R, B, out), of `rows` rows a sample."""
        return self._block(features, out, (), (), linear, activated=activated, rows=rows)

    def by(self, operation: Operation, features: int, out: int, *, rows: int) -> Block:
        """A layer without an activation that makes `rows` rows of a sample, with a weight that is used once."""
        return self._block(features, out, (), (), operation, activated=False, rows=rows, products=1)

    def plain_linear(self, features: int, out: int, name: str) -> Layer:
        """A fully connected layer without a normalizer that leads to the next block, whose number it shares."""
        where, shape = (self.trials, Branch(self.streams, name), self.layer + 1), (out, features)
        return Layer(self._precise(linear), weight=weights(*where, shape), bias=biases(*where, shape))

    def activation(self) -> Activation:
        return Activation(self._activations, device=self.streams.device, dtype=self.streams.dtype)

    def convolution(
        self, shape: tuple[int, ...], out: int, kernel: int, *, stride: int = 1, padding: int | None = None
    ) -> Block:
        """A convolution of samples of `shape` (C, *S), with as many kernel axes as S has.

        `padding` None keeps S (at stride 1). UsageError when nothing is left of S.
        """
        operation, spatial = _convolution(shape, kernel, stride, padding)
        return self._block(shape[0], out, (kernel,) * len(spatial), spatial, operation)

    def shortcut(self, shape: tuple[int, ...], out: int, *, stride: int) -> Block:
        """A 1 × 1 convolution without an activation, beside the block defined last, whose number it shares."""
        operation, spatial = _convolution(shape, 1, stride, 0)
        return self._block(shape[0], out, (1,) * len(spatial), spatial, operation, shortcut=True, activated=False)

    def plain_shortcut(self, shape: tuple[int, ...], out: int, kernel: int, *, stride: int = 1) -> Layer:
        """A convolution without normalizer, bias and activation, beside the block defined last."""
        operation, spatial = _convolution(shape, kernel, stride, None)
        weight_shape = (out, shape[0], *(kernel,) * len(spatial))
        weight = weights(self.trials, self._shortcut_streams, self.layer, weight_shape)
        return Layer(self._precise(operation), weight=weight, bias=None)

    def classifier(self, features: int, classes: int) -> Layer:
        assert self.layer == self.layers, f"{self.layers} layers announced, {self.layer} defined"
        where, shape = (self.trials, self.streams, self.layers + 1), (classes, features)
        return Layer(self._precise(linear), weight=weights(*where, shape), bias=biases(*where, shape))

    def _block(
        self,
        channels: int,
        out: int,
        kernel: tuple[int, ...],
        spatial: tuple[int, ...],
        operation: Operation,
        *,
        shortcut: bool = False,
        activated: bool = True,
        rows: int = 1,
        products: int | None = None,
    ) -> Block:
        streams = self._shortcut_streams if shortcut else self.streams
        self.layer += not shortcut
        site = Site(
            in_channels=channels,
            out_channels=out,
            kernel=kernel,
            spatial=spatial,
            activation=self._activations,
            activated=activated,
            layer=self.layer,
            layers=self.layers,
            replicas=len(self.trials),
            rows=rows,
            streams=streams,
        )
        where, shape = (self.trials, streams, self.layer), (out, channels, *kernel)
        block = Block(
            site,
            self._method(site),
            self._precise(operation),
            self.activation() if activated else None,
            weight=weights(*where, shape),
            bias=biases(*where, shape),
            products=rows if products is None else products,
        )
        self.blocks.append(block)
        return block

    def _precise(self, operation: Operation) -> Operation:
        return Mixed(operation) if self.trials[0].precision == "bfloat16-mixed" else operation

    def _method(self, site: Site) -> Method:
        choices = [t.normalizer for t in self.trials]
        options = arguments(choices, normalizer(choices[0].name))
        return normalizers.build(choices[0].name, site, **options).to(site.streams.device)


def _convolution(
    shape: tuple[int, ...], kernel: int, stride: int, padding: int | None
) -> tuple[Convolution, tuple[int, ...]]:
    """The operation and the spatial axes that it leaves."""
    keep = padding is None
    padding = (kernel - 1) // 2 if padding is None else padding
    trailing = 1 if keep and kernel % 2 == 0 else 0
    spatial = tuple((side + 2 * padding + trailing - kernel) // stride + 1 for side in shape[1:])
    if min(spatial) < 1:
        raise too_small(shape)
    return Convolution(stride=stride, padding=padding, trailing=trailing), spatial


def too_small(shape: tuple[int, ...]) -> UsageError:
    """The error for a layer that has nothing left to work on."""
    sides = " × ".join(map(str, shape[1:]))
    return UsageError(f"the model's next layer leaves nothing of maps of {sides}: take larger images or another model")
