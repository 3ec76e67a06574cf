"""The augmentation of a pack, by its name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeps.errors import UsageError
from sweeps.trial import Trial
from sweeps.words.kinds import arguments, entry_of, fixed
from trainers.augment.augmentation import Augmentation
from trainers.augment.frames import FRAMED, Framed, frames
from trainers.data.dataset import Dataset
from trainers.data.folders import FolderDataset
from trainers.data.standardize import scale
from trainers.plugins.lookup import implementation
from trainers.seeding import Streams


def build(trials: Sequence[Trial], streams: Streams, data: Dataset | FolderDataset | None) -> Augmentation:
    """The augmentation of all trials of one pack, for samples of `data` standardized as the trials say.

    Of image files it is what `Frames` leave to do. Without data only its `shape` is of use.

    UsageError for a name that is not known, and for trials that differ in it.
    """
    choice = trials[0].augment
    entry, made = entry_of("augment", choice.name), implementation("augment", choice.name)
    if len({(t.augment.name, *fixed(t.augment, entry_of("augment", t.augment.name))) for t in trials}) > 1:
        raise UsageError("the trials of a pack have one `augment`: plan these apart")
    if isinstance(data, FolderDataset) and choice.name in FRAMED:
        return Framed(streams, frames(choice, data.facts.shape[-1]))
    options = arguments([t.augment for t in trials], entry)
    if made.scaled:
        options["mean"], options["std"] = _scales(trials, streams, data)
    return made(streams, **options)


def _scales(trials: Sequence[Trial], streams: Streams, data: Dataset | FolderDataset | None) -> tuple[Tensor, Tensor]:
    """What the images, in units of 0..1, were standardized by: mean and standard deviation, (R, C, 1, 1)."""
    none = np.zeros((1, 1, 1), np.float32), np.ones((1, 1, 1), np.float32)
    known = {(t.standardize, t.split): none for t in trials}
    for mode, split in known:
        if data is not None and mode == "train":
            known[mode, split] = scale(data, data.split(split))
    figures = zip(*(known[t.standardize, t.split] for t in trials), strict=True)
    mean, std = (torch.from_numpy(np.stack(each)).to(streams.device, streams.dtype) for each in figures)
    return mean, std
