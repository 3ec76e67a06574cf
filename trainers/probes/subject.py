"""What a probe is shown: a pack's network, the samples it was trained on or not, and how to watch its layers.

Shapes: R replicas, B samples, C channels, S = zero or more spatial axes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from sweeps.trial import Trial
from trainers.layers.activations import Activation
from trainers.layers.block import Operation
from trainers.metrics import cross_entropy
from trainers.models.network import Network
from trainers.seeding import Streams

Batches = Iterable[tuple[Tensor, Tensor]]


class Samples(Protocol):
    """The parts of a data set, as `trainers.feeding` has them: (R, m), where each replica's samples lie."""

    train: Tensor
    validation: Tensor
    test: Tensor

    def batches(self, part: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Samples (R, b, *shape) and labels (R, b)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The network evaluates, as after each epoch. `streams` are the probes' own: name the purpose `probe/NAME`.

    `prepared` makes of samples what the network takes.
    """

    network: Network
    trials: Sequence[Trial]
    samples: Samples
    streams: Streams
    prepared: Callable[[Tensor], Tensor]

    @property
    def replicas(self) -> int:
        return len(self.trials)

    def batches(self, part: str, most: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The first `most` (0: all) samples (R, b, *shape) of a part, in order, with their labels (R, b)."""
        where: Tensor = getattr(self.samples, part)
        for x, y in self.samples.batches(where[:, :most] if most else where):
            yield self.prepared(x), y

    def drawn(self, count: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """So many batches (R, size, *shape) of training samples, drawn without replacement while there are enough of
        them: the same places of each replica's own training part, other ones after each epoch."""
        where = self.samples.train
        order = Streams((0,), device=str(where.device))
        order.at(self.streams.epoch, 0)
        (places,) = order.order(where.shape[1])
        size = min(size, where.shape[1])
        per_round = len(places) // size
        for i in range(count):
            first = i % per_round * size
            for x, y in self.samples.batches(where[:, places[first : first + size]]):
                yield self.prepared(x), y

    def units(self, purpose: str, layer: int, of: int, count: int) -> Tensor:
        """(R, count) int64: of so many units of a layer those that are looked at, drawn once for all epochs."""
        epoch = self.streams.epoch
        self.streams.at(0, 0)
        numbers = self.streams.uniform(f"probe/{purpose}", layer, (count,))
        self.streams.at(epoch, 0)
        return (numbers.double() * of).long()

    def descended(self, x: Tensor, y: Tensor) -> Tensor:
        """(R,) mean losses of a batch with the normalizers' penalties, as training descends them, its own augmentation
        and label smoothing left out; the batch is one shard."""
        losses, penalty = cross_entropy(self.logits(x), y), self.network.penalty()
        return losses if penalty is None else losses + penalty

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All that learns, (R, ...) each."""
        return [p for p in self.network.parameters() if p.requires_grad]

    def logits(self, x: Tensor) -> Tensor:
        """(R, b, *shape) → (R, b, classes)."""
        return self.network(self.network.input(x))

    @contextmanager
    def activations(self, look: Callable[[int, Tensor], None]) -> Generator[None]:
        """Within it `look` is shown the input (R, b, C, *S) of each activation function, and its number from 1."""
        modules = [module for module in self.network.modules() if isinstance(module, Activation)]

        def hook(layer: int) -> Callable[[nn.Module, Any], None]:
            return lambda _, given: look(layer, given[0])

        handles = [module.register_forward_pre_hook(hook(i)) for i, module in enumerate(modules, 1)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def operations(self, look: Callable[[int, Tensor, Tensor, Tensor], None]) -> Generator[None]:
        """Within it `look` is shown of each block its number from 1 and what its layer multiplies: the input
        (R, b, C_in, *S), the weight (R, C, C_in, *kernel) and the product (R, b, C, *S), bias included."""
        blocks = self.network.blocks
        before = [(block.operation, block.descent) for block in blocks]
        for i, block in enumerate(blocks, 1):
            block.operation, block.descent = _watched(i, block.operation, look), None
        try:
            yield
        finally:
            for block, (operation, descent) in zip(blocks, before, strict=True):
                block.operation, block.descent = operation, descent


def subject_of(
    network: Network, trials: Sequence[Trial], samples: Samples, prepared: Callable[[Tensor], Tensor]
) -> Subject:
    """The network of these trials, with streams of the probes' own."""
    like = next(network.parameters())
    streams = Streams([trial.seed for trial in trials], device=str(like.device), dtype=like.dtype)
    return Subject(network=network, trials=trials, samples=samples, streams=streams, prepared=prepared)


def _watched(layer: int, operation: Operation, look: Callable[[int, Tensor, Tensor, Tensor], None]) -> Operation:
    def watched(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        u = operation(x, weight, bias)
        look(layer, x, weight, u)
        return u

    return watched
