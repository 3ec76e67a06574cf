"""What is asked of an augmentation. Each check yields a sentence for each fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from trainers.augment import Augmentation, build
from trainers.checking.subject import ALL, CLOSE, FLOAT64, Subject, apart, drawn, generators, normal, packed_values
from trainers.checking.training import data_of, trials_of
from trainers.seeding import Streams

PLACES = ("tables", "images", "clouds")
BATCH = 5


def _made(
    subject: Subject, place: str, replicas: Sequence[int] = ALL, device: str = "cpu", step: int = 0
) -> Augmentation:
    values, (first, *_) = packed_values(subject), trials_of(Subject(name="none"), "mlp", None)
    trials = [
        replace(first, seed=r, augment=subject.choice(**{name: own[r] for name, own in values.items()}))
        for r in replicas
    ]
    streams = Streams([t.seed for t in trials], device=device, dtype=FLOAT64)
    streams.at(0, step)
    return build(trials, streams, None if device == "meta" else data_of(place))


def _batch(place: str, replicas: Sequence[int] = ALL) -> Tensor:
    return torch.stack([normal(BATCH, *data_of(place).facts.shape, seed=80 + r) for r in replicas])


def shapes(subject: Subject, place: str) -> Iterator[str]:
    made, x = _made(subject, place), _batch(place)
    expected = (len(ALL), BATCH, *made.shape(tuple(x.shape[2:])))
    kept = x.clone()
    for mode in (made.training, made.evaluation):
        y = mode(x)
        if tuple(y.shape) != expected:
            yield f"`{mode.__name__}` makes {tuple(y.shape)}, `shape` says {expected}"
        elif y.dtype != x.dtype:
            yield f"`{mode.__name__}` makes {y.dtype} of {x.dtype}"
    if not torch.equal(x, kept):
        yield "it changes in place what it is given: make a tensor of your own"


def device(subject: Subject, place: str) -> Iterator[str]:
    """On torch's meta device, which as a GPU takes no tensor of the CPU; no answer where shapes depend on values."""
    made = _made(subject, place, device="meta")
    made.shape(data_of(place).facts.shape)
    try:
        y = made.training(_batch(place).to("meta"))
    except NotImplementedError:
        return
    if y.device.type != "meta":
        yield "its output is on the CPU, whatever the device: make tensors on the device of what it is given"


def replicas(subject: Subject, place: str) -> Iterator[str]:
    """Three replicas, each with its options, are what each is alone."""
    made = _made(subject, place)
    made.shape(data_of(place).facts.shape)
    together = made.training(_batch(place))
    for r in ALL:
        alone = _made(subject, place, (r,)).training(_batch(place, (r,)))
        if apart(together[r : r + 1], alone) > CLOSE:
            yield f"replica {r} is another one among three than alone: draw from `self.streams`, share nothing"
            return


def repeated(subject: Subject, place: str) -> Iterator[str]:
    """The same step gives the same bits; at evaluation there is no chance."""
    before = generators()
    made = _made(subject, place)
    made.shape(data_of(place).facts.shape)
    first = made.training(_batch(place))
    yield from drawn(before)
    if not torch.equal(first, _made(subject, place).training(_batch(place))):
        yield "its training batch is another one when the same step is repeated"
    one, other = (_made(subject, place, step=step).evaluation(_batch(place)) for step in (0, 1))
    if not torch.equal(one, other):
        yield "`evaluation` differs from step to step: it is without chance"


CHECKS = {
    "shapes": shapes,
    "no tensor of another device": device,
    "replicas, each with its options, as alone": replicas,
    "the same bits twice": repeated,
}
