"""Image files into bytes."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.images.conversion import FORMATS, Conversion, frames, kinds, rgb, shown_size

if TYPE_CHECKING:
    from PIL import Image

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the image
Frame = Callable[[int, int], Box]  # of the image's height and width

SHARE = 224 / 256  # of an image's shorter side that is seen at evaluation, as all have it who train on ImageNet
ENOUGH = 2  # pixels decoded for one that is kept, in each direction


def decode(file: Path | BinaryIO, conversion: Conversion | None = None) -> NDArray[np.uint8]:
    """An image file as (H, W, 3) bytes. Without a conversion grey, palette and CMYK become RGB by Pillow's own rule.

    UsageError for a torn file.
    """
    with _opened(file) as image:
        return np.asarray(rgb(image, conversion) if conversion else image.convert("RGB"))


def view(file: Path, side: int, frame: Frame, conversion: Conversion | None = None) -> NDArray[np.uint8]:
    """The frame of an image file resized to (side, side, 3) bytes, bilinear over all pixels that one covers.

    A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as `ENOUGH` pixels are left. UsageError for a torn
    file. `conversion`: as of `decode`.
    """
    from PIL import Image

    with _opened(file) as image:
        width, height = shown_size(image) if conversion else image.size
        left, top, right, bottom = frame(height, width)
        enough = ENOUGH * side
        wide, high = ceil(enough * width / (right - left)), ceil(enough * height / (bottom - top))
        image.draft(None, (wide, high) if image.size == (width, height) else (high, wide))
        made = rgb(image, conversion) if conversion else image.convert("RGB")
        x, y = made.size[0] / width, made.size[1] / height
        box = (left * x, top * y, min(right * x, made.size[0]), min(bottom * y, made.size[1]))
        return np.asarray(made.resize((side, side), Image.Resampling.BILINEAR, box=box))


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


def look(file: Path, content: bytes) -> tuple[list[str], int]:
    """The kinds of an image, of those with a rule of conversion, and how many frames it has.

    `content`: that of the file. UsageError for one that cannot be decoded to its end or has no rule.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(BytesIO(content), str(file)) as image:
            found = kinds(image), frames(image)
            image.draft(None, (1, 1))
            image.load()
            return found


@contextmanager
def _opened(file: Path | BinaryIO, name: str = "the image") -> Generator[Image.Image]:
    from PIL import Image, UnidentifiedImageError

    # What Pillow raises for broken files: SyntaxError for a PNG, struct.error and others deep in a format's reader.
    broken = (OSError, SyntaxError, ValueError, struct.error, IndexError, KeyError, EOFError, TypeError)
    try:
        with Image.open(file, formats=FORMATS) as image:
            yield image
    except (*broken, Image.DecompressionBombError) as error:
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "its content is no image of a format that is read" if unknown else str(error) or type(error).__name__
        raise UsageError(f"{file if isinstance(file, Path) else name} cannot be decoded ({reason})") from None
