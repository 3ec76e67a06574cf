"""The first epoch's loss curve against a plain `torch.nn` loop that is fed the same random numbers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sweeps.trial import Trial
from tests.trainers.factory import blobs, trial
from tests.trainers.trials import activation, method
from trainers.pack import PackTrainer
from trainers.seeding import Streams

DATA = blobs(n=700, features=7)  # 21 steps of 20
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def plain_losses(t: Trial) -> list[float]:
    """One network, written with torch.nn alone; only the random numbers come from the trial's streams."""
    streams = Streams([t.seed], dtype=torch.float64)
    split, classes, hidden = DATA.split(t.split), DATA.facts.classes, t.depth
    raw = torch.from_numpy(DATA.x)
    train_x, train_y = raw[split.train].double(), torch.from_numpy(DATA.y[split.train])
    mean, std = train_x.mean(dim=0).float(), train_x.std(dim=0).float()
    x = ((raw[split.train] - mean) * (1 / std)).double()

    sizes = [DATA.x.shape[1], *[t.width] * hidden, classes]
    bn = t.normalizer.name == "bn"
    linears = [nn.Linear(i, o, bias=not bn or k == hidden).double() for k, (i, o) in enumerate(pairwise(sizes))]
    norms = [nn.BatchNorm1d(t.width).double() if bn else nn.Identity() for _ in range(hidden)]
    for k, linear in enumerate(linears):
        variance = {"he": 2.0, "lecun": 1.0}[t.init] / linear.in_features
        linear.weight.data = streams.initial(k + 1, tuple(linear.weight.shape))[0] * variance**0.5
        if linear.bias is not None:
            linear.bias.data.zero_()
    betas = [torch.ones(t.width, dtype=torch.float64, requires_grad=True) for _ in range(hidden)]
    act = {"elu": nn.ELU(), "selu": nn.SELU(), "relu": nn.ReLU()}[t.activation.name]
    parameters = [p for module in (*linears, *norms) for p in module.parameters()]
    if t.normalizer.name == "vcl":
        parameters += betas
    optimizer = torch.optim.SGD(parameters, lr=t.lr, momentum=t.momentum)

    order = streams.order(len(x))[0]
    losses: list[float] = []
    for step in range(len(x) // t.batch_size):
        streams.at(0, step)
        batch = order[step * t.batch_size : (step + 1) * t.batch_size]
        h, penalty = x[batch], torch.zeros((), dtype=torch.float64)
        for k in range(hidden):
            u = norms[k](linears[k](h))
            if t.normalizer.name == "vcl":
                n, weight = t.normalizer["n"], t.normalizer["weight"]
                first, second = u[:n].var(dim=0), u[n : 2 * n].var(dim=0)
                penalty = penalty + weight * ((1 - first / (second + betas[k])) ** 2).mean()
            h = act(u)
            if t.alpha_dropout:
                h = alpha_dropout(h, streams.uniform("dropout", k + 1, tuple(h.shape))[0], t.alpha_dropout)
        if t.dropout:
            kept = streams.uniform("dropout", hidden + 1, tuple(h.shape))[0] >= t.dropout
            h = h * kept / (1 - t.dropout)
        loss = nn.functional.cross_entropy(linears[hidden](h), train_y[batch])
        optimizer.zero_grad()
        (loss + penalty).backward()
        if t.normalizer.name == "vcl":
            for k in range(hidden):
                clip([*linears[k].parameters(), betas[k]])
        optimizer.step()
        for beta in betas:
            beta.data.clamp_(min=1e-3)
        losses.append(loss.item())
    return losses


def clip(layer: list[Tensor]) -> None:
    """To the norm 1; torch's own adds 1e-6 to the norm."""
    norm = torch.cat([p.grad.flatten() for p in layer if p.grad is not None]).norm()
    for p in layer:
        assert p.grad is not None
        p.grad /= norm.clamp(min=1.0)


def alpha_dropout(h: Tensor, uniform: Tensor, p: float) -> Tensor:
    """Klambauer et al. 2017, section 3: dropped units take selu's lower limit, then mean and variance are restored."""
    low, q = -SELU_SCALE * SELU_ALPHA, 1 - p
    dropped = torch.where(uniform >= p, h, torch.full_like(h, low))
    a = (q + low**2 * q * p) ** -0.5
    return a * dropped - a * p * low


def packed_losses(trials: list[Trial]) -> list[list[float]]:
    """Each step's loss, as the differences of the epoch's running sum."""
    trainer = PackTrainer(trials, DATA)
    sums = [torch.zeros(len(trials), dtype=torch.float64)]
    for _ in range(DATA.facts.splits[0].train // 20 - 1):
        trainer.advance(0.0)
        sums.append(trainer.state_dict()["loss_sums"].clone())
    steps = torch.stack(sums).diff(dim=0)
    trainer.advance(0.0)  # the epoch's last step, whose loss is known from the mean
    columns: list[list[float]] = []
    for i, row in enumerate(trainer.rows()):
        r = trainer.trials.index(trials[i])
        curve = row["curve_train_loss"]
        assert isinstance(curve, list)
        total = curve[0] * (len(steps) + 1)
        columns.append([*steps[:, r].tolist(), total - float(sums[-1][r])])
    return columns


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "dropout": {"dropout": 0.5, "activation": activation("relu")},
    "alpha-dropout": {"alpha_dropout": 0.05, "activation": activation("selu"), "init": "lecun"},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", [method("none"), method("bn"), method("vcl", n=8, weight=0.1)], ids=str)
def test_losses_of_the_first_epoch(name: Any, case: str) -> None:
    trials = [
        trial(
            DATA, **({"normalizer": name, "precision": "float64", "seed": seed, "epochs": 1, "lr": 0.1} | CASES[case])
        )
        for seed in (3, 0)
    ]
    for ours, t in zip(packed_losses(trials), trials, strict=True):
        assert ours == pytest.approx(plain_losses(t), rel=1e-10)
