"""The points of a vocabulary entry are those whose hooks its class overrides: compositions are decided by them."""

from __future__ import annotations

import pytest

from sweeps.words.composition import POINTS
from sweeps.words.vocabulary import NORMALIZERS
from trainers.normalizers.build import class_of
from trainers.normalizers.points import HOOKS, POINT_OF, points


def test_every_hook_belongs_to_a_point() -> None:
    assert {POINT_OF.get(hook, hook) for hook in HOOKS} == set(POINTS)


@pytest.mark.parametrize("name", NORMALIZERS)
def test_the_points_are_those_of_the_hooks_that_the_class_overrides(name: str) -> None:
    assert NORMALIZERS[name].points == points(class_of(name))
