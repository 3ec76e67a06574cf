"""What is asked of a metric. Each check yields a sentence for each fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from trainers.checking.comparing import unlike_alone, unlike_before
from trainers.checking.subject import ALL, CLOSE, Subject, apart, normal
from trainers.plugins.lookup import implementation
from trainers.plugins.measured import value

PLACES = {"two classes": 2, "ten classes": 10}
SAMPLES = 60


def _part(place: str, replicas: Sequence[int] = ALL) -> tuple[Tensor, Tensor]:
    """Logits (R, N, classes), right as often as not, and labels (R, N), each replica's own."""
    classes = PLACES[place]
    labels = torch.stack([(torch.arange(SAMPLES) + r) % classes for r in replicas])
    logits = torch.stack([normal(SAMPLES, classes, seed=90 + r) for r in replicas])
    return logits + 2 * torch.nn.functional.one_hot(labels, classes), labels


def _value(subject: Subject, logits: Tensor, labels: Tensor) -> Tensor:
    return value(subject.choice(), logits, labels)


def shapes(subject: Subject, place: str) -> Iterator[str]:
    for replicas in ((0,), ALL):
        found = implementation("metrics", subject.name)(*_part(place, replicas), **subject.options)
        if not isinstance(found, Tensor):
            yield f"it returns {type(found).__name__}, it must be a tensor (R,)"
        elif tuple(found.shape) != (len(replicas),):
            yield f"it is {tuple(found.shape)}, it must be (R,) = ({len(replicas)},): one number a replica"
        elif found.is_complex() or not found.isfinite().all():
            yield "it is not finite"


def untouched(subject: Subject, place: str) -> Iterator[str]:
    given = _part(place)
    kept = [tensor.clone() for tensor in given]
    _value(subject, *given)
    if not all(map(torch.equal, given, kept)):
        yield "it changes in place what it is given: make a tensor of your own"


def ordered(subject: Subject, place: str) -> Iterator[str]:
    """Samples come in no order that means anything."""
    logits, labels = _part(place)
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(5))
    if apart(_value(subject, logits[:, order], labels[:, order]), _value(subject, logits, labels)) > CLOSE:
        yield "it is another one when the samples come in another order"


def device(subject: Subject, place: str) -> Iterator[str]:
    """On torch's meta device, which as a GPU takes no tensor of the CPU; no answer where it asks for values."""
    logits, labels = _part(place)
    try:
        found = _value(subject, logits.to("meta"), labels.to("meta"))
    except RuntimeError as error:
        if isinstance(error, NotImplementedError) or "meta tensors" in str(error):
            return
        raise
    if found.device.type != "meta":
        yield "it is on the CPU, whatever the device: make tensors on the device of what it is given"


def precision(subject: Subject, place: str) -> Iterator[str]:
    """Of float32, as most trials have it."""
    logits, labels = _part(place)
    if apart(_value(subject, logits.float(), labels), _value(subject, logits.float().double(), labels)) > 1e-4:
        yield "of logits in float32 it is another one than of the same in float64: sum in float64"


def replicas(subject: Subject, place: str) -> Iterator[str]:
    """Three replicas are what each is alone."""
    yield from unlike_alone(lambda r: {"it": _value(subject, *_part(place, r))}, "keep the first axis apart")


def repeated(subject: Subject, place: str) -> Iterator[str]:
    yield from unlike_before(lambda: {"it": _value(subject, *_part(place))})


CHECKS = {
    "shapes, for one replica and for three": shapes,
    "what it is given stays as it is": untouched,
    "samples in any order": ordered,
    "no tensor of another device": device,
    "float32 as float64": precision,
    "replicas as alone": replicas,
    "the same bits twice": repeated,
}
