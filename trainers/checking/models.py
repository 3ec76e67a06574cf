"""What is asked of a model. Each check yields a sentence for each fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sweeps.trial import Trial
from trainers.checking.comparing import changing, unlike_alone, unlike_before, wrong_gradients
from trainers.checking.subject import (
    ALL,
    FLOAT64,
    Subject,
    normal,
    packed_values,
)
from trainers.checking.training import data_of, trials_of
from trainers.layers.block import Block
from trainers.metrics import cross_entropy
from trainers.models.build import build
from trainers.models.network import Network
from trainers.seeding import Streams

PLACES = ("tables", "images", "clouds")
BATCH = 6
METHODS = {"bn": "after the layers", "ws": "on their weights", "cwo": "after each step", "popnorm": "before the layers"}


def _trials(subject: Subject, place: str, replicas: Sequence[int]) -> list[Trial]:
    """Each replica, by its number, has its own seed and its own value of what packs."""
    values, (first, *_) = packed_values(subject), trials_of(Subject(name="none"), place, None)
    return [
        replace(first, seed=r, model=subject.choice(**{name: own[r] for name, own in values.items()})) for r in replicas
    ]


def _network(subject: Subject, place: str, replicas: Sequence[int], device: str = "cpu", method: str = "") -> Network:
    trials = _trials(subject, place, replicas)
    if method:
        trials = [replace(t, normalizer=Subject(name=method).choice()) for t in trials]
    streams = Streams([t.seed for t in trials], device=device, dtype=FLOAT64)
    network = build(trials, data_of(place).facts, streams)
    streams.at(0, 0)
    return network.train()


def _batch(place: str, replicas: Sequence[int]) -> Tensor:
    return torch.stack([normal(BATCH, *data_of(place).facts.shape, seed=60 + r) for r in replicas])


def _losses(network: Network, x: Tensor) -> Tensor:
    labels = (torch.arange(BATCH, device=x.device) % 3).expand(len(x), -1)
    return cross_entropy(network(network.input(x)), labels)


def _counts(subject: Subject) -> tuple[tuple[int, ...], ...]:
    return ((0,), ALL) if subject.entry.packs else ((0,),)


def shapes(subject: Subject, place: str) -> Iterator[str]:
    """Outputs, parameters and buffers for R = 1 and R = 3; `blocks`."""
    for replicas in _counts(subject):
        count, network = len(replicas), _network(subject, place, replicas)
        if {*map(id, network.blocks)} != {id(m) for m in network.modules() if isinstance(m, Block)}:
            yield "`blocks` are not the blocks that it holds: say `self.blocks = builder.blocks`, and keep each of them"
            return
        expected = (count, BATCH, data_of(place).facts.classes)
        logits = network(network.input(_batch(place, replicas)))
        if tuple(logits.shape) != expected:
            yield f"its output is {tuple(logits.shape)}, it must be (R, B, classes) = {expected}"
        elif not logits.isfinite().all():
            yield "its output is not finite"
        elif logits.dtype != FLOAT64:
            yield f"its output is of {logits.dtype}, not of `streams.dtype`, which is {FLOAT64}"
        for name, tensor in (*network.named_parameters(), *network.named_buffers()):
            if tensor.ndim == 0 or len(tensor) != count:
                yield f"{name} is {tuple(tensor.shape)}, it must lead with R = {count}"


def methods(subject: Subject, place: str) -> Iterator[str]:
    """Normalizers act in its layers."""
    plain = _network(subject, place, (0,))(_batch(place, (0,)))
    for method, where in METHODS.items():
        network = _network(subject, place, (0,), method=method)
        if torch.equal(network(network.input(_batch(place, (0,)))), plain):
            yield f"{method}, which acts {where}, changes nothing: make layers with the builder"


def device(subject: Subject, place: str) -> Iterator[str]:
    """On torch's meta device, which as a GPU takes no tensor of the CPU."""
    network = _network(subject, place, (0,), "meta")
    losses = _losses(network, _batch(place, (0,)).to("meta"))
    losses.sum().backward()
    if losses.device.type != "meta":
        yield "its output is on the CPU, whatever the device: make tensors on the device of what it is given"


def gradients(subject: Subject, place: str) -> Iterator[str]:
    """Against central finite differences, in a random direction of the input and of every parameter."""
    replicas = _counts(subject)[-1]
    network, x = _network(subject, place, replicas), _batch(place, replicas).requires_grad_()
    tensors = {"its input": x, **dict(network.named_parameters())}
    yield from wrong_gradients(tensors, _losses(network, x), changing(tensors, lambda: _losses(network, x)))


def _outcome(subject: Subject, place: str, replicas: Sequence[int]) -> dict[str, Tensor]:
    network, x = _network(subject, place, replicas), _batch(place, replicas).requires_grad_()
    begin = {name: p.detach().clone() for name, p in network.named_parameters()}
    losses = _losses(network, x)
    losses.sum().backward()
    named = {**begin, "the loss": losses.detach(), "the gradient of the input": x.grad}
    named |= {f"the gradient of {name}": p.grad for name, p in network.named_parameters()}
    network.eval()
    named["the output at evaluation"] = network(network.input(x)).detach()
    return {name: tensor for name, tensor in named.items() if tensor is not None}


def replicas(subject: Subject, place: str) -> Iterator[str]:
    """Three replicas, each with its own options, are what each is alone."""
    if not subject.entry.packs:
        return
    advice = "share nothing between replicas, and draw from `streams`"
    yield from unlike_alone(lambda r: _outcome(subject, place, r), advice)


def repeated(subject: Subject, place: str) -> Iterator[str]:
    """Two networks of one seed are the same to the last bit, and no global generator is touched."""
    yield from unlike_before(lambda: _outcome(subject, place, (0,)))


CHECKS = {
    "shapes, for one replica and for three": shapes,
    "normalizers act in it": methods,
    "no tensor of another device": device,
    "gradients against finite differences": gradients,
    "replicas, each with its options, as alone": replicas,
    "the same bits twice": repeated,
}
