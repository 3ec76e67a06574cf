"""Losses and errors of R replicas."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeps.records import NAMED


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """(R,) means over the batch of −log softmax(logits)_label. Shapes: logits (R, B, classes), labels (R, B)."""
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.view(labels.shape).mean(dim=1)


def smoothed(losses: Tensor, logits: Tensor, share: Tensor) -> Tensor:
    """(R,) `cross_entropy` with labels of which a share (R,) goes to all classes alike (Szegedy et al. 2016)."""
    alike = -logits.log_softmax(dim=-1).mean(dim=(1, 2))
    return losses + share * (alike - losses)


def counts(logits: Tensor, labels: Tensor, metrics: Collection[str]) -> Tensor:
    """(R, K) int64 of a batch, to be summed over batches and processes: wrong answers, whether a logit is not finite,
    and what further metrics need; see `errors`. Shapes: logits (R, B, classes), labels (R, B)."""
    answers = logits.argmax(dim=-1) != labels
    columns = [answers.sum(dim=1), (~logits.isfinite()).flatten(1).any(dim=1).long()]
    if "top5" in metrics:
        larger = logits > logits.gather(-1, labels.unsqueeze(-1))
        columns.append((larger.sum(dim=-1) >= 5).sum(dim=1))
    found = torch.stack(columns, dim=1)
    if "class-mean" in metrics:
        none = torch.zeros_like(logits[:, 0], dtype=torch.int64)
        wrong = none.scatter_add(1, labels, answers.long())
        samples = none.scatter_add(1, labels, torch.ones_like(labels))
        found = torch.cat([found, wrong, samples], dim=1)
    return found


def counted(metrics: Collection[str], classes: int) -> int:
    """The K of `counts`."""
    return 2 + ("top5" in metrics) + 2 * classes * ("class-mean" in metrics)


def errors(counts: Sequence[int], metrics: Collection[str], samples: int) -> dict[str, float]:
    """Of one replica's `counts` over a part of so many samples, by the metrics' columns: the share whose label is not
    among the five largest logits, and the mean over the classes of the part of their shares of wrong answers."""
    further, found = list(counts[2:]), dict[str, float]()
    if "top5" in metrics:
        found[NAMED["top5"]] = further.pop(0) / samples
    if "class-mean" in metrics:
        wrong, present = further[: len(further) // 2], further[len(further) // 2 :]
        shares = [w / n for w, n in zip(wrong, present, strict=True) if n]
        found[NAMED["class-mean"]] = sum(shares) / len(shares)
    return found


def majority_error(train: NDArray[np.int64], test: NDArray[np.int64]) -> float:
    """Error on the test labels of always answering the most frequent training label (the smallest of several)."""
    return float(np.mean(test != np.bincount(train).argmax()))
