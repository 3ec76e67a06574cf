"""What the files begin with that `normsweep plugin new` writes: NAME, CLASS and FUNCTION stand for the name."""

from __future__ import annotations

NORMALIZER = '''\
"""A normalizer of my own: NAME."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sweeps import Normalizer, Option
from trainers import Method, Site, plugin


def formula(u: Tensor, *, gamma: Tensor, eps: float) -> Tensor:
    """For one replica, as plainly as it can be: u (B, C, *S), gamma (C,). `normsweep plugin check` compares."""
    samples = [sample / (sample.square().mean() + eps).sqrt() for sample in u]
    return (torch.stack(samples).transpose(1, -1) * gamma).transpose(1, -1)


@plugin(
    "NAME",
    Normalizer(
        summary="each sample is divided by the root mean square of its values",
        source="",
        points=frozenset({"after"}),
        options={"eps": Option("float", 1e-5, low=0.0, packs=True, help="added to the mean square")},
    ),
    formula=formula,
)
class CLASSNorm(Method):
    """û = γ u/√(mean(u²) + ε), the mean over a sample's channels and space. Learned: γ (R, C), 1 at the start."""

    eps: Tensor

    def __init__(self, site: Site, *, eps: float | Sequence[float]) -> None:
        super().__init__()
        dtype = site.streams.dtype
        self.gamma = nn.Parameter(torch.ones(site.replicas, site.out_channels, dtype=dtype))
        values = torch.as_tensor(eps, dtype=dtype).expand(site.replicas)
        self.register_buffer("eps", values.clone(), persistent=False)

    def after(self, u: Tensor) -> Tensor:
        """On the pre-activation (R, B, C, *S)."""
        space = (1,) * (u.ndim - 3)
        square = u.square().flatten(2).mean(dim=2) + self.eps.unsqueeze(1)
        return self.gamma.unsqueeze(1).unflatten(2, (-1, *space)) * u / square.sqrt().view(*u.shape[:2], 1, *space)
'''

MODEL = '''\
"""A model of my own: NAME."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from sweeps import DatasetFacts, Model, Option, Trial
from trainers import Builder, Dropout, Network, Streams, plugin


@plugin(
    "NAME",
    Model(
        summary="two layers, the second of which sees the input as well",
        source="",
        options={"hidden": Option("int", 32, low=1, help="units of the first layer")},
    ),
)
class CLASS(Network):
    """x → first → second of (first, x) → classifier."""

    def __init__(self, trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, hidden: int) -> None:
        super().__init__()
        builder = Builder(trials, streams, layers=2)
        features, width = prod(facts.shape), trials[0].width
        self.first = builder.linear(features, hidden)
        self.second = builder.linear(hidden + features, width)
        self.dropout = Dropout([t.dropout for t in trials], streams, builder.layers + 1)
        self.classifier = builder.classifier(width, facts.classes)
        self.blocks = builder.blocks

    def forward(self, x: Tensor) -> Tensor:
        """(R, B, *sample) → logits (R, B, classes)."""
        x = x.flatten(2)
        a = self.second(torch.cat([self.first(x), x], dim=2))
        return self.classifier(self.dropout(a))
'''

ACTIVATION = '''\
"""An activation of my own: NAME."""

from __future__ import annotations

import torch
from torch import Tensor

from sweeps import Activation, Option
from trainers import plugin


@plugin(
    "NAME",
    Activation(
        summary="u sigmoid(beta u)",
        source="",
        options={"beta": Option("float", 1.0, low=0.0, packs=True, help="steepness")},
    ),
)
def FUNCTION(u: Tensor, *, beta: float) -> Tensor:
    """Each value of u (R, B, C, *S) by itself."""
    return u * torch.sigmoid(beta * u)
'''

