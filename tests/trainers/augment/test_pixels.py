import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from torch import Tensor

from trainers.augment import pixels
from trainers.augment.policy import OPERATIONS, apply


def _affine(image: Image.Image, *matrix: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


PILLOW = {
    "shearx": lambda i, v: _affine(i, 1, v, 0, 0, 1, 0),
    "sheary": lambda i, v: _affine(i, 1, 0, 0, v, 1, 0),
    "translatex": lambda i, v: _affine(i, 1, 0, v * i.width, 0, 1, 0),
    "translatey": lambda i, v: _affine(i, 1, 0, 0, 0, 1, v * i.height),
    "rotate": lambda i, v: i.rotate(v),
    "autocontrast": lambda i, _: ImageOps.autocontrast(i),
    "invert": lambda i, _: ImageOps.invert(i),
    "equalize": lambda i, _: ImageOps.equalize(i),
    "solarize": lambda i, v: ImageOps.solarize(i, v),
    "posterize": lambda i, v: ImageOps.posterize(i, int(v)),
    "contrast": lambda i, v: ImageEnhance.Contrast(i).enhance(v),
    "color": lambda i, v: ImageEnhance.Color(i).enhance(v),
    "brightness": lambda i, v: ImageEnhance.Brightness(i).enhance(v),
    "sharpness": lambda i, v: ImageEnhance.Sharpness(i).enhance(v),
}


def pictures(n: int, seed: int = 1) -> np.ndarray:
    """Smooth and rough, wide and narrow in range, two of them constant or nearly so: (n, 32, 32, 3)."""
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 256, (n, 32, 32, 3))
    ramp = np.linspace(0, 1, 32)[None, :, None, None] * rng.integers(20, 256, (n, 1, 1, 3))
    mixed = np.where(rng.random((n, 1, 1, 1)) < 0.5, rough, ramp + rough / 16).clip(0, 255).astype(np.uint8)
    mixed[0] = 77
    mixed[1, :, :16] = 200
    return mixed


def tensor(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).to(torch.float32)


@pytest.mark.parametrize("name", PILLOW)
def test_operation_is_pillows(name: str) -> None:
    function, low, high = OPERATIONS[name]
    images = pictures(60)
    magnitudes = np.random.default_rng(2).uniform(low, high, len(images))
    magnitudes[:3] = low, high, (low + high) / 2
    found = function(tensor(images), torch.from_numpy(magnitudes))
    for image, v, result in zip(images, magnitudes, found, strict=True):
        expected = np.asarray(PILLOW[name](Image.fromarray(image), float(v)))
        np.testing.assert_array_equal(result.permute(1, 2, 0).numpy(), expected)


def test_every_operation_is_tested() -> None:
    assert PILLOW.keys() == OPERATIONS.keys()


def test_cutout_is_pillows_rectangle() -> None:
    images = pictures(40)
    rng = np.random.default_rng(3)
    v, column, row = rng.uniform(0, 0.2, 40), rng.random(40), rng.random(40)
    v[0] = 0.0
    found = pixels.cutout(tensor(images), *(torch.from_numpy(a) for a in (v, column, row)))
    for i, image in enumerate(images):
        expected = Image.fromarray(image)
        if v[i] > 0:
            side = v[i] * 32
            x0, y0 = (int(max(0, place * 32 - side / 2)) for place in (column[i], row[i]))
            box = (x0, y0, min(32, x0 + side), min(32, y0 + side))
            ImageDraw.Draw(expected).rectangle(box, (125, 123, 114))
        np.testing.assert_array_equal(found[i].permute(1, 2, 0).numpy(), np.asarray(expected))


def test_each_image_gets_its_own_pair_of_operations() -> None:
    # Pair 0 inverts always, then never; pair 1 never, then translates by a quarter.
    never, always = 0.0, 1.0
    invert, translate = list(OPERATIONS).index("invert"), list(OPERATIONS).index("translatex")
    policy = torch.tensor([[[invert, always, 0], [invert, never, 0]], [[invert, never, 0], [translate, always, 0.25]]])
    x = tensor(pictures(4))
    draws = torch.full((4, 9), 0.4)
    draws[:, 0] = torch.tensor([0.0, 0.49, 0.5, 0.99])
    draws[3, 6] = 0.6  # turns the sign
    found = apply(x, policy.double(), draws.double())
    assert torch.equal(found[:2], 255 - x[:2])
    assert torch.equal(found[2, ..., :24], x[2, ..., 8:])
    assert torch.equal(found[3, ..., 8:], x[3, ..., :24])
    assert found[2, ..., 24:].abs().sum() == found[3, ..., :8].abs().sum() == 0
