"""The points of a vocabulary entry are those whose hooks its class overrides: compositions are decided by them."""

from __future__ import annotations

from importlib import import_module

import pytest

from sweeps.words.composition import POINTS
from sweeps.words.vocabulary import NORMALIZERS
from trainers.normalizers import Method

CONSTRUCTION = {"attach", "start", "end_branch"}  # told to every part of a composition: no points of training
HOOKS = {name for name, member in vars(Method).items() if callable(member) and name[0] != "_"} - CONSTRUCTION
POINT_OF = {"calibrate_input": "input", "gradient_scale": "gradients"}  # every other point is named as its hook


def test_every_hook_belongs_to_a_point() -> None:
    assert {POINT_OF.get(hook, hook) for hook in HOOKS} == set(POINTS)


@pytest.mark.parametrize("name", NORMALIZERS)
def test_the_points_are_those_of_the_hooks_that_the_class_overrides(name: str) -> None:
    module, _, implementation = NORMALIZERS[name].implementation.partition(":")
    method = getattr(import_module(f"trainers.normalizers.{module}"), implementation)
    overridden = {hook for hook in HOOKS if getattr(method, hook) is not getattr(Method, hook)}
    assert NORMALIZERS[name].points == {POINT_OF.get(hook, hook) for hook in overridden}
