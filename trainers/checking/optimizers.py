"""What is asked of an optimizer. Each check yields a sentence for each fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from sweeps.trial import Trial
from sweeps.words.choice import OptionValue
from trainers.checking.comparing import unlike_before
from trainers.checking.subject import ALL, CLOSE, Subject, apart, normal, packed_values
from trainers.checking.training import trials_of
from trainers.optim.build import build
from trainers.optim.optimizer import Optimizer

PLACES = ("a small network's parameters",)
SHAPES = {"0.weight": (6, 5), "0.bias": (6,), "1.weight": (4, 6, 3, 3), "1.gamma": (4,), "2.weight": (3, 4)}
STEPS = 12
LR, DECAY, MOMENTUM = (0.01, 0.02, 0.005), (0.0, 0.1, 0.01), (0.0, 0.9, 0.5)  # of each replica


class Case:
    """Parameters of some replicas, and what moves them: each replica, by its number, has its own values."""

    def __init__(
        self, subject: Subject, replicas: Sequence[int], device: str = "cpu", lr: Sequence[float] = LR
    ) -> None:
        self.replicas, self._lr = tuple(replicas), lr
        self.parameters = {
            name: nn.Parameter(_stacked(shape, 7 * i, replicas).to(device))
            for i, (name, shape) in enumerate(SHAPES.items())
        }
        (first, *_), values = trials_of(Subject(name="none"), "mlp", None), packed_values(subject)
        self._first = first
        self.optimizer: Optimizer = build([self._trial(subject, r, values) for r in replicas], self.parameters.items())

    def _trial(self, subject: Subject, r: int, values: Mapping[str, tuple[OptionValue, ...]]) -> Trial:
        own: dict[str, OptionValue] = {name: given[r] for name, given in values.items()}
        momentum = MOMENTUM[r] if "momentum" in getattr(subject.entry, "takes", ()) else 0.0
        choice = subject.choice(**own)
        return replace(self._first, optimizer=choice, weight_decay=DECAY[r], momentum=momentum)

    def train(self, first: int, last: int, *, still: str = "", zero: bool = False) -> None:
        """Steps `first` to `last`; the parameter `still` has no gradient, with `zero` all gradients are 0."""
        for step in range(first, last):
            for i, (name, p) in enumerate(self.parameters.items()):
                if name == still:
                    continue
                noise = _stacked(SHAPES[name], 1000 + 10 * step + i, self.replicas).to(p.device)
                p.grad = torch.zeros_like(p) if zero else p.detach() - 0.3 + 0.5 * noise
            self.optimizer.set_rates([self._lr[r] * (1.0 if step % 4 else 0.5) for r in self.replicas])
            self.optimizer.step()
            self.optimizer.clear()

    def values(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self.parameters.items()}


def _stacked(shape: tuple[int, ...], seed: int, replicas: Sequence[int]) -> Tensor:
    return torch.stack([normal(*shape, seed=seed + 10_000 * r) for r in replicas])


def packed(subject: Subject, _place: str) -> Iterator[str]:
    """Three replicas, each with its own rate, decay, momentum and options, move as each of them alone."""
    together = Case(subject, ALL)
    together.train(0, STEPS)
    for r in ALL:
        alone = Case(subject, (r,))
        alone.train(0, STEPS)
        for name, tensor in alone.values().items():
            if (error := apart(together.values()[name][r : r + 1], tensor)) > CLOSE:
                yield (
                    f"{name} of replica {r} moves otherwise among three than alone (relative error {error:.1e}): its "
                    "rate, its decay and its options are one value a replica"
                )
                return


def saved(subject: Subject, _place: str) -> Iterator[str]:
    """From a checkpoint it goes on bit for bit."""
    whole = Case(subject, ALL)
    whole.train(0, 5)
    again = Case(subject, ALL)
    kept = {name: tensor.clone() for name, tensor in whole.optimizer.state_dict().items()}
    with torch.no_grad():
        for name, p in again.parameters.items():
            p.copy_(whole.parameters[name])
    again.optimizer.load_state_dict(kept)
    whole.train(5, STEPS)
    again.train(5, STEPS)
    for name, tensor in whole.values().items():
        if not torch.equal(tensor, again.values()[name]):
            yield f"{name} is another one after a checkpoint: what a step reads again belongs in `state_dict`"
            return


def still(subject: Subject, _place: str) -> Iterator[str]:
    """What has no gradient, and what has the rate 0, stays; gradients of 0 make nothing infinite."""
    case = Case(subject, ALL)
    begin = case.values()
    case.train(0, 3, still="0.bias")
    if not torch.equal(begin["0.bias"], case.values()["0.bias"]):
        yield "it moves a parameter that has no gradient"
    case = Case(subject, ALL, lr=(0.0, 0.0, 0.0))
    case.train(0, 3)
    if moved := [name for name, tensor in case.values().items() if not torch.equal(tensor, begin[name])]:
        yield f"with lr = 0 it moves {moved[0]}: every move is times the rate"
    case = Case(subject, ALL)
    case.train(0, 3, zero=True)
    if bad := [name for name, tensor in case.values().items() if not tensor.isfinite().all()]:
        yield f"{bad[0]} is not finite where all gradients are 0"


def device(subject: Subject, _place: str) -> Iterator[str]:
    """On torch's meta device, which as a GPU takes no tensor of the CPU."""
    case = Case(subject, ALL, "meta")
    case.train(0, 2)
    for name, tensor in case.optimizer.state_dict().items():
        if tensor.device.type != "meta":
            yield f"its state {name} is on the CPU, whatever the device"


def repeated(subject: Subject, _place: str) -> Iterator[str]:
    def outcome() -> dict[str, Tensor]:
        case = Case(subject, ALL)
        case.train(0, STEPS)
        return case.values()

    yield from unlike_before(outcome)


CHECKS = {
    "replicas, each with its values, as alone": packed,
    "goes on from a checkpoint bit for bit": saved,
    "nothing moves without gradient or rate": still,
    "no tensor of another device": device,
    "the same bits twice": repeated,
}
