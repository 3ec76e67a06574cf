"""What is asked of an activation. Each check yields a sentence for each fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from trainers.checking.comparing import changing, unlike_alone, unlike_before, wrong_gradients
from trainers.checking.subject import (
    ALL,
    CLOSE,
    FLOAT64,
    SPATIAL,
    Subject,
    apart,
    normal,
    packed_values,
)
from trainers.layers.activations import Activation

SHAPES = {"fully connected": (8, 5), "convolution": (8, 5, *SPATIAL)}  # (B, C, *S)


def _activation(subject: Subject, replicas: Sequence[int] = ALL, device: str = "cpu") -> Activation:
    """Each replica, by its number, has its own value of what packs."""
    values = packed_values(subject)
    choices = [subject.choice(**{name: own[r] for name, own in values.items()}) for r in replicas]
    return Activation(choices, device=torch.device(device), dtype=FLOAT64)


def _given(where: str, replicas: Sequence[int] = ALL) -> Tensor:
    return torch.stack([2 * normal(*SHAPES[where], seed=40 + r) for r in replicas])


def shapes(subject: Subject, where: str) -> Iterator[str]:
    for replicas in ((0,), ALL):
        u = _given(where, replicas)
        a = _activation(subject, replicas)(u)
        if a.shape != u.shape:
            yield f"its output is {tuple(a.shape)}, it must be that of its input, {tuple(u.shape)}"
        elif not a.isfinite().all():
            yield "its output is not finite"
        elif a.dtype != u.dtype:
            yield f"its output is of {a.dtype}, not of {u.dtype} as its input is"


def elementwise(subject: Subject, where: str) -> Iterator[str]:
    """Every value by itself, whatever is beside it."""
    module, u = _activation(subject), _given(where)
    order = torch.randperm(u[0].numel(), generator=torch.Generator().manual_seed(5))
    mixed = u.flatten(1)[:, order]
    mixed[:, ::2] = 1 - mixed[:, ::2]  # the others are what they were, elsewhere
    if apart(module(mixed.view(u.shape)).flatten(1)[:, 1::2], module(u).flatten(1)[:, order][:, 1::2]) > CLOSE:
        yield "a value depends on others beside it: an activation acts on each value by itself"


def untouched(subject: Subject, where: str) -> Iterator[str]:
    u = _given(where)
    kept = u.clone()
    _activation(subject)(u)
    if not torch.equal(u, kept):
        yield "it changes in place what it is given: make a tensor of your own"


def device(subject: Subject, where: str) -> Iterator[str]:
    """On torch's meta device, which as a GPU takes no tensor of the CPU."""
    a = _activation(subject, device="meta")(_given(where).to("meta"))
    if a.device.type != "meta":
        yield "its output is on the CPU, whatever the device: make tensors on the device of what it is given"


def gradients(subject: Subject, where: str) -> Iterator[str]:
    """Against central finite differences, in a random direction of the input and of what is learned."""
    module, u = _activation(subject), _given(where).requires_grad_()
    target = normal(*u.shape, seed=6)

    def loss(u: Tensor) -> Tensor:
        return (module(u) * target).flatten(1).sum(dim=1)

    tensors = {"its input": u, **dict(module.named_parameters())}
    yield from wrong_gradients(tensors, loss(u), changing(tensors, lambda: loss(u)))


def replicas(subject: Subject, where: str) -> Iterator[str]:
    """Three replicas, each with its own options, are what each is alone."""
    yield from unlike_alone(lambda r: _outcome(subject, where, r), "share nothing between replicas")


def _outcome(subject: Subject, where: str, replicas: Sequence[int]) -> dict[str, Tensor]:
    module, u = _activation(subject, replicas), _given(where, replicas).requires_grad_()
    a = module(u)
    a.square().sum().backward()
    named = {"the output": a.detach(), "the gradient of the input": u.grad}
    named |= {f"the gradient of {name}": p.grad for name, p in module.named_parameters()}
    return {name: tensor for name, tensor in named.items() if tensor is not None}


def repeated(subject: Subject, where: str) -> Iterator[str]:
    yield from unlike_before(lambda: _outcome(subject, where, ALL))


CHECKS = {
    "shapes, for one replica and for three": shapes,
    "each value by itself": elementwise,
    "what it is given stays as it is": untouched,
    "no tensor of another device": device,
    "gradients against finite differences": gradients,
    "replicas, each with its options, as alone": replicas,
    "the same bits twice": repeated,
}
