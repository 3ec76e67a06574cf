"""Several processes, one a device, that train one trial: sums over them, and gradients reduced while backward runs.

Not `DistributedDataParallel`, which lays its buckets out anew after its first step: the sums of a training that
was interrupted would be taken in another order than those of one that was not, and differ in their last bits. Here the
buckets are fixed by the network alone, and a result depends on nothing but the trial and the number of processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

BUCKET_BYTES = 4 * 2**20  # gradients that are reduced in one go


class Ranks:
    """This process among those that train together: those of `torch.distributed`'s default group, if there is one."""

    def __init__(self) -> None:
        together = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if together else 0
        self.world = dist.get_world_size() if together else 1

    def sum(self, x: Tensor) -> Tensor:
        """The sum over the processes, the same on all of them; in place."""
        if self.world > 1:
            dist.all_reduce(x)  # pyright: ignore[reportPrivateImportUsage]
        return x

    def copy_first(self, tensors: Iterable[Tensor]) -> None:
        """Gives these the values that they have on rank 0."""
        if self.world > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def agree(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """RuntimeError unless these are bit for bit the same on all processes, with the first that is not."""
        if self.world == 1:
            return
        named = [(name, hashlib.sha256(_bytes(t)).hexdigest()) for name, t in tensors]
        everywhere: list[Any] = [None] * self.world
        dist.all_gather_object(everywhere, named)
        for rank, theirs in enumerate(everywhere):
            for (name, mine), (_, other) in zip(everywhere[0], theirs, strict=True):
                if mine != other:
                    raise RuntimeError(f"`{name}` on rank {rank} differs from that on rank 0")


class Reducer:
    """Sums the gradients of parameters over processes, bucket by bucket, each as soon as backward has filled it.

    Gradients of a pass that `expect` did not announce are only added up, as torch does.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._buckets = _buckets(parameters)
        self._missing: list[int] = []
        self._works: list[Any] = []
        self._expecting = False
        for i, bucket in enumerate(self._buckets):
            for p in bucket.parameters:
                p.register_post_accumulate_grad_hook(self._filled(i))

    def expect(self) -> None:
        """The next backward is the last one before `finish`."""
        self._missing = [len(bucket.parameters) for bucket in self._buckets]
        self._works = []
        self._expecting = True

    def finish(self) -> None:
        """Waits until all gradients are the sums; a parameter that has none keeps none."""
        self._expecting = False
        while len(self._works) < len(self._buckets):
            self._start()
        for bucket, work in zip(self._buckets, self._works, strict=True):
            work.wait()
            bucket.give_back()

    def _filled(self, i: int) -> Callable[[Tensor], None]:
        def hook(_: Tensor) -> None:
            if self._expecting:
                self._missing[i] -= 1
                # In one order on all processes.
                while len(self._works) < len(self._buckets) and self._missing[len(self._works)] == 0:
                    self._start()

        return hook

    def _start(self) -> None:
        flat = self._buckets[len(self._works)].take()
        self._works.append(dist.all_reduce(flat, async_op=True))  # pyright: ignore[reportPrivateImportUsage]


class _Bucket:
    """Some parameters whose gradients lie in one tensor."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = parameters
        self._flat = torch.cat([torch.zeros_like(p).flatten() for p in parameters])
        pieces = self._flat.split([p.numel() for p in parameters])
        self._views = [piece.view_as(p) for piece, p in zip(pieces, parameters, strict=True)]

    def take(self) -> Tensor:
        for view, p in zip(self._views, self.parameters, strict=True):
            if p.grad is None:
                view.zero_()
            else:
                view.copy_(p.grad)
        return self._flat

    def give_back(self) -> None:
        for view, p in zip(self._views, self.parameters, strict=True):
            if p.grad is not None:
                p.grad = view


def _buckets(parameters: Sequence[nn.Parameter]) -> list[_Bucket]:
    """From the last parameter on, about as backward comes upon them."""
    groups: list[list[nn.Parameter]] = [[]]
    size = 0
    for p in reversed(parameters):
        if size and size + p.numel() * p.element_size() > BUCKET_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(p)
        size += p.numel() * p.element_size()
    return [_Bucket(group) for group in groups if group]


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
