"""What the training loop asks of every model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from trainers.layers.block import Block, Layer
from trainers.layers.descent import Descent
from trainers.normalizers.method import Method

Samples = Callable[[], Iterable[Tensor]]


class Network(nn.Module):
    """A model with R replicas: `forward` maps (R, B, *sample) to logits (R, B, classes).

    `blocks`: its layers with a normalizer, in order of definition; the classifier is not among them.
    """

    blocks: Sequence[Block]
    unlearned_macs: int = 0  # multiply-accumulates of a sample's forward pass between tensors that are not learned

    def penalty(self) -> Tensor | None:
        """The normalizers' penalties (R,) of the last forward pass in training, summed over the blocks, once."""
        total = None
        for block in self.blocks:
            penalty = block.take_penalty()
            if penalty is not None:
                total = penalty if total is None else total + penalty
        return total

    def input(self, x: Tensor) -> Tensor:
        """What a normalizer does to a batch (R, B, *sample) before the first layer."""
        return self.blocks[0].method.input(x)

    def descents(self) -> list[Descent]:
        """Of the layers whose steps backward can take: from now on they count how often they are called."""
        found: list[Descent] = []
        for layer in self.modules():
            if isinstance(layer, Block | Layer):
                layer.descent = layer.descends()
                found += [] if layer.descent is None else [layer.descent]
        return found

    @torch.no_grad()
    def calibrate(self, samples: Samples, *, before: Literal["training", "evaluation"] = "training") -> None:
        """Shows the training set, in batches (R, b, *sample) at each call, to the methods that ask for it, in order."""
        first = self.blocks[0].method
        if before == "training" and type(first).calibrate_input is not Method.calibrate_input:
            first.calibrate_input(samples())
        training = self.training
        self.eval()
        for block in self.blocks:
            if block.method.calibrated == before:
                block.method.calibrate(self._inputs(block, samples))
        self.train(training)

    def _inputs(self, block: Block, samples: Samples) -> Iterator[Tensor]:
        """The input of a block's `normalize` for each batch."""
        seen: list[Tensor] = []

        def observe(u: Tensor) -> None:
            seen.append(u)
            raise _Seen

        for x in samples():
            block.observer = observe
            try:
                self(self.input(x))
            except _Seen:
                pass
            finally:
                block.observer = None
            yield seen.pop()


class _Seen(Exception):
    """Ends a forward pass at the block under observation."""
