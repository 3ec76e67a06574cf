import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sweeps.words.augmentations import AUGMENTATIONS
from sweeps.words.choice import Choice, OptionValue
from tests.trainers.trials import model, trial
from trainers.augment import Augmentation, build
from trainers.augment.crop import hole, window
from trainers.augment.policy import table
from trainers.data.dataset import assemble
from trainers.data.standardize import scale
from trainers.pack import PackTrainer
from trainers.seeding import Streams

SHAPES = {"rotate-jitter": (3, 16)}
IMAGES = np.random.default_rng(1).integers(0, 256, (40, 3, 12, 12)).astype(np.uint8)
DATA = assemble("made", IMAGES, np.arange(40) % 2, 2)
MEAN, STD = scale(DATA, DATA.split(0))


def augmentation(name: str, seeds: tuple[int, ...] = (1, 2), **options: OptionValue) -> Augmentation:
    entry = AUGMENTATIONS[name]
    assert options.keys() <= entry.options.keys()
    choice = Choice.of(name, {k: o.default for k, o in entry.options.items()} | options)
    trials = [trial(augment=choice, seed=seed) for seed in seeds]
    return build(trials, Streams(seeds, dtype=torch.float64), DATA)


def samples(replicas: int, batch: int = 6, shape: tuple[int, ...] = (3, 12, 12)) -> Tensor:
    """8-bit images, standardized as by the training part, the same for every replica."""
    x = torch.randint(0, 256, (1, batch, *shape), generator=torch.Generator().manual_seed(1)).double() / 255
    if len(shape) == 3:
        x = (x - torch.from_numpy(MEAN)) / torch.from_numpy(STD)
    return x.expand(replicas, *x.shape[1:])


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_replica_draws_the_same_in_any_pack_and_other_numbers_each_step(name: str) -> None:
    size: dict[str, OptionValue] = {"size": 8} if "size" in AUGMENTATIONS[name].options else {}
    shape = SHAPES.get(name, (3, 12, 12))
    packed, alone = augmentation(name, (1, 2), **size), augmentation(name, (2,), **size)
    steps: list[Tensor] = []
    for step in range(2):
        packed.streams.at(0, step)
        alone.streams.at(0, step)
        together = packed.training(samples(2, shape=shape))
        assert together.shape == (2, 6, *packed.shape(shape))
        assert torch.equal(together[1:], alone.training(samples(1, shape=shape)))
        steps.append(together)
        if name != "none":
            assert not torch.equal(together[0], together[1])
    assert torch.equal(*steps) == (name == "none")
    assert packed.evaluation(samples(2, shape=shape)).shape == (2, 6, *packed.shape(shape))


def test_crops_are_windows_of_the_padded_image_each_as_often() -> None:
    batch = 4000
    x = torch.arange(16.0, dtype=torch.float64).view(1, 1, 1, 4, 4).expand(2, batch, 3, 4, 4) + 1
    y = augmentation("pad-crop-flip", pad=1).training(x)
    padded = F.pad(x[0, 0, 0], (1,) * 4)
    seen = torch.zeros(2, 3, 3)
    for top in range(3):
        for left in range(3):
            part = padded[top : top + 4, left : left + 4]
            for flip in (0, 1):
                seen[flip, top, left] = (y[:, :, 0] == (part.flip(-1) if flip else part)).all(-1).all(-1).sum()
    assert seen.sum() == 2 * batch
    expected = 2 * batch / 18
    assert ((seen - expected) ** 2 / expected).sum() < 40.8  # chi-squared with 17 degrees: exceeded once in 1,000


def test_window_and_hole() -> None:
    x = torch.arange(2 * 3 * 20.0).view(1, 2, 3, 4, 5)
    top, left = torch.tensor([[1, 0]]), torch.tensor([[2, 1]])
    out = window(x, top, left, (2, 3), torch.tensor([[False, True]]))
    assert torch.equal(out[0, 0], x[0, 0, :, 1:3, 2:5])
    assert torch.equal(out[0, 1], x[0, 1, :, 0:2, 1:4].flip(-1))
    y = hole(torch.ones(1, 2, 1, 4, 5), torch.tensor([[0, 3]]), torch.tensor([[2, 4]]), 2)
    assert y[0, 0, 0].tolist() == [[1, 0, 0, 1, 1], *[[1] * 5] * 3]
    assert y[0, 1, 0].tolist() == [[1] * 5, [1] * 5, [1, 1, 1, 0, 0], [1, 1, 1, 0, 0]]


