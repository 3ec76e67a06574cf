"""The samples that the replicas of a pack learn from, on the device, standardized once for each distinct split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeps.trial import Trial
from trainers.data.dataset import Dataset
from trainers.data.standardize import standardized
from trainers.metrics import majority_error

# Samples of all replicas together in one evaluation batch. For vectors the activations then stay in the caches;
# for images as many samples as a training batch has are taken, which needs less memory than training did.
EVALUATED_AT_ONCE = 2048


class Pool:
    """`train`, `validation`, `test`: (R, m) int64, where each replica's samples lie in `x` (·, *shape) and `y`.

    Standardization by the training part gives every split a copy of the data set; replicas of one split share it.
    """

    def __init__(self, data: Dataset, trials: Sequence[Trial], *, device: str, dtype: torch.dtype) -> None:
        splits = {k: data.split(k) for k in sorted({t.split for t in trials})}
        copies: dict[tuple[str, int | None], int] = {}
        for t in trials:
            copies.setdefault(_standard(t), t.split)
        where = {how: i * data.facts.n for i, how in enumerate(copies)}
        self.x = torch.cat(
            [
                torch.from_numpy(standardized(data, splits[split], mode)).to(device, dtype)
                for (mode, _), split in copies.items()
            ]
        )
        self.y = torch.from_numpy(data.y).to(device).repeat(len(copies))

        def part(indices: Sequence[NDArray[np.int64]]) -> Tensor:
            rows = [i + where[_standard(t)] for i, t in zip(indices, trials, strict=True)]
            return torch.from_numpy(np.stack(rows)).to(device)

        self.train = part([splits[t.split].train for t in trials])
        self.validation = part([splits[t.split].validation for t in trials])
        self.test = part([splits[t.split].test for t in trials])
        majority = {k: majority_error(data.y[s.train], data.y[s.test]) for k, s in splits.items()}
        self.majority_errors = [majority[t.split] for t in trials]
        self._batch_size = trials[0].batch_size

    def of(self, replicas: slice) -> Pool:
        """The same samples, for some of the replicas."""
        other = copy(self)
        other.train, other.validation, other.test = self.train[replicas], self.validation[replicas], self.test[replicas]
        other.majority_errors = self.majority_errors[replicas]
        return other

    def samples(self, where: Tensor) -> tuple[Tensor, Tensor]:
        """The samples (R, B, *shape) and labels (R, B) at `where` (R, B)."""
        flat = where.flatten()
        x = self.x.index_select(0, flat)
        return x.view(*where.shape, *x.shape[1:]), self.y.index_select(0, flat).view(where.shape)

    def batches(self, part: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The samples and labels of a part (R, m), in order, in batches for evaluation; the last may be small."""
        at_once = self._batch_size
        if self.x.ndim == 2:
            at_once = max(at_once, EVALUATED_AT_ONCE // len(part))
        for where in part.split(at_once, dim=1):
            yield self.samples(where)


def _standard(trial: Trial) -> tuple[str, int | None]:
    """What the standardized features depend on."""
    return trial.standardize, trial.split if trial.standardize == "train" else None
