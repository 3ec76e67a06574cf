"""Worker processes that decode image files ahead of training."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from sweeps.errors import UsageError
from trainers.augment.frames import Frames
from trainers.data.decoding import view
from trainers.data.images.conversion import Conversion

AHEAD = 2  # orders that each worker has at a time


class LostProcess(RuntimeError):
    """A worker process ended before its time: no fault of what is trained."""


class LostNode(LostProcess):
    """So did the machine that it ran on."""

    def __init__(self, host: str) -> None:
        super().__init__(f"the node {host} was lost, and with it a process")
        self.host = host


@dataclass(frozen=True, slots=True)
class Order:
    """Image files that are wanted together; `draws` (n, k) where they are framed by chance."""

    files: list[str]
    draws: NDArray[np.float32] | None


class Loader:
    """Image files as samples (n, 3, side, side) of bytes, in the order of the orders, whatever the number of workers.

    Workers start with the first order and end with this object, or within seconds of its process however that ends.
    """

    def __init__(
        self, frames: Frames, conversion: Conversion | None = None, *, workers: int = 0, pinned: bool = False
    ) -> None:
        self._orders = _Orders()
        context = None
        if workers:
            # Not a fork of this process, which has threads; torch is imported once, for all workers.
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["torch", __name__])
        self._loader = DataLoader(
            _Views(frames, conversion),
            batch_size=None,
            sampler=self._orders,
            num_workers=workers,
            collate_fn=_same,
            pin_memory=pinned,
            prefetch_factor=AHEAD if workers else None,
            persistent_workers=workers > 0,
            multiprocessing_context=context,
            worker_init_fn=_end_with_parent if workers else None,
            generator=torch.Generator(),  # else it draws from the global one
        )

    def run(self, orders: Iterable[Order]) -> Iterator[Tensor]:
        """What is ordered. It ends what ran before. UsageError for a file that cannot be decoded, LostProcess."""
        self._orders.now = iter(orders)
        with _telling_lost_workers():
            made = iter(self._loader)
        while True:
            with _telling_lost_workers():
                found = next(made, None)
            if found is None:
                return
            if isinstance(found, str):
                raise UsageError(found)
            yield found


@contextmanager
def _telling_lost_workers() -> Generator[None]:
    try:
        yield
    except (RuntimeError, OSError, EOFError) as error:  # OSError: what the lost one had made cannot be fetched
        told = str(error)
        ended = type(error) is not RuntimeError or "exited unexpectedly" in told or "ancillary data" in told
        if not ended or told.startswith("Caught "):  # by torch, in a worker that lives
            raise
        raise LostProcess(
            "a process that reads images ended before its time; often the kernel ends one for lack of memory "
            f"(see dmesg): use fewer cores or a smaller batch ({told})"
        ) from None


class _Orders(Sampler[Order]):
    """Hands torch's loader the orders of the run that begins."""

    def __init__(self) -> None:
        self.now: Iterator[Order] = iter(())

    def __iter__(self) -> Iterator[Order]:
        return self.now


class _Views(Dataset[Tensor | str]):
    """Fills an order, or says in one sentence why it cannot be filled. Lives in the workers."""

    def __init__(self, frames: Frames, conversion: Conversion | None) -> None:
        self._frames, self._conversion = frames, conversion

    def __getitem__(self, order: Order) -> Tensor | str:
        side = self._frames.side
        filled = torch.empty(len(order.files), 3, side, side, dtype=torch.uint8)
        samples = filled.numpy()
        try:
            for i, file in enumerate(order.files):
                samples[i] = self._sample(file, None if order.draws is None else order.draws[i]).transpose(2, 0, 1)
        except ValueError as error:
            return str(error)
        return filled

    def _sample(self, file: str, drawn: NDArray[np.float32] | None) -> NDArray[np.uint8]:
        if drawn is None:
            return view(Path(file), self._frames.side, self._frames.evaluation, self._conversion)
        numbers: list[float] = drawn.tolist()
        mirrored = False

        def frame(height: int, width: int) -> tuple[float, float, float, float]:
            nonlocal mirrored
            box, mirrored = self._frames.training(numbers, height, width)
            return box

        image = view(Path(file), self._frames.side, frame, self._conversion)
        return image[:, ::-1] if mirrored else image


def _end_with_parent(_: int) -> None:
    """Ends this worker with the process that it works for, even one that is killed: the fork server outlives both."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _same(made: Any) -> Any:
    return made
