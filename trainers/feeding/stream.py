"""The samples of a data set that stays in its folder of image files: decoded while training, for `PackTrainer`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeps.cost import steps, steps_per_epoch
from sweeps.trial import Trial
from trainers.augment.frames import Frames, frames
from trainers.data.folders import FolderDataset
from trainers.data.standardize import figures
from trainers.feeding.loader import Loader, Order
from trainers.metrics import majority_error
from trainers.seeding import Streams


class Stream:
    """As a `Pool`, but `samples` are those of the step that the trainer's streams are at, made ahead by workers.

    Replicas of the same seed and split see the same samples, which are decoded once. Nothing depends on the number of
    workers, nor on where an epoch is entered.

    `pieces`: the parts of a batch that `samples` is asked for, one after the other, in every step.
    """

    def __init__(
        self,
        data: FolderDataset,
        trials: Sequence[Trial],
        streams: Streams,
        *,
        device: str,
        dtype: torch.dtype,
        workers: int,
        pieces: Sequence[slice],
    ) -> None:
        self._streams, self._device, self._dtype = streams, torch.device(device), dtype
        first = trials[0]
        self._batch_size = first.batch_size
        self._pieces = pieces
        splits = {k: data.split(k) for k in sorted({t.split for t in trials})}
        self._chances = _Sharing([(t.seed, t.split) for t in trials], self._device)  # who sees the same in training
        self._views = _Sharing([t.split for t in trials], self._device)  # and in evaluation
        shown = [trials[r] for r in self._chances.first]
        self._frames = frames(first.augment, data.facts.shape[-1])
        self._orders = _Orders(data, shown, self._frames, [splits[t.split].train for t in shown], self._pieces)

        def part(of: Sequence[NDArray[np.int64]]) -> Tensor:
            return torch.from_numpy(np.stack(of)).to(self._device)

        self.train = part([splits[t.split].train for t in trials])
        self.validation = part([splits[t.split].validation for t in trials])
        self.test = part([splits[t.split].test for t in trials])
        majority = {k: majority_error(data.y[s.train], data.y[s.test]) for k, s in splits.items()}
        self.majority_errors = [majority[t.split] for t in trials]
        self.y = torch.from_numpy(data.y).to(self._device)

        scales = {(t.standardize, t.split): figures(data, splits[t.split], t.standardize) for t in trials}
        pairs = zip(*(scales[t.standardize, t.split] for t in trials), strict=True)
        self._mean, self._factor = (torch.from_numpy(np.stack(each)).to(device).unsqueeze(1) for each in pairs)
        self._levels = torch.tensor(255.0, device=device)  # divided by a tensor, torch rounds once

        pinned = self._device.type == "cuda"
        self._loader = Loader(self._frames, data.conversion, workers=workers, pinned=pinned)
        self._training: Iterator[Tensor] | None = None
        self._due = (0, 0, 0)  # epoch, step and piece that it gives next

    def samples(self, where: Tensor) -> tuple[Tensor, Tensor]:
        """The samples (R, B, *shape) and labels (R, B) of the next piece of the step that the streams are at."""
        epoch, step = self._streams.epoch, self._streams.step
        if self._training is None or self._due[:2] != (epoch, step):
            self._training = self._loader.run(self._orders.training(epoch, step))
            self._due = epoch, step, 0
        piece = self._due[2] + 1
        self._due = (epoch, step, piece) if piece < len(self._pieces) else (epoch, step + 1, 0)
        return self._standardized(next(self._training), self._chances), self._labels(where)

    def batches(self, part: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The samples and labels of a part (R, m), in order, in batches for evaluation; the last may be small."""
        self._training = None
        pieces = part.split(self._batch_size, dim=1)
        orders = self._orders.evaluation([where[self._views.first].cpu().numpy() for where in pieces])
        for where, x in zip(pieces, self._loader.run(orders), strict=True):
            yield self._standardized(x, self._views), self._labels(where)

    def _labels(self, where: Tensor) -> Tensor:
        return self.y.index_select(0, where.flatten()).view(where.shape)

    def _standardized(self, x: Tensor, sharing: _Sharing) -> Tensor:
        """(R, B, *shape) of the bytes (views · B, *shape), as `standardized` does it."""
        x = x.to(self._device, non_blocking=True).unflatten(0, (len(sharing.first), -1))
        x = x.index_select(0, sharing.of).float()
        return x.div_(self._levels).sub_(self._mean).mul_(self._factor).to(self._dtype)


class _Orders:
    """What the loader is asked for. It does not know the `Stream`, so that the loader ends as soon as that does."""

    def __init__(
        self,
        data: FolderDataset,
        trials: Sequence[Trial],
        frames: Frames,
        rows: Sequence[NDArray[np.int64]],
        pieces: Sequence[slice],
    ) -> None:
        first = trials[0]
        self._data, self._frames, self._rows, self._pieces = data, frames, np.stack(rows), pieces
        self._seeds, self._batch_size = [t.seed for t in trials], first.batch_size
        self._steps, self._epoch_steps = steps(first, data.facts), steps_per_epoch(first, data.facts)

    def training(self, epoch: int, step: int) -> Iterator[Order]:
        """The pieces of the batches from this step to the end of its epoch."""
        streams = Streams(self._seeds)
        streams.at(epoch, step)
        rows = np.take_along_axis(self._rows, streams.order(self._rows.shape[1]).numpy(), axis=1)
        for s in range(step, min(self._epoch_steps, self._steps - epoch * self._epoch_steps)):
            streams.at(epoch, s)
            draws = self._frames.draws(streams, self._batch_size).numpy()
            batch = rows[:, s * self._batch_size : (s + 1) * self._batch_size]
            for piece in self._pieces:
                where = batch[:, piece]
                yield Order(self._files(where), draws[:, piece].reshape(where.size, -1))

    def evaluation(self, batches: Sequence[NDArray[np.int64]]) -> Iterator[Order]:
        for where in batches:
            yield Order(self._files(where), None)

    def _files(self, where: NDArray[np.int64]) -> list[str]:
        return [str(self._data.path(i)) for i in where.flatten().tolist()]


class _Sharing:
    """Replicas that see the same: `first`: one of each kind; `of` (R,) on the device: which kind each is."""

    def __init__(self, kinds: Sequence[object], device: torch.device) -> None:
        distinct = list(dict.fromkeys(kinds))
        self.first = [kinds.index(kind) for kind in distinct]
        self.of = torch.tensor([distinct.index(kind) for kind in kinds], device=device)
