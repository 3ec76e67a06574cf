"""How many boundaries of a network's linear regions pass close by a sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from trainers.probes.probe import Reading
from trainers.probes.subject import Subject

AT_ONCE = 4096  # inputs of all replicas together


@dataclass(frozen=True, kw_only=True, slots=True)
class PartitionDensity:
    """The number of units k whose folded hyperplane {x: h_k(x) = 0} crosses the ball of radius ε around an input, its
    mean over inputs; h is what enters the activation functions, a unit one (channel, position).

    Counted are the units whose h changes sign among the centre and `points` that are uniform in the ball: a lower
    bound, which rises to the number with the points (Harman and Lacko 2010: d coordinates of a uniform point on the
    sphere in d + 2 dimensions are one in the ball).

    `data`: around the first samples of a part; `random`: around as many Gaussian inputs with the mean and deviation of
    all their values. For each layer and for all together (layer 0), `at` the radii, in units of the input. Source:
    Balestriero and Baraniuk 2022, section 3.3, Figures 3 and 4.
    """

    of: str
    samples: int
    radius: float | tuple[float, ...]
    points: int

    def read(self, subject: Subject) -> Iterator[Reading]:
        data = torch.cat([x for x, _ in subject.batches(self.of, self.samples)], dim=1)
        inner = tuple(range(1, data.ndim))
        noise = subject.streams.normal("probe/partition-density/random", 0, tuple(data.shape[1:]))
        random = data.mean(inner, keepdim=True) + data.std(inner, keepdim=True) * noise
        radii = self.radius if isinstance(self.radius, tuple) else (self.radius,)
        ball = self._ball(subject, tuple(data.shape[2:]))
        for name, centres in (("data", data), ("random", random)):
            found = [_crossing(subject, centres, radius * ball) for radius in radii]
            layers = {layer: torch.stack([each[layer] for each in found], dim=1) for layer in found[0]}
            yield Reading(name, torch.stack([*layers.values()]).sum(dim=0), 0, radii)
            for layer, counts in sorted(layers.items()):
                yield Reading(name, counts, layer, radii)

    def _ball(self, subject: Subject, sample: tuple[int, ...]) -> Tensor:
        """(R, points + 1, *sample): the centre of the unit ball, and points in it."""
        d = prod(sample)
        normal = subject.streams.normal("probe/partition-density/ball", 0, (self.points, d + 2)).double()
        inside = (normal / normal.norm(dim=2, keepdim=True))[..., :d].to(subject.streams.dtype)
        return torch.cat([torch.zeros_like(inside[:, :1]), inside], dim=1).unflatten(2, sample)


def _crossing(subject: Subject, centres: Tensor, around: Tensor) -> dict[int, Tensor]:
    """(R,) by layer: the mean over centres (R, S, *sample) of the units whose sign changes among `around` them."""
    counts: dict[int, Tensor] = {}
    points = around.shape[1]

    def look(layer: int, u: Tensor) -> None:
        positive = (u > 0).flatten(2).unflatten(1, (-1, points))
        changing = positive.any(dim=2) & ~positive.all(dim=2)
        counts[layer] = counts.get(layer, 0) + changing.sum(dim=(1, 2), dtype=torch.float64)

    at_once = max(1, AT_ONCE // (points * subject.replicas))
    with subject.activations(look):
        for some in centres.split(at_once, dim=1):
            x = (some.unsqueeze(2) + around.unsqueeze(1)).flatten(1, 2)
            subject.logits(x)
    return {layer: count / centres.shape[1] for layer, count in counts.items()}
