"""Losses and errors of R replicas."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """(R,) means over the batch of −log softmax(logits)_label. Shapes: logits (R, B, classes), labels (R, B)."""
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.view(labels.shape).mean(dim=1)


def smoothed(losses: Tensor, logits: Tensor, share: Tensor) -> Tensor:
    """(R,) `cross_entropy` with labels of which a share (R,) goes to all classes alike (Szegedy et al. 2016)."""
    alike = -logits.log_softmax(dim=-1).mean(dim=(1, 2))
    return losses + share * (alike - losses)


def wrong(logits: Tensor, labels: Tensor) -> Tensor:
    """(R,) int64: how many samples have their largest logit elsewhere than at the label."""
    return (logits.argmax(dim=-1) != labels).sum(dim=1)


def majority_error(train: NDArray[np.int64], test: NDArray[np.int64]) -> float:
    """Error on the test labels of always answering the most frequent training label (the smallest of several)."""
    return float(np.mean(test != np.bincount(train).argmax()))
