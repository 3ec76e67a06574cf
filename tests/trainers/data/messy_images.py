"""Folders of images as people have them, made by one function each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE = (12, 8)  # width and height


def pixels(seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(8, 12, 3), the left half dark, the right one light, so that a turned image is another one."""
    image = np.random.default_rng(seed).integers(0, 40, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    image[:, SIZE[0] // 2 :] += 200
    return image


def draw(path: Path, seed: int = 0, mode: str = "RGB", **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed)).convert(mode).save(path, **options)
    return path


def classes(root: Path, *names: str, count: int = 4, suffix: str = "png") -> Path:
    """root/NAME/0.png …, no two alike."""
    for name in names or ("cat", "dog"):
        first = 1000 * sum(map(ord, f"{root.name}/{name}"))
        for i in range(count):
            draw(root / name / f"{i}.{suffix}", first + i)
    return root


def parts(root: Path, *names: str) -> Path:
    for name in names or ("train", "val", "test"):
        classes(root / name, count=4 if name.lower().startswith("train") else 2)
    return root


def animated(path: Path, frames: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.fromarray(pixels(i)) for i in range(frames))
    first.save(path, save_all=True, append_images=others)
    return path


def turned(path: Path, orientation: int) -> Path:
    """What a camera writes that was held so: stored turned, to be shown as `pixels(0)`."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(0)).transpose(back[orientation]).save(path, exif=exif.tobytes())
    return path


def sixteen(path: Path) -> Path:
    """16 bits of grey whose upper 8 are `pixels(0)` of one channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(0)[..., 0].astype(np.uint16) * 256 + 77).save(path)
    return path


def half_transparent(path: Path) -> Path:
    """`pixels(0)`, its upper half fully transparent and black below."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.dstack([pixels(0), np.full(SIZE[::-1], 255, np.uint8)])
    image[: SIZE[1] // 2] = 0
    Image.fromarray(image).save(path)
    return path


def cut(path: Path) -> Path:
    """An image whose end is missing."""
    draw(path)
    path.write_bytes(path.read_bytes()[:-30])
    return path
