"""Image files into bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the image
Frame = Callable[[int, int], Box]  # of the image's height and width

SHARE = 224 / 256  # of an image's shorter side that is seen at evaluation, as all have it who train on ImageNet
ENOUGH = 2  # pixels decoded for one that is kept, in each direction


def decode(file: Path | BinaryIO) -> NDArray[np.uint8]:
    """An image file as (H, W, 3) bytes; grey, palette and CMYK images become RGB. UsageError for a torn file."""
    with _opened(file) as image:
        return np.asarray(image.convert("RGB"))


def view(file: Path, side: int, frame: Frame) -> NDArray[np.uint8]:
    """The frame of an image file resized to (side, side, 3) bytes, bilinear over all pixels that one covers.

    A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as `ENOUGH` pixels are left. UsageError for a torn
    file.
    """
    from PIL import Image

    with _opened(file) as image:
        width, height = image.size
        left, top, right, bottom = frame(height, width)
        enough = ENOUGH * side
        image.draft(None, (ceil(enough * width / (right - left)), ceil(enough * height / (bottom - top))))
        x, y = image.size[0] / width, image.size[1] / height
        box = (left * x, top * y, min(right * x, image.size[0]), min(bottom * y, image.size[1]))
        return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR, box=box))


def centre(height: int, width: int) -> Box:
    """The square in the middle that has `SHARE` of the shorter side."""
    side = SHARE * min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def check(file: Path) -> None:
    """UsageError unless the file is an image that can be decoded to its end."""
    with _opened(file) as image:
        image.draft(None, (1, 1))  # of a JPEG all bytes are read, few pixels made
        image.load()


@contextmanager
def _opened(file: Path | BinaryIO) -> Generator[Image.Image]:
    from PIL import Image

    # What Pillow raises for broken files: SyntaxError for a PNG, struct.error and others deep in a format's reader.
    broken = (OSError, SyntaxError, UsageError, struct.error, IndexError, KeyError, Image.DecompressionBombError)
    try:
        with Image.open(file) as image:
            yield image
    except broken as error:
        raise UsageError(f"{file if isinstance(file, Path) else 'the image'} cannot be decoded ({error})") from None
