"""Data sets without a download, against what the rules and the published files say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainers import data
from trainers.data.making import drawn, embedded

DIGESTS = {
    "optical-test": "c41bf8fc45580671",
    "wine": "47c2867f3d98307f",
    "breast_cancer": "3ed34bea956a5cd0",
    "iris": "904748e512e44ede",
    "waveform-generated": "514b2b0afff52c8e",
    "waveform-noise-generated": "d8168dca6b8673a9",
    "twonorm-generated": "59998e205921b6d8",
    "ringnorm-generated": "b16b9d27467fa9c3",
    "led-display-generated": "6fe3fa96b0660797",
    "shapes-generated": "c3b37a97837dd42f",
    "clouds-generated": "e3fd147367a1ca96",
    "stars-generated": "1d20f4cf941f575b",
    "gaussians-generated": "84d3eb2b689cb02d",
    "titanic": "6e764e9b00d1339a",
}


@pytest.mark.parametrize(("name", "digest"), DIGESTS.items())
def test_content_never_changes(name: str, digest: str, home: Path) -> None:
    listing, found = data.lookup(name), data.facts(name)
    assert found.digest[:16] == digest
    assert (found.n, found.shape, found.classes) == (listing.n, listing.shape, listing.classes)
    assert found.seeded


def test_titanic_is_the_published_file_row_by_row(real: Path) -> None:
    x, y = embedded.titanic()
    published = data.load("titanic")
    assert np.array_equal(x, published.x)
    assert np.array_equal(y, published.y)


def test_digits_are_the_test_part_of_optical(real: Path) -> None:
    published, digits = data.load("optical"), data.load("optical-test")
    assert np.array_equal(published.y[3823:], digits.y)
    for j in range(62):
        levels, first = np.unique(digits.x[:, j], return_index=True)
        column = published.x[3823:, j]
        assert np.array_equal(column, column[first][np.searchsorted(levels, digits.x[:, j])])  # one figure a level
        assert (np.diff(column[first]) > 0).all()


def test_twonorm_and_ringnorm_have_breimans_moments(home: Path) -> None:
    a = 2 / np.sqrt(20)
    for name, means, deviations in (("twonorm", (a, -a), (1, 1)), ("ringnorm", (0, a), (2, 1))):
        made = data.load(f"{name}-generated")
        for label in (0, 1):
            own = made.x[made.y == label].astype(np.float64)
            error = 5 * deviations[label] / np.sqrt(own.size)
            assert own.mean() == pytest.approx(means[label], abs=error)
            assert own.std() == pytest.approx(deviations[label], abs=error)
            assert np.abs(np.corrcoef(own.T) - np.eye(20)).max() < 5 / np.sqrt(len(own))
            assert len(own) == pytest.approx(3700, abs=5 * np.sqrt(7400) / 2)


def test_twonorm_has_breimans_bayes_error(home: Path) -> None:
    made = data.load("twonorm-generated")
    wrong = (made.x.sum(axis=1) < 0) != (made.y == 1)
    assert wrong.mean() == pytest.approx(0.0228, abs=0.005)  # Phi(-2) = 2.3 % (Breiman 1996)


def test_ringnorm_has_breimans_bayes_error(home: Path) -> None:
    made = data.load("ringnorm-generated")
    x = made.x.astype(np.float64)
    wide = -(x**2).sum(axis=1) / 8 - 20 * np.log(2)
    narrow = -((x - 2 / np.sqrt(20)) ** 2).sum(axis=1) / 2
    assert ((narrow > wide) != (made.y == 1)).mean() == pytest.approx(0.013, abs=0.005)  # 1.3 % (Breiman 1996)


@pytest.mark.parametrize("name", ["waveform", "waveform-noise"])
def test_waves_are_like_the_published_ones(name: str, real: Path) -> None:
    published, made = data.load(name), data.load(f"{name}-generated")
    ours = embedded.as_published(made.x.astype(np.float64))
    for label in range(3):
        theirs = published.x[published.y == label]
        assert ours[made.y == label].mean(axis=0) == pytest.approx(theirs.mean(axis=0), abs=0.13)
        assert ours[made.y == label].std(axis=0) == pytest.approx(theirs.std(axis=0), abs=0.1)


def test_display_lines_are_like_the_published_ones_and_wrong_in_a_tenth(real: Path) -> None:
    published, made = data.load("led-display"), data.load("led-display-generated")
    for label in range(10):
        ours = made.x[made.y == label].mean(axis=0) > 0.5
        assert np.array_equal(ours, (published.x[published.y == label] > 0).mean(axis=0) > 0.5)
        assert (made.x[made.y == label] != ours).mean() == pytest.approx(0.1, abs=0.06)


def test_the_global_generator_does_not_matter(home: Path) -> None:
    before = data.load("twonorm-generated").facts.digest
    np.random.seed(1)  # noqa: NPY002
    assert data.load("twonorm-generated").facts.digest == before


def test_a_shape_stands_out_from_its_ground_wherever_it_is(home: Path) -> None:
    made = data.load("shapes-generated")
    assert made.x.dtype == np.uint8
    images = made.x.astype(np.int64)
    corner = images[:, :, 0, 0]
    apart = (np.abs(images - corner[:, :, None, None]) > 64 - 2 * drawn.NOISE).all(axis=1)
    share = {name: apart[made.y == i].mean() for i, name in enumerate(drawn.SHAPES)}
    assert min(share.values()) > 0.05
    assert share["square"] > share["disc"] > share["ring"]
    bars, stripes = (apart[made.y == drawn.SHAPES.index(name)] for name in ("bars", "stripes"))
    assert bars.any(axis=2).mean() < stripes.any(axis=2).mean()  # rows that hold any of it


def test_clouds_are_the_bodies_they_are_named_for(home: Path) -> None:
    made = data.load("clouds-generated")
    sphere, cube, disc, rod = (made.x[made.y == i].astype(np.float64) for i in range(4))
    assert np.linalg.norm(sphere, axis=1) == pytest.approx(np.ones((len(sphere), drawn.POINTS)), abs=1e-5)
    assert np.linalg.norm(cube, axis=1).max() == pytest.approx(np.sqrt(3), abs=0.1)
    assert np.abs(np.linalg.det(disc[:, [0, 2], :2])).max() < 1e-5  # upright: seen from above a line
    assert np.hypot(rod[:, 0], rod[:, 2]).max() < 0.1 * np.sqrt(2) + 1e-5
