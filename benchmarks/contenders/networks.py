"""The mlp of each method as one writes it with torch.nn, of one replica; `edit` and `project` also of several."""

from __future__ import annotations

from itertools import count
from math import pi, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

EPS, MOMENTUM = 1e-5, 0.1
N, GAMMA = 10, 0.01  # of vcl
LEAST_BETA = 1e-3
KAPPA = 4.0  # of popnorm
RADIUS = sqrt(2)  # of cwo
MEAN, DEVIATION = 1 / sqrt(2 * pi), sqrt((1 - 1 / pi) / 2)  # of relu(z), for normprop

Arrays = dict[str, NDArray[Any]]


class Layer(nn.Module):
    """relu(W x + b), and no normalizer."""

    def __init__(self, learned: dict[str, Tensor], sigma: float) -> None:
        super().__init__()
        self.register_parameter("bias", None)
        for name, start in learned.items():
            setattr(self, name, nn.Parameter(start.clone()))
        self.sigma = sigma
        self.buffers_of(*learned["weight"].shape)

    def buffers_of(self, outputs: int, inputs: int) -> None:
        pass

    def forward(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return F.relu(F.linear(x, self.weight, self.bias)), None


class BatchNorm(Layer):
    def buffers_of(self, outputs: int, inputs: int) -> None:
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("var", torch.ones(outputs))

    def forward(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        u = F.linear(x, self.weight)
        return F.relu(F.batch_norm(u, self.mean, self.var, self.gamma, self.beta, True, MOMENTUM, EPS)), None


class LayerNorm(Layer):
    def forward(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        u = F.linear(x, self.weight)
        return F.relu(F.layer_norm(u, self.gamma.shape, self.gamma, self.beta, EPS)), None


class VarianceConstancy(Layer):
    def forward(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        u = F.linear(x, self.weight, self.bias)
        ratio = u[:N].var(dim=0) / (u[N : 2 * N].var(dim=0) + self.beta)
        return F.relu(u), GAMMA * (1 - ratio).square().mean()


class PopNorm(Layer):
    def buffers_of(self, outputs: int, inputs: int) -> None:
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("var", torch.ones(inputs))

    def forward(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        mean = x.mean(dim=0)
        shifted = x - mean + self.beta
        square = shifted.square().mean(dim=0)
        with torch.no_grad():
            var = (square - self.beta.square()) * (len(x) / (len(x) - 1))
            self.mean.mul_(1 - MOMENTUM).add_(mean, alpha=MOMENTUM)
            self.var.mul_(1 - MOMENTUM).add_(var, alpha=MOMENTUM)
        x = shifted * (self.gamma / (KAPPA * (square + EPS).sqrt()))
        return F.relu(F.linear(x, self.weight, self.bias)), None


class ConstrainedWeights(Layer):
    def forward(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        assert noise is not None
        scale = self.gamma * (1 + self.sigma * noise)
        return F.relu(torch.addcmul(self.beta, F.linear(x, self.weight), scale)), None


class NormProp(Layer):
    def forward(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        w = self.weight / torch.linalg.vector_norm(self.weight, dim=1, keepdim=True)
        u = torch.addcmul(self.beta, F.linear(x, w), self.gamma)
        return (F.relu(u) - MEAN) * (1 / DEVIATION), None


LAYERS: dict[str, type[Layer]] = {
    "none": Layer,
    "bn": BatchNorm,
    "ln": LayerNorm,
    "vcl": VarianceConstancy,
    "popnorm": PopNorm,
    "cwo": ConstrainedWeights,
    "normprop": NormProp,
}


class Network(nn.Module):
    """Hidden layers and a classifier: (B, features) → logits (B, classes) and the sum of penalties."""

    def __init__(self, method: str, start: Arrays, replica: int) -> None:
        super().__init__()
        layers: list[dict[str, Tensor]] = []
        for i in count():
            names = [name for name in start if name.startswith(f"{i}.")]
            if not names:
                break
            layers.append({name.partition(".")[2]: torch.from_numpy(start[name][replica]) for name in names})
        depth = len(layers) - 1
        self.hidden = nn.ModuleList(LAYERS[method](layer, (i + 1) / depth) for i, layer in enumerate(layers[:-1]))
        self.classifier = nn.Linear(*layers[-1]["weight"].T.shape)
        self.classifier.load_state_dict(layers[-1])

    def forward(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        total = None
        for i, layer in enumerate(self.hidden):
            x, penalty = layer(x, None if noise is None else noise[i])
            if penalty is not None:
                total = penalty if total is None else total + penalty
        return self.classifier(x), total


def edit(method: str, layer: dict[str, Tensor]) -> None:
    """What a method does to the gradients of a layer, which may lead with replicas."""
    if method == "vcl":
        lead = layer["bias"].ndim - 1  # axes of replicas
        norms = [torch.linalg.vector_norm(g.flatten(lead), dim=-1) for g in layer.values()]
        scale = torch.linalg.vector_norm(torch.stack(norms), dim=0).reciprocal().clamp(max=1.0)
        for g in layer.values():
            g.mul_(scale.view(*scale.shape, *[1] * (g.ndim - lead)))
    elif method == "cwo":
        layer["weight"].sub_(layer["weight"].mean(dim=-1, keepdim=True))


def project(method: str, layer: dict[str, Tensor]) -> None:
    """What a method does to a layer's parameters after the step; they may lead with replicas."""
    if method == "vcl":
        layer["beta"].clamp_(min=LEAST_BETA)
    elif method == "cwo":
        w = layer["weight"]
        w.sub_(w.mean(dim=-1, keepdim=True))
        w.mul_(RADIUS / torch.linalg.vector_norm(w, dim=-1, keepdim=True))
    elif method == "normprop":
        w = layer["weight"]
        w.div_(torch.linalg.vector_norm(w, dim=-1, keepdim=True))
