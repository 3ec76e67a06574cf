"""Metrics that a plug-in declares: functions of the logits of a whole part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from sweeps.probes import PARTS
from sweeps.words.choice import Choice
from trainers.plugins.lookup import implementation
from trainers.probes.probe import Reading
from trainers.probes.subject import Subject


def measured(metrics: Sequence[Choice], subject: Subject) -> Iterator[tuple[str, Reading]]:
    """What each is on the validation part, where there is one, and on the test part, by its name."""
    for part, samples in zip(PARTS, ("validation", "test"), strict=True):
        if getattr(subject.samples, samples).shape[1]:
            batches = [(subject.logits(x), y) for x, y in subject.batches(samples)]
            logits, labels = (torch.cat(each, dim=1) for each in zip(*batches, strict=True))
            for metric in metrics:
                yield metric.name, Reading(part, value(metric, logits, labels))


def value(metric: Choice, logits: Tensor, labels: Tensor) -> Tensor:
    """(R,) of logits (R, N, classes) and labels (R, N). ValueError for another shape."""
    found = implementation("metrics", metric.name)(logits, labels, **metric.as_dict())
    shape = tuple(getattr(found, "shape", ()))
    if not isinstance(found, Tensor) or shape != (len(logits),):
        told = shape if isinstance(found, Tensor) else f"of type {type(found).__name__}"
        raise ValueError(f"metric {metric.name} is {told}, it must be a tensor (R,) = ({len(logits)},)")
    return found
