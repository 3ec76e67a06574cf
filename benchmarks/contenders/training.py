"""A training of one trial as one writes it with torch.nn, for `sweep.py`: mlps with none, bn or vcl."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU, "selu": nn.SELU}
Settings = dict[str, Any]


class Mlp(nn.Module):
    """Maps (B, features) to logits (B, classes) and vcl's penalty."""

    def __init__(self, settings: Settings, features: int, classes: int) -> None:
        super().__init__()
        self.method = settings["normalizer"]
        sizes = [features, *[settings["width"]] * settings["depth"]]
        bn = self.method["name"] == "bn"
        self.linears = nn.ModuleList(nn.Linear(i, o, bias=not bn) for i, o in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm1d(o) if bn else nn.Identity() for o in sizes[1:])
        vcl = self.method["name"] == "vcl"
        self.betas = nn.ParameterList(torch.ones(o) for o in sizes[1:]) if vcl else None
        self.activation = ACTIVATIONS[settings["activation"]["name"]]()
        self.alpha_dropout = nn.AlphaDropout(settings["alpha_dropout"])
        self.dropout = nn.Dropout(settings["dropout"])
        self.classifier = nn.Linear(sizes[-1], classes)
        for linear in (*self.linears, self.classifier):
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu" if settings["init"] == "he" else "linear")
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | float]:
        penalty: Tensor | float = 0.0
        for i, (linear, norm) in enumerate(zip(self.linears, self.norms, strict=True)):
            u = norm(linear(x))
            if self.betas is not None and self.training:
                n, weight = self.method["options"]["n"], self.method["options"]["weight"]
                ratio = u[:n].var(dim=0) / (u[n : 2 * n].var(dim=0) + self.betas[i])
                penalty = penalty + weight * (1 - ratio).square().mean()
            x = self.alpha_dropout(self.activation(u))
        return self.classifier(self.dropout(x)), penalty

    def layers(self) -> Iterator[list[Tensor]]:
        """What vcl clips together."""
        for linear, beta in zip(self.linears, self.betas or (), strict=True):
            yield [*linear.parameters(), beta]


@cache
def arrays(file: Path) -> dict[str, Tensor]:
    """`x`, `y`, and the rows of `train`, `validation` and `test`."""
    return {name: torch.from_numpy(array) for name, array in np.load(file).items()}


def epochs(settings: Settings, folder: Path) -> Iterator[dict[str, float]]:
    """Trains a trial; yields the errors on the validation and the test part after each epoch."""
    torch.manual_seed(settings["seed"])
    data = arrays(folder / f"{settings['dataset']}.npz")
    x, y = data["x"][data["train"]], data["y"][data["train"]]
    network = Mlp(settings, x.shape[1], int(data["y"].max()) + 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=settings["lr"])
    step = settings["schedule"]["options"]
    rates = torch.optim.lr_scheduler.MultiStepLR(optimizer, step["at"], step["factor"])
    size = settings["batch_size"]
    for _ in range(settings["epochs"]):
        network.train()
        order = torch.randperm(len(x))
        for batch in order[: len(x) // size * size].split(size):
            logits, penalty = network(x[batch])
            loss = F.cross_entropy(logits, y[batch]) + penalty
            optimizer.zero_grad()
            loss.backward()
            if network.betas is not None:
                for layer in network.layers():
                    nn.utils.clip_grad_norm_(layer, 1.0)
            optimizer.step()
            if network.betas is not None:
                with torch.no_grad():
                    for beta in network.betas:
                        beta.clamp_(min=1e-3)
        rates.step()
        network.eval()
        with torch.no_grad():
            yield {f"{part}_error": _error(network, data, part) for part in ("validation", "test")}


def selected(curve: list[dict[str, float]], smoothing: int) -> float:
    """The test error at the epoch with the lowest validation error, a trailing mean over `smoothing` epochs."""
    validation = [each["validation_error"] for each in curve]
    means = [np.mean(validation[max(0, i + 1 - smoothing) : i + 1]) for i in range(len(validation))]
    return curve[int(np.argmin(means))]["test_error"]


def _error(network: Mlp, data: dict[str, Tensor], part: str) -> float:
    logits, _ = network(data["x"][data[part]])
    return (logits.argmax(dim=1) != data["y"][data[part]]).float().mean().item()
