"""The augmentation of a pack, by its name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeps.errors import UsageError
from sweeps.trial import Trial
from sweeps.words.augmentations import AUGMENTATIONS
from sweeps.words.near import unknown
from trainers.augment.augmentation import Augmentation
from trainers.augment.cloud import RotateJitter
from trainers.augment.crop import Crop, Flip, ResizedCrop
from trainers.augment.frames import Framed, frames, number, whole
from trainers.augment.policy import FastAutoAugment
from trainers.data.dataset import Dataset
from trainers.data.folders import FolderDataset
from trainers.data.standardize import scale
from trainers.seeding import Streams


def build(trials: Sequence[Trial], streams: Streams, data: Dataset | FolderDataset | None) -> Augmentation:
    """The augmentation of all trials of one pack, for samples of `data` standardized as the trials say.

    Of image files it is what `Frames` leave to do. Without data only its `shape` is of use.

    UsageError for a name that is not known, and for trials that differ in it.
    """
    choice = trials[0].augment
    if any(t.augment != choice for t in trials):
        raise UsageError("the trials of a pack have one `augment`: plan these apart")
    match choice.name:
        case "none":
            return Augmentation(streams)
        case "flip":
            return Flip(streams)
        case "pad-crop-flip":
            return Crop(streams, pad=whole(choice, "pad"), cutout=whole(choice, "cutout"))
        case "crop-flip" | "resized-crop" if isinstance(data, FolderDataset):
            return Framed(streams, frames(choice, data.facts.shape[-1]))
        case "crop-flip":
            return Crop(streams, size=whole(choice, "size"))
        case "resized-crop":
            return ResizedCrop(streams, size=whole(choice, "size"), least=number(choice, "least"))
        case "fastaa":
            pad, cutout = whole(choice, "pad"), whole(choice, "cutout")
            return FastAutoAugment(streams, *_scales(trials, streams, data), pad=pad, cutout=cutout)
        case "rotate-jitter":
            return RotateJitter(streams, jitter=number(choice, "jitter"))
        case name:
            raise UsageError(unknown("augment", name, AUGMENTATIONS))


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