OPTIMIZER = '''\
"""An optimizer of my own: NAME."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

import sweeps
from sweeps import Option
from trainers import Optimizer, beside, plugin


@plugin(
    "NAME",
    sweeps.Optimizer(
        summary="a step of equal size along the sign of the momentum, smooth near 0",
        source="",
        takes=("momentum",),
        options={"softness": Option("float", 1e-3, low=1e-8, packs=True, help="where the sign begins to fade")},
    ),
)
class CLASS(Optimizer):
    """v ← μv + g; p ← p − η v/(|v| + s). μ and s are one value a replica."""

    slots = ("velocity",)

    def __init__(
        self,
        parameters: Iterable[tuple[str, Tensor]],
        *,
        weight_decay: Sequence[float],
        momentum: Sequence[float],
        softness: Sequence[float],
    ) -> None:
        super().__init__(parameters, weight_decay=weight_decay)
        self._momentum, self._softness = self.values(momentum), self.values(softness)

    def move(self, name: str, p: Tensor, g: Tensor) -> None:
        """One parameter (R, ...) along its gradient, in place."""
        v = self.state[name]["velocity"].mul_(beside(self._momentum, p)).add_(g)
        torch.abs(v, out=g).add_(beside(self._softness, p))
        p.addcmul_(torch.div(v, g, out=g), beside(self.rates, p), value=-1.0)
'''

SCHEDULE = '''\
"""A course of the learning rate of my own: NAME."""

from __future__ import annotations

from sweeps import Option, Schedule
from trainers import Position, plugin


@plugin(
    "NAME",
    Schedule(
        summary="(1 - t/T)^power: from `lr` down to 0, step by step",
        source="",
        options={"power": Option("float", 1.0, low=0.0, help="1: a line")},
    ),
)
def FUNCTION(position: Position, *, power: float) -> float:
    """The factor on `lr`."""
    return (1.0 - position.step / position.steps) ** power
'''

AUGMENTATION = '''\
"""An augmentation of my own: NAME."""

from __future__ import annotations

from torch import Tensor

import sweeps
from sweeps import Option
from trainers import Augmentation, Streams, plugin


@plugin(
    "NAME",
    sweeps.Augmentation(
        summary="normal noise on the training samples",
        source="",
        options={"sigma": Option("float", 0.1, low=0.0, help="standard deviation")},
    ),
)
class CLASS(Augmentation):
    """x + σ ν, ν ~ N(0, 1), drawn anew for each value and step; nothing at evaluation."""

    def __init__(self, streams: Streams, *, sigma: float) -> None:
        super().__init__(streams)
        self._sigma = sigma

    def training(self, x: Tensor) -> Tensor:
        """A batch (R, B, *sample)."""
        return x + self._sigma * self.streams.normal("augment/NAME", 0, tuple(x.shape[1:]), samples=True)
'''

METRIC = '''\
"""A metric of my own: NAME."""

from __future__ import annotations

import torch
from torch import Tensor

from sweeps import Metric, Option
from trainers import plugin


@plugin(
    "NAME",
    Metric(
        summary="share of samples whose label is not among the k largest logits",
        source="",
        options={"k": Option("int", 2, low=1, help="how many of the largest logits count")},
    ),
)
def FUNCTION(logits: Tensor, labels: Tensor, *, k: int) -> Tensor:
    """(R,) of the logits (R, N, classes) and labels (R, N) of a whole part."""
    larger = (logits > logits.gather(2, labels.unsqueeze(2))).sum(dim=2)
    return (larger >= k).to(torch.float64).mean(dim=1)
'''

PROBE = '''\
"""A probe of my own: NAME."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from sweeps import Option, Probe
from trainers import Reading, Subject, plugin


@plugin(
    "NAME",
    Probe(
        summary="share of negative values among what enters each activation function",
        source="",
        options={"samples": Option("int", 500, low=1, help="of the validation part, the first ones")},
    ),
)
class CLASS:
    """`negative`: of each layer, over samples and units."""

    def __init__(self, *, samples: int) -> None:
        self._samples = samples

    def read(self, subject: Subject) -> Iterator[Reading]:
        seen: dict[int, list[Tensor]] = {}

        def look(layer: int, u: Tensor) -> None:
            """The input (R, b, C, *S) of the activation of that layer."""
            seen.setdefault(layer, []).append((u < 0).double().flatten(2).mean(dim=2))

        with subject.activations(look):
            for x, _ in subject.batches("validation", self._samples):
                subject.logits(x)
        for layer, shares in sorted(seen.items()):
            yield Reading("negative", torch.cat(shares, dim=1).mean(dim=1), layer)
'''

TEST = '''\
"""The questions of `normsweep plugin check --quick FILE.py`."""

from __future__ import annotations

from pathlib import Path

from trainers import faults


def test_no_fault_is_found() -> None:
    assert faults(Path(__file__).with_name("FILE.py")) == []
'''
