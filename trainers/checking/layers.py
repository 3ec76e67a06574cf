"""What is asked of a method at one layer. Each check yields a sentence for each fault."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sweeps.words.choice import OptionValue
from sweeps.words.composition import normalizer
from trainers.checking.comparing import wrong_gradients
from trainers.checking.subject import (
    ALL,
    BATCH,
    CLOSE,
    OUTPUTS,
    Subject,
    apart,
    batch,
    drawn,
    generators,
    layer,
    losses,
    normal,
    packed_values,
    trained,
    values_of,
)
from trainers.layers.block import Block
from trainers.normalizers.build import class_of
from trainers.plugins.fitting import OF_ONE_TENSOR


def shapes(subject: Subject, kind: str) -> Iterator[str]:
    """Outputs, penalties, parameters and buffers for R = 1 and R = 3."""
    for replicas in ((0,), ALL):
        count = len(replicas)
        block = layer(subject, kind, replicas)
        expected = (count, BATCH, OUTPUTS, *block.site.spatial)
        for mode in ("training", "evaluation"):
            block.train(mode == "training")
            block.site.streams.at(0, 0)
            y = block(batch(block, replicas, 0))
            penalty = block.take_penalty()
            if tuple(y.shape) != expected:
                yield f"the output in {mode} is {tuple(y.shape)}, it must be (R, B, C, *S) = {expected}"
            elif not y.isfinite().all():
                yield f"the output in {mode} is not finite"
            elif y.dtype != block.site.streams.dtype:
                kept = block.site.streams.dtype
                yield f"the output in {mode} is of {y.dtype}, not of `site.streams.dtype`, which is {kept}"
            if penalty is not None and tuple(penalty.shape) != (count,):
                yield f"the penalty is {tuple(penalty.shape)}, it must be (R,) = ({count},)"
        for name, tensor in (*block.method.named_parameters(), *block.method.named_buffers()):
            if tensor.ndim == 0 or len(tensor) != count:
                yield f"{name} is {tuple(tensor.shape)}, it must lead with R = {count}"


def untouched(subject: Subject, kind: str) -> Iterator[str]:
    """What a hook is given stays as it was."""
    for mode in (True, False):
        block = layer(subject, kind).train(mode)
        block.site.streams.at(0, 0)
        for point in sorted({*OF_ONE_TENSOR, "penalty"} & normalizer(subject.name).points):
            given = _given(block, point)
            kept = given.clone()
            getattr(block.method, point)(given)
            if not torch.equal(given, kept):
                yield f"`{point}` changes in place what it is given: make a tensor of your own"


def _given(block: Block, point: str) -> Tensor:
    if point == "weight":
        return block.weight.detach().clone()
    if point == "before":
        return batch(block, ALL, 0)
    return 1 + 2 * normal(len(ALL), BATCH, OUTPUTS, *block.site.spatial, seed=7)


def device(subject: Subject, kind: str) -> Iterator[str]:
    """On torch's meta device, which as a GPU takes no tensor of the CPU."""
    block = layer(subject, kind, device="meta")
    block.site.streams.at(0, 0)
    for mode in (True, False):
        y, loss = losses(block.train(mode), batch(block, ALL, 0).to("meta"), ALL)
        if y.device.type != "meta":
            yield "its output is on the CPU, whatever the device: make tensors on the device of what it is given"
        elif mode:
            loss.sum().backward()


def gradients(subject: Subject, kind: str) -> Iterator[str]:
    """Against central finite differences, in a random direction of each tensor, of a layer in its first step."""
    block, x, loss = _first_loss(subject, kind)
    if block.method.detaches:
        return
    tensors = {"its input": x, **dict(block.named_parameters())}
    yield from wrong_gradients(tensors, loss, lambda name, change: _first_loss(subject, kind, name, change)[2])


def _first_loss(
    subject: Subject, kind: str, name: str = "", change: Tensor | None = None
) -> tuple[Block, Tensor, Tensor]:
    """A new layer, its input, and the losses (R,) of its first step; the tensor called `name` is changed before."""
    block = layer(subject, kind)
    block.site.streams.at(0, 0)
    _moved(block)
    x = batch(block, ALL, 0)
    if change is not None:
        with torch.no_grad():
            {"its input": x, **dict(block.named_parameters())}[name].add_(change)
    x.requires_grad_()
    return block, x, losses(block, x, ALL)[1]


