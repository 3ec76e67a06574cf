"""Files that declare one of every kind but a normalizer, each like one that the package ships."""

from __future__ import annotations

HEAD = """\
from collections.abc import Iterator, Sequence
from math import cos, pi, prod

import torch
from torch import Tensor

import sweeps
from sweeps import Activation, DatasetFacts, Metric, Model, Option, Probe, Schedule, Trial
from trainers import (
    Augmentation, Builder, Dropout, Network, Optimizer, Position, Reading, Streams, Subject, beside, plugin
)
"""

MODEL = """

@plugin("one", Model(summary="the mlp of depth 1", options={"units": Option("int", 8, low=1)}))
class One(Network):
    def __init__(self, trials: Sequence[Trial], facts: DatasetFacts, streams: Streams, *, units: int) -> None:
        super().__init__()
        builder = Builder(trials, streams, layers=1)
        self.first = builder.linear(prod(facts.shape), units)
        self.dropout = Dropout([t.dropout for t in trials], streams, 2)
        self.classifier = builder.classifier(units, facts.classes)
        self.blocks = builder.blocks

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.dropout(self.first(x.flatten(2))))
"""

ACTIVATION = """

@plugin(
    "leaky",
    Activation(
        summary="as prelu, and as lrelu", options={"slope": Option("float", 0.25, packs=True)}, learns={"part": "slope"}
    ),
)
def leaky(u: Tensor, *, part: Tensor) -> Tensor:
    return torch.where(u > 0, u, part * u)


@plugin("bent", Activation(summary="as elu", options={"alpha": Option("float", 1.0, packs=True)}, init="lecun"))
def bent(u: Tensor, *, alpha: float) -> Tensor:
    return torch.nn.functional.elu(u, alpha)
"""

OPTIMIZER = """

@plugin(
    "descent",
    sweeps.Optimizer(summary="as sgd", takes=("momentum",), options={"scale": Option("float", 1.0, packs=True)}),
)
class Descent(Optimizer):
    slots = ("velocity",)

    def __init__(self, parameters, *, weight_decay, momentum, scale) -> None:
        super().__init__(parameters, weight_decay=weight_decay)
        self._momentum, self._scale = self.values(momentum), self.values(scale)

    def move(self, name: str, p: Tensor, g: Tensor) -> None:
        v = self.state[name]["velocity"].mul_(beside(self._momentum, p)).add_(g)
        p.addcmul_(v, beside(self.rates * self._scale, p), value=-1.0)
"""

SCHEDULE = """

@plugin("wave", Schedule(summary="as cosine", options={"at": Option("ints", (0,), low=0)}))
def wave(position: Position, *, at: tuple[int, ...]) -> float:
    return (1.0 + cos(pi * position.epoch / position.epochs)) / 2.0
"""

AUGMENTATION = """

@plugin("noise", sweeps.Augmentation(summary="of normal noise", options={"sigma": Option("float", 0.0, low=0.0)}))
class Noise(Augmentation):
    def __init__(self, streams: Streams, *, sigma: float) -> None:
        super().__init__(streams)
        self.sigma = sigma

    def training(self, x: Tensor) -> Tensor:
        return x + self.sigma * self.streams.normal("augment/noise", 0, tuple(x.shape[1:]), samples=True)
"""

METRIC = """

@plugin("wrong-ones", Metric(summary="as error", options={"power": Option("float", 1.0, low=0.5)}))
def wrong_ones(logits: Tensor, labels: Tensor, *, power: float) -> Tensor:
    return (logits.argmax(dim=2) != labels).double().mean(dim=1) ** power
"""

PROBE = """

@plugin(
    "steepness",
    Probe(
        summary="norms of gradients of a batch",
        options={"size": Option("int", 12, low=1), "norm": Option("word", "l2", words=("l1", "l2"))},
    ),
)
class Steepness:
    def __init__(self, *, size: int, norm: str) -> None:
        self.size, self.order = size, int(norm[1])

    def read(self, subject: Subject) -> Iterator[Reading]:
        x, y = next(subject.drawn(1, self.size))
        with torch.enable_grad():
            loss = subject.descended(x, y).sum()
            gradients = torch.autograd.grad(loss, subject.parameters)
        norms = torch.stack([g.flatten(1).norm(self.order, dim=1) for g in gradients], dim=1)
        yield Reading("largest", norms.max(dim=1).values)
        yield Reading("each", norms, at=range(norms.shape[1]))
"""

RECORDED = HEAD + METRIC + PROBE
MINE = HEAD + MODEL + ACTIVATION + OPTIMIZER + SCHEDULE + AUGMENTATION
