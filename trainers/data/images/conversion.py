"""How a picture of any kind becomes RGB, as a viewer shows it."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sweeps.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

# Of each kind the revision of the rule that turns it into RGB: part of the digest of folders that hold such pictures.
REVISIONS = {"EXIF orientation": 1, "16 bits": 1, "alpha": 1, "palette": 1, "CMYK": 1, "grey": 1, "first frame": 1}
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "WEBP", "TIFF", "GIF", "PPM")
ORIENTATION = 0x0112  # the tag of EXIF and TIFF
PHOTOMETRY, WHITE_IS_ZERO = 0x0106, 0  # a tag of TIFF, which Pillow obeys for 8 bits alone
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
BROKEN_EXIF = (OSError, SyntaxError, ValueError, struct.error, IndexError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Conversion:
    """`background`: the colour that transparent pictures are put on, as Pillow names colours."""

    background: str = "white"


def check_background(colour: str) -> None:
    """UsageError unless it is a colour."""
    from PIL import ImageColor

    try:
        ImageColor.getrgb(colour)
    except ValueError:
        raise UsageError(f"--background {colour} is not a colour: use a name (white, grey) or #rrggbb") from None


def one_spelling(colour: str) -> str:
    """The same text for every way to write a colour: the first of its names, where it has one, else #rrggbb."""
    from PIL import ImageColor

    red, green, blue = ImageColor.getrgb(colour)[:3]
    names = (name for name in sorted(ImageColor.colormap) if ImageColor.getrgb(name) == (red, green, blue))
    return next(names, f"#{red:02x}{green:02x}{blue:02x}")


def shown_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an image that is not decoded yet, as it is shown."""
    width, height = image.size
    return (height, width) if _orientation(image) in SIDEWAYS else (width, height)


def rgb(image: Image.Image, conversion: Conversion) -> Image.Image:
    """The image in RGB: upright, 16 bits by their upper 8, transparency on the background.

    UsageError for pixels without a fixed range or without a rule.
    """
    from PIL import Image

    _check_mode(image)
    turn = _orientation(image)
    if image.mode.startswith("I"):
        bright = (np.asarray(image.convert("I")) >> 8).clip(0, 255).astype(np.uint8)
        dark_is_high = image.format == "TIFF" and image.getexif().get(PHOTOMETRY) == WHITE_IS_ZERO
        made = Image.fromarray(255 - bright if dark_is_high else bright).convert("RGB")
    elif _transparent(image):
        full = image.convert("RGBA")
        made = Image.new("RGB", full.size, conversion.background)
        made.paste(full, mask=full.getchannel("A"))
    else:
        made = image.convert("RGB")
    method = Image.Transpose
    turns = {
        2: method.FLIP_LEFT_RIGHT,
        3: method.ROTATE_180,
        4: method.FLIP_TOP_BOTTOM,
        5: method.TRANSPOSE,
        6: method.ROTATE_270,
        7: method.TRANSVERSE,
        8: method.ROTATE_90,
    }
    return made.transpose(turns[turn]) if turn in turns else made


def kinds(image: Image.Image) -> list[str]:
    """What of `REVISIONS` an image that is not decoded yet is. UsageError as of `rgb`, and for 12 bits, of which the
    upper 8 of 16 are nearly black."""
    _check_mode(image)
    stored = str(getattr(image, "tile", ())[:1])  # how the pixels lie in the file, which a mode does not say
    if ";12" in stored:
        raise UsageError("pixels of 12 bits have no rule: save it as RGB or grey with 8 or 16 bits")
    sixteen = image.format in ("PNG", "TIFF") and ";16" in stored
    holds = {
        "EXIF orientation": _tag(image) in range(2, 9),
        "16 bits": sixteen or image.mode.startswith("I"),
        "alpha": not image.mode.startswith("I") and _transparent(image),
        "palette": image.mode in ("P", "PA"),
        "CMYK": image.mode == "CMYK",
        "grey": image.mode in ("1", "L", "LA") or image.mode.startswith("I"),
        "first frame": frames(image) > 1,
    }
    return [kind for kind, held in holds.items() if held]


def frames(image: Image.Image) -> int:
    """How many frames or pages a file has; what a camera adds to a JPEG (MPO) is none."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def _transparent(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _orientation(image: Image.Image) -> int:
    """How the decoded image must still be turned, 1 to 8: Pillow itself turns a TIFF."""
    return 1 if image.format == "TIFF" else _tag(image)


def _tag(image: Image.Image) -> int:
    """The orientation that the file names, 1 where it names none that can be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = image.getexif().get(ORIENTATION, 1)
        except BROKEN_EXIF:
            return 1
    return found if isinstance(found, int) else 1


def _check_mode(image: Image.Image) -> None:
    deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    if not deep and image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"):
        raise UsageError(f"pixels of the kind {image.mode} have no rule: save it as RGB or grey with 8 or 16 bits")
