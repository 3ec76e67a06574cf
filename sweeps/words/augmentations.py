"""Augmentations that a sweep file may name."""

from __future__ import annotations

from sweeps.words.declared import Entry, Option

PAD = Option("int", 4, low=0, help="zeros around the image")
CROP = Option("int", 224, low=1, help="side of the crop; in the centre at evaluation")

AUGMENTATIONS: dict[str, Entry] = {
    "none": Entry(summary="samples as they are"),
    "flip": Entry(summary="mirrored with probability 1/2"),
    "pad-crop-flip": Entry(
        summary="padded, cropped to the image's size, mirrored with probability 1/2",
        source="Lin et al. 2014; `cutout`: DeVries and Taylor 2017",
        options={"pad": PAD, "cutout": Option("int", 0, low=0, help="side of the hole; 0: none")},
    ),
    "crop-flip": Entry(summary="a crop of a larger image, mirrored with probability 1/2", options={"size": CROP}),
    "resized-crop": Entry(
        summary="a random rectangle resized, mirrored with probability 1/2",
        source="Szegedy et al. 2015",
        options={"size": CROP, "least": Option("float", 0.08, low=0.0, high=1.0, help="share of the image's area")},
    ),
    "fastaa": Entry(
        summary="Fast AutoAugment's policy for CIFAR, then pad-crop-flip with Cutout",
        source="Lim et al. 2019, fa_reduced_cifar10",
        options={"pad": PAD, "cutout": Option("int", 16, low=0, help="side of the hole; 0: none")},
    ),
    "rotate-jitter": Entry(
        summary="point clouds turned about the up axis and moved point by point",
        source="Qi et al. 2017; Ikami et al., section 4.2.1",
        options={"jitter": Option("float", 0.01, low=0.0, help="standard deviation")},
    ),
}
