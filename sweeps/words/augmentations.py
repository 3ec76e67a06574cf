"""Changes of the training samples that a sweep file may name, with their options; `trainers/augment/` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sweeps.words.declared import Entry, Option


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation(Entry):
    """A change of the training samples, as the vocabulary has it and as a plug-in declares it."""

    kind: ClassVar[str] = "augmentation"
    home: ClassVar[str] = "trainers.augment"
    base: ClassVar[tuple[str, ...]] = ("trainers.augment.augmentation",)
    given: ClassVar[tuple[str, ...]] = ("streams",)


PAD = Option("int", 4, low=0, help="zeros around the image")
CROP = Option("int", 224, low=1, help="side of the crop; in the centre at evaluation")

AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation(summary="samples as they are", implementation="augmentation:Augmentation"),
    "flip": Augmentation(summary="mirrored with probability 1/2", implementation="crop:Flip"),
    "pad-crop-flip": Augmentation(
        summary="padded, cropped to the image's size, mirrored with probability 1/2",
        implementation="crop:Crop",
        source="Lin et al. 2014; `cutout`: DeVries and Taylor 2017",
        options={"pad": PAD, "cutout": Option("int", 0, low=0, help="side of the hole; 0: none")},
    ),
    "crop-flip": Augmentation(
        summary="a crop of a larger image, mirrored with probability 1/2",
        implementation="crop:Crop",
        options={"size": CROP},
    ),
    "resized-crop": Augmentation(
        summary="a random rectangle resized, mirrored with probability 1/2",
        implementation="crop:ResizedCrop",
        source="Szegedy et al. 2015",
        options={"size": CROP, "least": Option("float", 0.08, low=0.0, high=1.0, help="share of the image's area")},
    ),
    "fastaa": Augmentation(
        summary="Fast AutoAugment's policy for CIFAR, then pad-crop-flip with Cutout",
        implementation="policy:FastAutoAugment",
        source="Lim et al. 2019, fa_reduced_cifar10",
        options={"pad": PAD, "cutout": Option("int", 16, low=0, help="side of the hole; 0: none")},
    ),
    "rotate-jitter": Augmentation(
        summary="point clouds turned about the up axis and moved point by point",
        implementation="cloud:RotateJitter",
        source="Qi et al. 2017; Ikami et al., section 4.2.1",
        options={"jitter": Option("float", 0.01, low=0.0, help="standard deviation")},
    ),
}