def _moved(block: Block) -> None:
    """What the method learns moves away from where it begins, where faults may hide: scales of 1, shifts of 0."""
    with torch.no_grad():
        for i, p in enumerate(block.method.parameters()):
            p.add_(0.2 * torch.stack([normal(*p.shape[1:], seed=900 + 10 * r + i) for r in range(len(p))]))


def replicas(subject: Subject, kind: str) -> Iterator[str]:
    """Three replicas train as each of them does alone."""
    packed = trained(layer(subject, kind), ALL, 3)
    if told := _alone(subject, kind, packed, {}):
        yield f"{told}: nothing may be shared between replicas"


def packing(subject: Subject, kind: str) -> Iterator[str]:
    """So they do where each has its own value of an option that packs."""
    for option, spec in normalizer(subject.name).options.items():
        if not spec.packs:
            continue
        own: dict[str, Sequence[OptionValue]] = {option: values_of(subject, option)}
        packed = trained(layer(subject, kind, packed=own), ALL, 3)
        if told := _alone(subject, kind, packed, own):
            yield f"{told}: the option '{option}' packs, so each replica must have its own value of it"


def _alone(subject: Subject, kind: str, packed: dict[str, Tensor], own: Mapping[str, Sequence[OptionValue]]) -> str:
    for r in ALL:
        block = layer(subject, kind, (r,), own)
        moved = {f"{name} after step {step}" for name, _ in block.named_buffers() for step in range(3)}
        alone = trained(block, (r,), 3)
        for what, tensor in alone.items():
            theirs = packed[what][r : r + 1] if what in packed and packed[what].ndim else None
            if theirs is not None and theirs.shape != tensor.shape and what in moved:
                continue  # a buffer may have room for the largest of a pack
            error = float("inf") if theirs is None else apart(theirs, tensor)
            if error > CLOSE:
                return f"{what} of replica {r} is another one among three than alone (relative error {error:.1e})"
    return ""


def repeated(subject: Subject, kind: str) -> Iterator[str]:
    """Two trainings are the same to the last bit, and no global generator is touched."""
    before = generators()
    first = trained(layer(subject, kind), ALL, 3)
    yield from drawn(before, "site.streams")
    second = trained(layer(subject, kind), ALL, 3)
    for what, tensor in first.items():
        if not torch.equal(tensor, second[what]):
            yield f"{what} is another one when the same training is repeated"
            return


def formula(subject: Subject, kind: str) -> Iterator[str]:
    """The one hook against the formula that the file gives, outputs and gradients."""
    plain = getattr(class_of(subject.name), "formula", None)
    if plain is None or not subject.given.keys() <= _taken(plain, dict(subject.given)).keys():
        return  # it does not speak of this option
    packing = packed_values(subject)
    block = layer(subject, kind, packed=packing)
    block.site.streams.at(0, 0)
    _moved(block)
    (point,) = normalizer(subject.name).points & {*OF_ONE_TENSOR}
    given = _given(block, point).requires_grad_()
    out = getattr(block.method, point)(given)
    target = normal(*out.shape, seed=3)
    (out * target).sum().backward()
    assert given.grad is not None
    for r in ALL:
        learned = {name: p[r].detach() for name, p in block.method.named_parameters()}
        options = {option: packing.get(option, (value,) * 3)[r] for option, value in subject.options.items()}
        own = given[r].detach().clone().requires_grad_()
        expected = plain(own, **_taken(plain, learned | options))
        (expected * target[r]).sum().backward()
        if (error := apart(out[r].detach(), expected.detach())) > CLOSE:
            yield f"`{point}` of replica {r} is not what the formula gives (relative error {error:.1e})"
        elif own.grad is None or (error := apart(given.grad[r], own.grad)) > CLOSE:
            yield f"the gradient of `{point}` of replica {r} is not that of the formula (relative error {error:.1e})"


def _taken(plain: Any, named: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(plain).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return named
    return {name: value for name, value in named.items() if name in parameters}


CHECKS = {
    "shapes, for one replica and for three": shapes,
    "what hooks are given stays as it is": untouched,
    "no tensor of another device": device,
    "gradients against finite differences": gradients,
    "replicas as each alone": replicas,
    "options of each replica": packing,
    "the same bits twice": repeated,
    "the formula of the file": formula,
}
