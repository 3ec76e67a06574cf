"""A layer with its normalizer and its activation: the moments of one layer's training, in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.layers.activations import Activation
from trainers.layers.descent import Descent, descends
from trainers.layers.linear import linear
from trainers.normalizers.method import Method, Site

Operation = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def folded(x: Tensor) -> Tensor:
    """(R, B, C, *S) → (B, R C, *S): the replicas become groups of channels."""
    return x.transpose(0, 1).flatten(1, 2)


def unfolded(x: Tensor, replicas: int) -> Tensor:
    """(B, R C, *S) → (R, B, C, *S), without a copy: between layers the memory stays folded."""
    return x.unflatten(1, (replicas, -1)).transpose(0, 1)


def pixel_by_pixel(x: Tensor) -> Tensor:
    """The same images (R, B, C, H, W), channels last in memory; convolutions and what follows them keep it so."""
    return unfolded(folded(x).contiguous(memory_format=torch.channels_last), len(x))


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolution:
    """u[r] = x[r] ∗ weight[r] + bias[r]: (R, B, in, *S), (R, out, in, *kernel), (R, out) → (R, B, out, *S').

    `padding` on every side; `trailing` more behind each axis, which even kernels need to keep the size.
    """

    stride: int = 1
    padding: int = 0
    trailing: int = 0

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        replicas = len(x)
        x = folded(x)
        if self.trailing:
            x = F.pad(x, (0, self.trailing) * (x.ndim - 2))
        convolve = F.conv2d if x.ndim == 4 else F.conv1d
        biases = None if bias is None else bias.flatten()
        u = convolve(x, weight.flatten(0, 1), biases, self.stride, self.padding, groups=replicas)
        return unfolded(u, replicas)


@dataclass(frozen=True, slots=True)
class Mixed:
    """An operation in bfloat16 between tensors of float32 (mixed precision): its product and what backward makes of it.

    Parameters, statistics, losses and the optimizer never leave float32.
    """

    operation: Operation

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        low = torch.bfloat16
        return self.operation(x.to(low), weight.to(low), None if bias is None else bias.to(low)).float()


class Block(nn.Module):
    """x → before → operation with weight(w) → after → penalty collected → activation → activated.

    Learned: `weight` (R, out, in, *kernel), `bias` (R, out) where the method leaves the layer its bias, and what the
    method and the activation learn. `activation` None ends the block at the pre-activation. `products`: how
    often the weight is used for a sample, spatial axes apart.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        site: Site,
        method: Method,
        operation: Operation,
        activation: Activation | None,
        *,
        weight: Tensor,
        bias: Tensor,
        products: int = 1,
    ) -> None:
        super().__init__()
        self.site = site
        self.products = products
        self.method = method
        self.operation = operation
        self.activation = activation
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias) if method.bias else None
        self.observer: Callable[[Tensor], None] | None = None  # is shown the input of `normalize`
        self.descent: Descent | None = None
        self.edits = method.edits_gradients
        self.projects = type(method).project is not Method.project
        self._penalizes = type(method).penalty is not Method.penalty
        self._penalty: Tensor | None = None
        if activation is not None:
            method.attach(activation)
        method.start(self.weight)
        self.project()

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, *S) of one sample's output."""
        return self.site.out_channels, *self.site.spatial

    def forward(self, x: Tensor) -> Tensor:
        return self.activate(self.normalize(self.operate(x)))

    def operate(self, x: Tensor) -> Tensor:
        """(R, B, C_in, *S) → u of the layer alone (R, B, C, *S')."""
        x = self.method.before(x)
        if self.descent is not None:
            return linear(x, self.weight, self.bias, self.descent)
        return self.operation(x, self.method.weight(self.weight), self.bias)

    def normalize(self, u: Tensor) -> Tensor:
        if self.observer is not None:
            self.observer(u)
        u = self.method.after(u)
        if self._penalizes and self.training:
            self._penalty = self.method.penalty(u)
        return u

    def activate(self, u: Tensor) -> Tensor:
        return u if self.activation is None else self.method.activated(self.activation(u))

    def descends(self) -> Descent | None:
        """What takes this layer's steps in backward, where that can be."""
        return Descent(self.method) if self.operation is linear and descends(self.method) else None

    def take_penalty(self) -> Tensor | None:
        """The penalty (R,) of the last forward pass in training, once."""
        penalty, self._penalty = self._penalty, None
        return penalty

    @torch.no_grad()
    def gradients(self) -> None:
        """The method's edit of this layer's gradients, between backward and the optimizer's step."""
        if self.edits and (self.descent is None or not self.descent.taken):
            named = self._named()
            self.method.gradients({name: p.grad for name, p in named.items() if p.grad is not None})

    @torch.no_grad()
    def project(self) -> None:
        """The method's projection of this layer's parameters, after the optimizer's step."""
        if self.projects:
            self.method.project(dict(self._named()))

    def _named(self) -> dict[str, nn.Parameter]:
        own = {"weight": self.weight} if self.bias is None else {"weight": self.weight, "bias": self.bias}
        return own | dict(self.method.named_parameters())


class Layer(nn.Module):
    """A layer without a normalizer: `weight` (R, out, in, *kernel), `bias` (R, out) or none."""

    bias: nn.Parameter | None

    def __init__(self, operation: Operation, *, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.operation = operation
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.descent: Descent | None = None

    def descends(self) -> Descent | None:
        """What takes this layer's steps in backward, where that can be."""
        return Descent() if self.operation is linear else None

    def forward(self, x: Tensor) -> Tensor:
        if self.descent is not None:
            return linear(x, self.weight, self.bias, self.descent)
        return self.operation(x, self.weight, self.bias)
