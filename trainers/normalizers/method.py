"""The one protocol of all normalizers: the moments of training at which a method may act.

Shapes: R replicas, B batch, C channels (units of a fully connected layer), S = zero or more spatial axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from sweeps.words.choice import Choice
from trainers.layers.activations import Activation
from trainers.seeding import Streams

RELU = Choice("relu")


@dataclass(frozen=True, kw_only=True)
class Site:
    """One place in a network, and all that a method may know of it.

    `kernel` and `spatial` are () for a fully connected layer; `spatial` is the pre-activation's. `layer` counts from
    1 to `layers` in order of definition. `activation` is one for all replicas or one for each; `activated`: whether it
    follows, alone or after a sum. `rows`: how many rows of (R, B rows, C), one after the other, are of one sample: a
    transformer's tokens.
    """

    in_channels: int
    out_channels: int
    kernel: tuple[int, ...] = ()
    spatial: tuple[int, ...] = ()
    activation: Choice | tuple[Choice, ...] = RELU
    activated: bool = True
    layer: int = 1
    layers: int = 1
    replicas: int = 1
    rows: int = 1
    streams: Streams


class Method(nn.Module):
    """A normalizer at one site. Every hook is a no-op here; a method overrides those of its points and no other.

    Parameters and buffers lead with R. Whether it trains or evaluates is `self.training`, as everywhere in torch.
    """

    bias: bool = True  # does the layer before it keep its bias?
    calibrated: Literal["never", "training", "evaluation"] = "never"  # before what it is shown the training set
    detaches: bool = False  # True where it holds something back from backward on purpose, so that gradients are partial
    compiles: bool = True  # False where training reads state that it moves: see `trainers.compiling.compiled`

    def attach(self, activation: Activation) -> None:
        """Shown at construction the activation that follows, for what that learns."""

    def start(self, w: Tensor) -> None:
        """Shown at construction the layer's first weight, (R, out, in) or (R, out, in/groups, kh, kw)."""

    def end_branch(self) -> None:
        """Told at construction that what it normalizes is added to a shortcut."""

    def input(self, x: Tensor) -> Tensor:
        """On the batch (R, B, *sample), before the first layer: asked of that layer's method alone."""
        return x

    def calibrate_input(self, batches: Iterable[Tensor]) -> None:
        """The training set, in batches (R, b, *sample), once before training: for the first layer's method alone."""

    def calibrate(self, batches: Iterable[Tensor]) -> None:
        """What `after` would get over the training set, in batches (R, b, C, *S), the layers before being calibrated.

        Evaluation mode holds. It comes once before training, or before each evaluation, as `calibrated` says.
        """

    def before(self, x: Tensor) -> Tensor:
        """On the layer's input (R, B, C_in, *S)."""
        return x

    def weight(self, w: Tensor) -> Tensor:
        """The weight used in the forward pass: (R, out, in) or (R, out, in/groups, kh, kw)."""
        return w

    def after(self, u: Tensor) -> Tensor:
        """On the pre-activation (R, B, C, *S)."""
        return u

    def activated(self, a: Tensor) -> Tensor:
        """On the activation's output (R, B, C, *S)."""
        return a

    def penalty(self, u: Tensor) -> Tensor | None:
        """A loss per replica (R,), already weighted, from the pre-activation (R, B, C, *S); None when there is none."""
        return None

    @torch.no_grad()
    def gradients(self, named: dict[str, Tensor]) -> None:
        """Edits in place this layer's gradients (`weight`, `bias`, the method's own), between backward and step.

        Unless overridden, multiplies them by `gradient_scale`.
        """
        norms = torch.stack([g.flatten(1).square().sum(dim=1) for g in named.values()]).sum(dim=0).sqrt()
        scale = self.gradient_scale(norms)
        for gradient in named.values():
            gradient.mul_(scale.view(-1, *(1,) * (gradient.ndim - 1)))

    def gradient_scale(self, norms: Tensor) -> Tensor:
        """The factors (R,) of this layer's gradients, from their joint L2 norms (R,)."""
        return torch.ones_like(norms)

    def gradient_input(self, x: Tensor) -> Tensor:
        """What takes the place of a fully connected layer's input x (R, B, in) in its weight's gradient gᵀx, so that
        this is what `gradients` would make of it. For a method that overrides `gradients` and can say it: its steps are
        then taken without a gradient in memory, and `gradients` is not called."""
        return x

    @property
    def edits_gradients(self) -> bool:
        """Whether `gradients` does anything."""
        own = type(self)
        return own.gradients is not Method.gradients or own.gradient_scale is not Method.gradient_scale

    def project(self, named: dict[str, Tensor]) -> None:
        """Edits in place this layer's parameters after the optimizer's step, and once at initialization."""
