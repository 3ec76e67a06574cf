from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sweeps.words.vocabulary import NORMALIZERS, Normalizer, Option
from tests.trainers.normalizers.oracle import site
from trainers.layers.block import Block
from trainers.layers.linear import linear
from trainers.normalizers import Method, Site, build


class Doubled(Method):
    """w -> factor w; its gradients are clipped to `limit`."""

    def __init__(self, site: Site, *, factor: float, limit: float) -> None:
        super().__init__()
        self.factor, self.limit = factor, limit
        self.scale = nn.Parameter(torch.ones(site.replicas, 1, dtype=site.streams.dtype))

    def weight(self, w: Tensor) -> Tensor:
        return w * self.factor * self.scale.unsqueeze(-1)

    def project(self, named: dict[str, Tensor]) -> None:
        assert sorted(named) == ["scale", "weight"], "a part sees the layer's parameters and its own"
        named["scale"].clamp_(max=self.limit)


@pytest.fixture
def doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"factor": Option("float", 2.0), "limit": Option("float", 3.0)}
    entry = Normalizer(
        summary="", implementation="doubled:Doubled", points=frozenset({"weight", "project"}), options=options
    )
    monkeypatch.setitem(NORMALIZERS, "doubled", entry)
    module = type("module", (), {"Doubled": Doubled})
    monkeypatch.setitem(__import__("sys").modules, "trainers.normalizers.doubled", module)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("bn-frosen", {}, "unknown normalizer 'bn-frosen': did you mean bn-frozen"),
        ("vcl", {"m": 3}, "unknown option of vcl 'm'"),
        ("bn+brn", {}, "'bn' and 'brn' do not compose: both act at 'after'"),
        ("none+bn", {}, "'none' and 'bn' do not compose: one of them does nothing"),
        ("vcl+bn", {"kappa": 4.0}, r"unknown option of vcl\+bn 'kappa'"),
        ("bn", {"statistics": "populaton"}, "unknown value of bn's option statistics 'populaton': did you mean popula"),
        ("bn", {"affine": 1}, "bn's option affine is of kind bool, not 1"),
        ("gn", {"groups": 0}, "gn's option groups must be at least 1, not 0"),
        ("vcl", {"n": [2, 3]}, "vcl's option n has 2 values for 1 replicas: give one, or one for each"),
        ("vcl", {"n": [1]}, "vcl's option n must be at least 2, not 1"),
        ("vcl", {"n": True}, "vcl's option n is of kind int, not True"),
    ],
)
def test_what_is_refused(name: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build(name, site(4, 3), **options)


def test_options_left_out_take_the_defaults() -> None:
    assert build("vcl", site(4, 3)).factor.tolist() == [0.01]


@pytest.mark.usefixtures("doubled")
@pytest.mark.parametrize("name", ["doubled+bn", "bn+doubled"])
def test_a_composition_is_its_parts_at_their_points(name: str) -> None:
    place = site(4, 3, replicas=2)
    method = build(name, place, factor=0.5, limit=0.25, affine=False)
    weight = torch.arange(24, dtype=torch.float64).view(2, 3, 4).sin()
    block = Block(place, method, linear, None, weight=weight, bias=torch.zeros(2, 3, dtype=torch.float64))
    assert block.bias is None, "bn takes the layer's bias"
    assert [name for name, _ in method.named_parameters()] == ["parts.0.scale"], "parts in the order of their points"
    assert block.method.parts[0].scale.eq(0.25).all(), "projected at initialization"
    x = torch.arange(40, dtype=torch.float64).view(2, 5, 4).cos()
    expected = build("bn", place, affine=False).after(linear(x, 0.5 * 0.25 * weight, None))
    torch.testing.assert_close(block(x), expected, rtol=1e-12, atol=1e-12)


def test_a_composition_has_the_penalty_and_the_clipping_of_its_part() -> None:
    place = site(4, 3, replicas=2)
    method, alone = build("vcl+bn", place, n=2), build("vcl", place, n=2)
    u = torch.arange(30, dtype=torch.float64).view(2, 5, 3).sin()
    torch.testing.assert_close(method.penalty(u), alone.penalty(u))
    assert method.edits_gradients
    assert not build("bn", place).edits_gradients
    gradients = {
        "weight": torch.full((2, 3, 4), 10.0),
        "parts.1.beta": torch.ones(2, 3),
        "parts.0.gamma": torch.ones(2, 3),
    }
    names = [name for name, _ in method.named_parameters()]
    own = next(name for name in names if name.endswith("beta") and "parts.1" in name)
    method.gradients(gradients)
    norms = torch.stack([gradients["weight"].flatten(1).norm(dim=1), gradients[own].norm(dim=1)]).norm(dim=0)
    torch.testing.assert_close(norms, torch.ones(2))
    assert gradients["parts.0.gamma"].eq(1).all(), "the other part's gradients are left alone"


@pytest.mark.parametrize("name", ["cwo", "normprop", "vcl"])
def test_parameters_may_be_edited_outside_of_no_grad(name: str) -> None:
    method = build(name, site(4, 3))
    weight = nn.Parameter(torch.arange(12, dtype=torch.float64).view(1, 3, 4).cos())
    method.project({"weight": weight, **dict(method.named_parameters())})
    method.gradients({"weight": weight})
    assert weight.is_leaf
