"""Image files into bytes."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray


def decode(file: Path | BinaryIO) -> NDArray[np.uint8]:
    """An image file as (H, W, 3) bytes; grey, palette and CMYK images become RGB. ValueError for a torn file."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError) as error:  # Pillow raises SyntaxError for a broken PNG
        raise ValueError(f"{file if isinstance(file, Path) else 'the image'} cannot be decoded ({error})") from None
