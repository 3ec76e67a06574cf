"""Folders of small JPEGs whose colours tell their class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from trainers.data.arrays import Parts, split_codes
from trainers.data.dataset import describe
from trainers.data.folders import FolderDataset


def draw(path: Path, label: int, seed: list[int]) -> None:
    """An image of its own size: noise around the class's colour."""
    random = np.random.default_rng(seed)
    height, width = random.integers(40, 72, 2)
    colour = np.array([40 + 80 * (label % 3), 40 + 80 * (label // 3 % 3), 128])
    pixels = colour + random.integers(-40, 40, (height, width, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def tree(root: Path, *, classes: int = 3, train: int = 8, test: int = 4) -> Path:
    """train/c0/0.jpeg … and val/c0/0.jpeg …, so many of each class."""
    for part, count in (("train", train), ("val", test)):
        for label in range(classes):
            for i in range(count):
                draw(root / part / f"c{label}" / f"{i}.jpeg", label, seed=[part == "val", label, i])
    return root


def folder(root: Path, *, classes: int = 3, train: int = 8, test: int = 4, side: int = 16) -> FolderDataset:
    """Such a tree as a data set, without an import."""
    tree(root, classes=classes, train=train, test=test)
    files = [
        f"{part}/c{label}/{i}.jpeg"
        for part, count in (("train", train), ("val", test))
        for label in range(classes)
        for i in range(count)
    ]
    y = np.concatenate([np.repeat(np.arange(classes), count) for count in (train, test)]).astype(np.int64)
    codes = split_codes("made", y, Parts(train=train * classes, test=test * classes))
    facts = describe("made", "0" * 64, (3, side, side), classes, codes, seeded=False)
    return FolderDataset(facts=facts, root=root, files=tuple(files), y=y, codes=codes)
