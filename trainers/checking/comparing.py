"""What several checks ask alike: gradients against finite differences, packed and alone, the same bits twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from trainers.checking.subject import ALL, CLOSE, STEP, apart, drawn, generators, normal, off

Outcome = Mapping[str, Tensor]


def wrong_gradients(
    tensors: Mapping[str, Tensor], losses: Tensor, changed: Callable[[str, Tensor], Tensor]
) -> Iterator[str]:
    """Of losses (R,) of tensors (R, ...), along a random direction of each.

    `changed(name, change)`: the losses where the tensor of that name differs by so much.
    """
    found = torch.autograd.grad(losses.sum(), [*tensors.values()], allow_unused=True)
    made = cast(tuple[Tensor | None, ...], found)
    for i, ((name, tensor), gradient) in enumerate(zip(tensors.items(), made, strict=True)):
        direction = normal(*tensor.shape, seed=500 + i)
        told = torch.zeros_like(losses)
        if gradient is not None:
            told = (gradient * direction).reshape(len(losses), -1).sum(dim=1)
        above, below = (changed(name, sign * STEP * direction).detach() for sign in (1, -1))
        measured = (above - below) / (2 * STEP)
        if (wrong := off(told, measured)).any():
            r = int(wrong.int().argmax())
            yield (
                f"the gradient of {name} is wrong: along a random direction it is {float(told[r]):.6g}, "
                f"the loss changes by {float(measured[r]):.6g}"
            )


def changing(tensors: Mapping[str, Tensor], losses: Callable[[], Tensor]) -> Callable[[str, Tensor], Tensor]:
    """For `wrong_gradients`: changes a tensor in place, and brings it back."""

    @torch.no_grad()
    def changed(name: str, change: Tensor) -> Tensor:
        kept = tensors[name].clone()
        tensors[name].add_(change)
        found = losses()
        tensors[name].copy_(kept)
        return found

    return changed


def unlike_alone(outcome: Callable[[Sequence[int]], Outcome], advice: str) -> Iterator[str]:
    """Whether what comes out of three replicas, each by its number, is what comes out of each alone."""
    packed = outcome(ALL)
    for r in ALL:
        for name, tensor in outcome((r,)).items():
            error = apart(packed[name][r : r + 1], tensor) if name in packed else float("inf")
            if error > CLOSE:
                told = f"{name} of replica {r} is another one among three than alone (relative error {error:.1e})"
                yield f"{told}: {advice}"
                return


def unlike_before(outcome: Callable[[], Outcome]) -> Iterator[str]:
    """Whether the same comes out twice, to the last bit, and no global generator is touched."""
    before = generators()
    first = outcome()
    yield from drawn(before)
    for name, tensor in outcome().items():
        if not torch.equal(tensor, first[name]):
            yield f"{name} is another one the second time"
            return