def test_evaluation_takes_the_centre() -> None:
    x = samples(2)
    assert torch.equal(augmentation("crop-flip", size=8).evaluation(x), x[..., 2:10, 2:10])
    assert torch.equal(augmentation("fastaa").evaluation(x), x)


def test_resized_crop_covers_the_share_of_the_area_that_it_drew() -> None:
    # On a plane, bilinear sampling is exact, so that corners tell the rectangle.
    side, n = 64, 2000
    ramp = torch.arange(side, dtype=torch.float64) + 0.5
    x = torch.stack([ramp.view(1, -1).expand(side, side), ramp.view(-1, 1).expand(side, side)]).expand(1, n, 2, -1, -1)
    y = augmentation("resized-crop", (1,), size=16, least=0.25).training(x)[0]
    width, height = ((y[:, i, -1, -1] - y[:, i, 0, 0]).abs() * 16 / 15 for i in (0, 1))
    inside = (y[:, 0].amin(dim=(1, 2)) > 1) & (y[:, 0].amax(dim=(1, 2)) < side - 1)  # away from the border's clamping
    inside &= (y[:, 1].amin(dim=(1, 2)) > 1) & (y[:, 1].amax(dim=(1, 2)) < side - 1)
    area, ratio = (width * height)[inside] / side**2, (width / height)[inside]
    assert area.min() > 0.24
    assert area.max() < 1.01
    assert ratio.min() > 0.72
    assert ratio.max() < 1.39
    assert (y[:, 0, 0, 0] > y[:, 0, 0, -1]).double().mean().item() == pytest.approx(0.5, abs=0.05)


def test_the_published_policy_is_whole() -> None:
    policy = table()
    assert policy.shape == (493, 2, 3)
    assert policy[..., 1].min() >= 0
    assert policy[..., 1].max() <= 1
    contrast, translate = policy[0]
    assert contrast[2] == pytest.approx(0.1 + 0.49884310562180767 * 1.8)
    assert translate[2] == pytest.approx(-0.45 + 0.394023086494538 * 0.9)


def test_fast_autoaugment_leaves_8_bit_images() -> None:
    y = augmentation("fastaa", pad=0, cutout=0).training(samples(2, 200))
    levels = (y * torch.from_numpy(STD) + torch.from_numpy(MEAN)) * 255
    torch.testing.assert_close(levels, levels.round(), atol=1e-9, rtol=0)
    assert levels.min() >= -1e-9
    assert levels.max() <= 255 + 1e-9


def test_a_pack_trains_on_augmented_samples_and_evaluates_the_centre() -> None:
    size: dict[str, OptionValue] = {"size": 8}
    shared = {"digest": DATA.facts.digest, "model": model("cnn9", width=0.05), "seed": 1}
    trainer = PackTrainer([trial(**shared, augment=Choice.of("crop-flip", size))], DATA)
    seen: list[Tensor] = []
    trainer.network.blocks[0].observer = seen.append
    trainer.advance(1e9)
    assert {tuple(u.shape[3:]) for u in seen} == {(8, 8)}
    assert trainer.rows()[0]["state"] == "done"


def test_clouds_turn_about_the_up_axis() -> None:
    x = samples(2, shape=(3, 16))
    y = augmentation("rotate-jitter", jitter=0.0).training(x)
    torch.testing.assert_close(y[:, :, 1], x[:, :, 1])
    torch.testing.assert_close(y.square().sum(dim=2), x.square().sum(dim=2))
    noise = augmentation("rotate-jitter", jitter=0.01).training(x) - y
    assert noise.std().item() == pytest.approx(0.01, rel=0.1)
    turned = torch.atan2(y[0, :, 2, 0], y[0, :, 0, 0]) - torch.atan2(x[0, :, 2, 0], x[0, :, 0, 0])
    assert len({round(a % (2 * math.pi), 6) for a in turned.tolist()}) == 6


@pytest.mark.parametrize(
    ("name", "shape", "sentence"),
    [
        ("flip", (14,), "takes images"),
        ("crop-flip", (3, 32, 32), "at least 224 × 224"),
        ("fastaa", (1, 28, 28), "three colours"),
        ("rotate-jitter", (3, 32, 32), "takes clouds"),
    ],
)
def test_samples_that_do_not_fit_are_refused(name: str, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        augmentation(name).shape(shape)


def test_an_unknown_augmentation_is_refused() -> None:
    with pytest.raises(ValueError, match="'cutmix'"):
        build([trial(augment=Choice("cutmix"))], Streams([0]), DATA)
