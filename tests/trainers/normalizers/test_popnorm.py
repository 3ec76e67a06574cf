from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainers.normalizers.oracle import Plain, agree, block, normal, site
from trainers.layers.block import Block

FORMS: dict[str, dict[str, str]] = {
    "both": {},
    "mean": {"parts": "mean"},
    "relative mean": {"parts": "mean", "shift": "relative"},
    "division": {"parts": "division"},
    "relative": {"shift": "relative"},
    "division first": {"order": "division-first"},
    "relative, division first": {"shift": "relative", "order": "division-first"},
    "l1": {"norm": "l1"},
    "l1 division": {"norm": "l1", "parts": "division"},
    "linf": {"norm": "linf"},
    "linf, division first": {"norm": "linf", "order": "division-first"},
    "mean, division first": {"parts": "mean", "order": "division-first"},
}


class Pop(Plain):
    """Eq. 11 and 12 and the variants of Remark 1, channel by channel."""

    def __init__(self, packed: Block, r: int, kappa: float, form: dict[str, str]) -> None:
        super().__init__(packed, r)
        self.kappa, self.form = kappa, form
        channels = self.site.in_channels
        self.mean, self.var, self.norm = [0.0] * channels, [1.0] * channels, [1.0] * channels

    def forward(self, x: Tensor) -> Tensor:
        steps = ["mean", "division"] if self.form.get("parts", "both") == "both" else [self.form["parts"]]
        if self.form.get("order") == "division-first":
            steps.reverse()
        columns: list[Tensor] = []
        for c, v in enumerate(x.unbind(dim=1)):
            if self.training:
                self.mean[c] += 0.1 * (v.mean().item() - self.mean[c])
                self.var[c] += 0.1 * (v.flatten().var().item() - self.var[c])
            # Of v as it is changed: at evaluation the mean that the running averages imply.
            mean = None if self.training else torch.tensor(self.mean[c], dtype=torch.float64)
            for step in steps:
                v, mean = (self.shifted if step == "mean" else self.divided)(v, c, mean)
            columns.append(v)
        return self.operate(torch.stack(columns, dim=1))

    def shifted(self, v: Tensor, c: int, mean: Tensor | None) -> tuple[Tensor, Tensor | None]:
        center = v.mean() if mean is None else mean
        change = -(1 + self.beta[c]) * center if self.form.get("shift") == "relative" else self.beta[c] - center
        return v + change, None if mean is None else mean + change

    def divided(self, v: Tensor, c: int, mean: Tensor | None) -> tuple[Tensor, Tensor | None]:
        norm = self.form.get("norm", "l2")
        if mean is not None:
            square = self.var[c] + mean**2 if norm == "l2" else self.norm[c] ** 2
        elif norm == "l2":
            square = v.square().mean()
        else:
            size = v.abs().mean() if norm == "l1" else v.abs().max()
            self.norm[c] += 0.1 * (size.item() - self.norm[c])
            square = size.square()
        factor = self.gamma[c] / (self.kappa * (square + 1e-5) ** 0.5)
        return factor * v, None if mean is None else factor * mean


@pytest.mark.oracle
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize(("replicas", "convolution"), [(1, False), (3, False), (1, True), (3, True)])
def test_it_is_the_papers_formula(replicas: int, convolution: bool, form: dict[str, str]) -> None:
    kappas = [4.0, 1.0, 16.0][:replicas]
    packed = block("popnorm", site(5, 4, replicas=replicas, convolution=convolution), kappa=kappas, **form)
    agree(packed, [Pop(packed, r, kappa, form) for r, kappa in enumerate(kappas)])


def test_kappa_is_four_and_the_layer_keeps_its_bias() -> None:
    packed = block("popnorm", site(5, 4))
    names = sorted(name for name, _ in packed.named_parameters())
    assert names == ["bias", "method.beta", "method.gamma", "weight"]
    x = packed.method.before(normal(1, 50, 5))
    torch.testing.assert_close(x.square().mean(dim=1).sqrt(), torch.full_like(x[:, 0], 0.25), rtol=1e-4, atol=0)


@pytest.mark.parametrize(("form", "names"), [("mean", ["beta"]), ("division", ["gamma"]), ("both", ["beta", "gamma"])])
def test_a_part_learns_its_own_parameter_alone(form: str, names: list[str]) -> None:
    assert sorted(name for name, _ in block("popnorm", site(5, 4), parts=form).method.named_parameters()) == names


def test_the_division_is_by_the_second_moment_after_the_shift() -> None:
    """Unlike in batch normalization, where it is by the standard deviation."""
    method: Any = block("popnorm", site(1, 1), kappa=1.0).method
    method.beta.data.fill_(2.0)
    x = torch.tensor([3.0, 5.0], dtype=torch.float64).view(1, 2, 1)
    expected = torch.tensor([1.0, 3.0], dtype=torch.float64) / (5 + 1e-5) ** 0.5
    torch.testing.assert_close(method.before(x).flatten(), expected)


def test_division_commutes_with_the_means_removal_at_the_start_but_for_the_norm() -> None:
    x = 5 + normal(1, 9, 5)
    first, last = (
        block("popnorm", site(5, 4), order=order).method.before(x) for order in ("division-first", "mean-first")
    )
    ratio = first / last
    torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio))
    assert (ratio < 0.5).all(), "x's own second moment is larger than its variance"
