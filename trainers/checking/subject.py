"""A method under test, at a layer of its own: fully connected, or a convolution."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeps.words.activations import OWN
from sweeps.words.choice import Choice, OptionValue
from sweeps.words.composition import normalizer
from sweeps.words.declared import Entry
from sweeps.words.kinds import entry_of
from trainers.layers.activations import Activation
from trainers.layers.block import Block, Convolution
from trainers.layers.linear import linear
from trainers.normalizers import Site, build
from trainers.seeding import Streams

KINDS = ("fully connected", "convolution")
INPUTS, OUTPUTS, BATCH = 5, 32, 24
KERNEL, SPATIAL = (3, 3), (4, 3)
FLOAT64 = torch.float64
ALL = (0, 1, 2)  # replicas
CLOSE = 1e-9  # relative, of float64
STEP, DIFFERENCE = 1e-6, 1e-5  # of finite differences, and what is allowed between them and gradients
ELU = Choice.of("elu", {"alpha": 1.0})  # smooth, as finite differences want it


@dataclass(frozen=True, kw_only=True)
class Subject:
    """`field`: of a trial, which holds the name. `given`: values of options that differ from the defaults."""

    name: str
    given: Mapping[str, OptionValue] = dataclasses.field(default_factory=dict[str, OptionValue])
    field: str = "normalizer"

    @property
    def options(self) -> dict[str, OptionValue]:
        """Every option's value."""
        return {option: spec.default for option, spec in self.entry.options.items()} | dict(self.given)

    @property
    def entry(self) -> Entry:
        return entry_of(self.field, self.name)

    def choice(self, **values: OptionValue) -> Choice:
        """As a trial has it, these values of options among its own."""
        return replace(Choice.of(self.name, self.options | values), plugin=self.entry.plugin)


def values_of(subject: Subject, option: str) -> tuple[OptionValue, ...]:
    """Three values of an option that packs, the one at hand first, within its range."""
    spec, value = subject.entry.options[option], subject.options[option]
    low, high = spec.bounds
    if spec.kind == "int":
        start = value if isinstance(value, int) else 1
        return tuple(int(min(max(start + i, low), high)) for i in range(3))
    if spec.kind == "float":
        start = value if isinstance(value, float) and value else 0.2
        return tuple(min(max(start * factor, low), high) for factor in (1.0, 1.5, 3.0))
    if isinstance(value, tuple):
        return tuple(tuple(n * factor for n in value if isinstance(n, int | float)) for factor in (1.0, 0.9, 0.8))
    words = spec.words if spec.kind == "word" else (True, False)
    return tuple(words[i % len(words)] for i in range(3))


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, dtype=FLOAT64, generator=torch.Generator().manual_seed(seed))


def layer(
    subject: Subject,
    kind: str,
    replicas: Sequence[int] = (0, 1, 2),
    packed: Mapping[str, Sequence[OptionValue]] | None = None,
    device: str = "cpu",
) -> Block:
    """A layer of these replicas, whose weights and random numbers are the same in whatever company.

    `packed`: options of which each replica has its own value, by its number.
    """
    count, convolution = len(replicas), kind == "convolution"
    streams = Streams([10 + r for r in replicas], dtype=FLOAT64, device=device)
    activation = (Choice(OWN) if normalizer(subject.name).own_activation else ELU,) * count
    site = Site(
        in_channels=INPUTS,
        out_channels=OUTPUTS,
        kernel=KERNEL if convolution else (),
        spatial=SPATIAL if convolution else (),
        activation=activation,
        layer=2,
        layers=4,
        replicas=count,
        streams=streams,
    )
    options: dict[str, Any] = dict(subject.options)
    options |= {option: [values[r] for r in replicas] for option, values in (packed or {}).items()}
    shape = (OUTPUTS, INPUTS, *site.kernel)
    scale = prod(shape[1:]) ** -0.5
    method = build(subject.name, site, **options).to(device)
    return Block(
        site,
        method,
        Convolution(padding=1) if convolution else linear,
        Activation(activation, device=streams.device, dtype=FLOAT64),
        weight=torch.stack([scale * normal(*shape, seed=r) for r in replicas]).to(device),
        bias=torch.stack([0.3 * normal(OUTPUTS, seed=100 + r) for r in replicas]).to(device),
    )


def batch(block: Block, replicas: Sequence[int], step: int) -> Tensor:
    """(R, B, C_in, *S), each replica's own."""
    shape = (BATCH, INPUTS, *block.site.spatial)
    return torch.stack([1 + 2 * normal(*shape, seed=1000 * (r + 1) + step) for r in replicas])


def losses(block: Block, x: Tensor, replicas: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The output, and a loss of each replica (R,) with the method's penalty."""
    y = block(x)
    target = torch.stack([normal(*y.shape[1:], seed=77 * (r + 1)) for r in replicas]).to(y.device)
    loss = (y * target + 0.1 * y.square()).flatten(1).mean(dim=1)
    penalty = block.take_penalty()
    return y, loss if penalty is None else loss + penalty


def trained(block: Block, replicas: Sequence[int], steps: int) -> dict[str, Tensor]:
    """Some steps with momentum, then an evaluation: everything that came of it, by what it is."""
    optimizer = torch.optim.SGD(block.parameters(), lr=0.05, momentum=0.9)
    seen: dict[str, Tensor] = {}
    block.train()
    for step in range(steps):
        block.site.streams.at(0, step)
        x = batch(block, replicas, step).requires_grad_()
        y, loss = losses(block, x, replicas)
        optimizer.zero_grad()
        loss.sum().backward()
        seen[f"the output of step {step}"] = y.detach().clone()
        if x.grad is not None:
            seen[f"the gradient of the input of step {step}"] = x.grad
        for name, p in block.named_parameters():
            if p.grad is not None:
                seen[f"the gradient of {name} of step {step}"] = p.grad.clone()
        block.gradients()
        optimizer.step()
        block.project()
        for name, tensor in (*block.named_parameters(), *block.named_buffers()):
            seen[f"{name} after step {step}"] = tensor.detach().clone()
    block.eval()
    block.site.streams.at(1, 0)
    seen["the output at evaluation"] = block(batch(block, replicas, 99)).detach()
    return seen


def packed_values(subject: Subject) -> dict[str, tuple[OptionValue, ...]]:
    """Three values of every option that packs."""
    return {name: values_of(subject, name) for name, spec in subject.entry.options.items() if spec.packs}


def generators() -> tuple[bytes, str, str]:
    """The state of the global generators of torch, numpy and random."""
    return torch.get_rng_state().numpy().tobytes(), repr(np.random.get_state()), repr(random.getstate())  # noqa: NPY002


def drawn(before: tuple[bytes, str, str], streams: str = "streams") -> Iterator[str]:
    """A sentence for each global generator that has moved since."""
    for name, was, now in zip(("torch", "numpy", "random"), before, generators(), strict=True):
        if was != now:
            yield f"it draws from the global generator of {name}: draw from `{streams}`"


def off(told: Tensor, measured: Tensor) -> Tensor:
    """Where a derivative is another one than finite differences say."""
    return (told - measured).abs() > DIFFERENCE * (told.abs() + measured.abs()) + 1e-8


def apart(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, relative to the largest number; infinite for other shapes and what is not finite."""
    if ours.shape != theirs.shape or not (ours.isfinite().all() and theirs.isfinite().all()):
        return float("inf")
    if ours.numel() == 0:
        return 0.0
    ours, theirs = ours.detach().to(FLOAT64), theirs.detach().to(FLOAT64)
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-3))
