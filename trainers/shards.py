"""The shards of a batch: who trains which, and the means over all of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.trial import Trial
from sweeps.words.rules import joined
from trainers.distributed import Ranks, Reducer


class Shards:
    """Each process trains equally many shards of a batch, one after the other; what they leave is the mean over all.

    With `sync` the batch statistics are those of all shards: there a process trains its shards as one, and a process
    alone the whole batch. UsageError for a number of processes that does not divide the shards.

    Every shard starts from the running averages of the step before, and the step's are the mean of the shards'. As they
    follow a batch linearly, that is an average which follows the mean of the shards' statistics; all processes have the
    same at any time.
    """

    def __init__(self, trial: Trial, network: nn.Module, ranks: Ranks) -> None:
        if trial.shards % ranks.world:
            raise UsageError(
                f"{ranks.world} devices do not divide shards={trial.shards}: take shards={ranks.world} or a multiple"
            )
        self._count = ranks.world if joined(trial) else trial.shards
        size, each = trial.batch_size // self._count, self._count // ranks.world
        self.mine = [slice(i * size, (i + 1) * size) for i in range(ranks.rank * each, (ranks.rank + 1) * each)]
        self._ranks = ranks
        self._averages = _Averages(network)
        parameters = [p for p in network.parameters() if p.requires_grad]
        self._reducer = Reducer(parameters) if ranks.world > 1 else None

    @property
    def alone(self) -> bool:
        """Whether a batch is one shard of one process: what backward leaves is then the batch's own gradient."""
        return self._count == 1 and self._reducer is None

    def train(self, losses: Callable[[slice], tuple[Tensor, Tensor]]) -> Tensor:
        """One pass, forward and backward, over the batch. Returns the mean losses (R,), leaves the mean gradients.

        `losses` maps a slice of the batch to two means over it (R,): what is told, and what is descended.
        """
        if self.alone:
            loss, descended = losses(self.mine[0])
            descended.sum().backward()
            return loss.detach()
        told: list[Tensor] = []
        moved: list[Tensor] = []
        self._averages.keep()
        for part in self.mine:
            if moved:
                self._averages.back()
            loss, descended = losses(part)
            told.append(loss.detach() / self._count)
            if self._reducer is not None and part is self.mine[-1]:
                self._reducer.expect()
            (descended.sum() / self._count).backward()
            moved.append(self._averages.moved() / self._count)
        mean = torch.stack(told).sum(dim=0)
        change = torch.stack(moved).sum(dim=0)
        if self._reducer is not None:
            mean, change = self._ranks.sum(torch.cat([mean, change])).split([len(mean), len(change)])
            self._reducer.finish()
        self._averages.move(change)
        return mean


class _Averages:
    """The buffers in which a network's methods follow the batches: what its saved state holds beside what it learns."""

    def __init__(self, network: nn.Module) -> None:
        learned = {name for name, _ in network.named_parameters()}
        state = {name: tensor for name, tensor in network.state_dict().items() if name not in learned}
        self._network = network
        self._averages = [name for name, tensor in state.items() if tensor.is_floating_point()]
        self._counters = [name for name, tensor in state.items() if not tensor.is_floating_point()]
        like = next(network.parameters())
        self._kept = torch.empty(0, dtype=like.dtype, device=like.device)
        self._kept_counters: list[Tensor] = []

    def keep(self) -> None:
        """Remembers the present values."""
        self._kept = self._flat()
        self._kept_counters = [counter.clone() for counter in self._tensors(self._counters)]

    def back(self) -> None:
        """Brings the remembered values back."""
        self._write(self._kept)
        for counter, kept in zip(self._tensors(self._counters), self._kept_counters, strict=True):
            counter.copy_(kept)

    def moved(self) -> Tensor:
        """By how much each average differs from the remembered one, in one tensor: exactly 0 for what is constant."""
        return self._flat() - self._kept

    def move(self, change: Tensor) -> None:
        """Sets the averages to the remembered ones and so much."""
        self._write(self._kept + change)

    def _flat(self) -> Tensor:
        tensors = self._tensors(self._averages)
        return torch.cat([t.flatten() for t in tensors]) if tensors else self._kept

    def _write(self, values: Tensor) -> None:
        tensors = self._tensors(self._averages)
        for tensor, piece in zip(tensors, values.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(piece.view_as(tensor))

    def _tensors(self, names: list[str]) -> list[Tensor]:
        return [self._network.get_buffer(name) for name in names]
