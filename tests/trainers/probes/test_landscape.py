"""Gradients and the Hessian of a network written out, by `torch.autograd.functional`."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.trainers.factory import blobs, trial
from tests.trainers.probes.looking import probe, read, subject_of
from tests.trainers.trials import method
from trainers.probes.subject import Subject

DATA = blobs(n=120, features=4)
METHODS = {"none": method("none"), "bn": method("bn"), "ws": method("ws")}


def made(name: str) -> Subject:
    settings: dict[str, Any] = {"depth": 2, "width": 3, "precision": "float64", "normalizer": METHODS[name]}
    return subject_of([trial(DATA, seed=s, batch_size=12, **settings) for s in range(2)], DATA)


def loss(name: str, subject: Subject, r: int, x: Tensor, y: Tensor, flat: Tensor) -> Tensor:
    """Of replica r, from all that it learns in one vector, in the order of the network's parameters."""
    named = [(n, p.shape[1:]) for n, p in subject.network.named_parameters() if p.requires_grad]
    sizes = [shape.numel() for _, shape in named]
    p = {n: part.view(shape) for (n, shape), part in zip(named, flat.split(sizes), strict=True)}
    for layer in (0, 1):
        w = p[f"hidden.{layer}.weight"]
        if name == "ws":
            w = (w - w.mean(1, keepdim=True)) / (w.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
        x = x @ w.T
        if name == "bn":
            x = (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()
            x = p[f"hidden.{layer}.method.gamma"] * x + p[f"hidden.{layer}.method.beta"]
        else:
            x = x + p[f"hidden.{layer}.bias"]
        x = F.elu(x)
    return F.cross_entropy(x @ p["classifier.weight"].T + p["classifier.bias"], y)


def flattened(subject: Subject, r: int) -> Tensor:
    return torch.cat([p[r].detach().flatten() for p in subject.parameters])


@pytest.mark.parametrize("name", METHODS)
def test_the_largest_eigenvalue_is_the_hessian_s(name: str) -> None:
    subject = made(name)
    found, early = (read(probe("curvature", samples=30, iterations=n), subject) for n in (1000, 40))
    x, y = next(subject.drawn(1, 30))
    assert x.shape[1] == 30
    for r in range(2):
        hessian = torch.autograd.functional.hessian(partial(loss, name, subject, r, x[r], y[r]), flattened(subject, r))
        values = torch.linalg.eigvalsh(hessian)
        largest = values[values.abs().argmax()]
        assert found["eigenvalue", 0][r] == pytest.approx(largest.item(), rel=1e-4)
        assert found["residual", 0][r] < 1e-3
        assert found["lipschitz", 0][r] == pytest.approx(abs(largest.item()), rel=1e-4)
        assert early["lipschitz", 0][r] == pytest.approx(abs(largest.item()), rel=0.05)


@pytest.mark.parametrize("name", METHODS)
def test_the_variance_of_the_gradient_is_that_over_batches(name: str) -> None:
    subject = made(name)
    found = read(probe("gradient-variance", batches=5), subject)
    for r in range(2):
        gradients = torch.stack(
            [
                torch.autograd.functional.jacobian(partial(loss, name, subject, r, x[r], y[r]), flattened(subject, r))
                for x, y in subject.drawn(5, 12)
            ]
        )
        mean = gradients.mean(0)
        expected = (gradients - mean).square().sum(1).mean()
        assert found["variance", 0][r] == pytest.approx(expected.item(), rel=1e-9)
        assert found["square", 0][r] == pytest.approx(mean.square().sum().item(), rel=1e-9)
        assert found["relative", 0][r] == pytest.approx((expected / mean.square().sum()).item(), rel=1e-9)


def test_batches_are_drawn_without_replacement_and_anew_in_each_epoch() -> None:
    subject = made("none")
    assert subject.samples.train.shape[1] == 72
    drawn = torch.cat([x[0] for x, _ in subject.drawn(6, 12)])
    assert len({tuple(row.tolist()) for row in drawn}) == 72
    subject.streams.at(1, 0)
    other = torch.cat([x[0] for x, _ in subject.drawn(6, 12)])
    assert {tuple(row.tolist()) for row in other} == {tuple(row.tolist()) for row in drawn}
    assert not torch.equal(other, drawn)


def test_weights_and_gradients_of_reparametrized_ones() -> None:
    """CWO, Eq. 19: the gradient with respect to w is that with respect to ŵ, centred, less its part along ŵ, over σ."""
    subject = made("ws")
    found = read(probe("weights"), subject)
    x, y = next(subject.drawn(1, 12))
    for r in range(2):
        weights = [block.weight[r].detach() for block in subject.network.blocks]
        flat = flattened(subject, r).requires_grad_(True)
        gradient = torch.autograd.grad(loss("ws", subject, r, x[r], y[r], flat), flat)[0]
        names = [n for n, p in subject.network.named_parameters() if p.requires_grad]
        parts = gradient.split([p[0].numel() for p in subject.parameters])
        for layer, w in enumerate(weights, 1):
            assert found["norm", layer][r] == pytest.approx(w.norm(dim=1).mean().item())
            assert found["mean", layer][r] == pytest.approx(w.mean(1).abs().mean().item())
            used = (w - w.mean(1, keepdim=True)) / (w.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
            assert found["used-norm", layer][r] == pytest.approx(used.norm(dim=1).mean().item())
            mine = parts[names.index(f"hidden.{layer - 1}.weight")]
            assert found["gradient", layer][r] == pytest.approx(mine.norm().item(), rel=1e-9)
            assert found["used-gradient", layer][r] > 0
    # Halving w doubles the gradient and leaves that of the used weights: within the ε of the standardization.
    with torch.no_grad():
        for block in subject.network.blocks:
            block.weight.mul_(0.5)
    halved = read(probe("weights"), subject)
    for layer in (1, 2):
        torch.testing.assert_close(halved["gradient", layer], 2 * found["gradient", layer], rtol=1e-2, atol=0)
        torch.testing.assert_close(halved["used-gradient", layer], found["used-gradient", layer], rtol=1e-2, atol=0)
