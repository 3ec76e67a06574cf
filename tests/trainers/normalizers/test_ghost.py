"""Ghost batch normalization against Algorithm 1 of Hoffer et al. 2017, one replica at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.normalizers.alone import ELU, PLACES, Place, Plain, compare, normal, packed

SIZE, BATCH = 3, 6


class PlainGhosts(Plain):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.gamma, self.beta = nn.Parameter(torch.ones_like(bias)), nn.Parameter(torch.zeros_like(bias))
        self.mean, self.var = torch.zeros_like(bias), torch.ones_like(bias)

    def forward(self, x: Tensor) -> Tensor:
        u = self.place.apply(x, self.weight).movedim(1, -1)
        if not self.training:
            return self.shifted((u - self.mean) / (self.var + 1e-5).sqrt())
        parts: list[Tensor] = []
        for ghost in u.split(SIZE):
            values = ghost.flatten(0, -2)
            mean, var = values.mean(0), values.var(0, correction=0)
            parts.append((ghost - mean) / (var + 1e-5).sqrt())
            self.mean = 0.9 * self.mean + 0.1 * mean.detach()
            self.var = 0.9 * self.var + 0.1 * values.var(0).detach()
        return self.shifted(torch.cat(parts))

    def shifted(self, normalized: Tensor) -> Tensor:
        return F.elu(self.gamma * normalized + self.beta).movedim(-1, 1)


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(place: Place, replicas: int) -> None:
    compare("gbn", PlainGhosts, replace(place, batch=BATCH), replicas, size=SIZE)


def test_one_ghost_batch_is_batch_normalization() -> None:
    place = replace(PLACES["full"], batch=BATCH)
    ghosts, whole = packed("gbn", place, (ELU,), size=BATCH), packed("bn", place, (ELU,))
    x = normal(1, BATCH, place.inputs, seed=1)
    torch.testing.assert_close(ghosts(x), whole(x))
    torch.testing.assert_close(ghosts.eval()(x), whole.eval()(x))


def test_a_batch_that_does_not_divide_is_refused() -> None:
    place = PLACES["full"]
    with pytest.raises(ValueError, match="gbn: a batch of 5 does not divide into ghost batches of 3: use another"):
        packed("gbn", place, (ELU,), size=3)(normal(1, 5, place.inputs, seed=1))
