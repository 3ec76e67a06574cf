"""What is asked of a probe. Each check yields a sentence for each fault."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sweeps.trial import Trial
from trainers.checking.comparing import unlike_alone, unlike_before
from trainers.checking.subject import ALL, Subject
from trainers.checking.training import data_of, trials_of
from trainers.pack import PackTrainer
from trainers.probes.probe import Reading, misshapen
from trainers.probes.recorder import build, unchanged

PLACES = ("mlp", "resnet20")
EPOCH = 1  # after which it looks


def _trials(place: str, replicas: Sequence[int] = ALL) -> list[Trial]:
    """Each replica, by its number, has its own seed."""
    (first, *_) = trials_of(Subject(name="bn"), place, None)
    return [replace(first, seed=r) for r in replicas]


def _trainer(place: str, replicas: Sequence[int] = ALL) -> PackTrainer:
    """Of networks as they begin, whose parameters have gradients."""
    trainer = PackTrainer(_trials(place, replicas), data_of(place))
    for p in trainer.network.parameters():
        p.grad = torch.ones_like(p)
    return trainer


def _readings(subject: Subject, trainer: PackTrainer) -> list[Reading]:
    shown = trainer.subject
    shown.streams.at(EPOCH, 0)
    with torch.no_grad(), unchanged(shown.network):
        return list(build(subject.choice()).read(shown))


def _outcome(subject: Subject, place: str, replicas: Sequence[int]) -> dict[str, Tensor]:
    """By what it is; what is not finite is not kept, and counts as 0."""
    found = _readings(subject, _trainer(place, replicas))
    return {_name(reading): reading.values.double().nan_to_num(0.0, 0.0, 0.0) for reading in found}


def _name(reading: Reading) -> str:
    return f"{reading.quantity}" + (f" of layer {reading.layer}" if reading.layer else "")


def shapes(subject: Subject, place: str) -> Iterator[str]:
    for replicas in ((0,), ALL):
        found = _readings(subject, _trainer(place, replicas))
        if wrong := [told for reading in found if (told := misshapen(reading, len(replicas)))]:
            yield wrong[0]
            return
        names = [_name(reading) for reading in found]
        if not any(reading.values.isfinite().any() for reading in found):
            yield "it gives no reading that is finite"
        elif twice := [name for i, name in enumerate(names) if name in names[:i]]:
            yield f"it gives the reading {twice[0]} twice: call them by other names, or say which layer it is"


def untouched(subject: Subject, place: str) -> Iterator[str]:
    """Parameters, their gradients and what samples are. Buffers are brought back by who asks."""
    trainer = _trainer(place)
    parameters = dict(trainer.network.named_parameters())
    before = {name: (p.detach().clone(), p.requires_grad) for name, p in parameters.items()}
    hooks = _hooks(trainer)
    _readings(subject, trainer)
    for name, p in parameters.items():
        kept, learns = before[name]
        if not torch.equal(p, kept) or p.requires_grad != learns:
            yield f"it changes the parameter {name}: put back what you move"
            return
        if p.grad is None or not torch.equal(p.grad, torch.ones_like(p)):
            yield f"it changes the gradient of {name}: use `torch.autograd.grad` in the place of `backward`"
            return
    if _hooks(trainer) != hooks:
        yield "it leaves a hook in the network: remove it, or watch through `subject.activations` or `operations`"


def _hooks(trainer: PackTrainer) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in trainer.network.modules())  # pyright: ignore[reportPrivateUsage]


def training(subject: Subject, place: str) -> Iterator[str]:
    """A training that it looks at is the one that it does not look at, to the last bit."""
    plain = PackTrainer(_trials(place), data_of(place))
    looked = PackTrainer([replace(t, record=(subject.choice(),)) for t in _trials(place)], data_of(place))
    for trainer in (plain, looked):
        trainer.advance(math.inf)
    for (name, mine), theirs in zip(
        plain.network.state_dict().items(), looked.network.state_dict().values(), strict=True
    ):
        if not torch.equal(mine, theirs):
            yield f"{name} is another one where it looks at the training: change nothing, draw from `subject.streams`"
            return


def replicas(subject: Subject, place: str) -> Iterator[str]:
    """Three replicas are what each is alone."""
    yield from unlike_alone(lambda r: _outcome(subject, place, r), "share nothing between replicas")


def repeated(subject: Subject, place: str) -> Iterator[str]:
    """The same after the same epoch, and no global generator is touched."""
    yield from unlike_before(lambda: _outcome(subject, place, ALL))


CHECKS = {
    "shapes, for one replica and for three": shapes,
    "the network stays as it is": untouched,
    "a training as without it": training,
    "replicas as alone": replicas,
    "the same bits twice": repeated,
}
