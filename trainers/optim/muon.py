"""Muon: momentum, orthogonalized by Newton-Schulz iterations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from trainers.optim.adam import AdamW
from trainers.optim.optimizer import Optimizer, beside, decays

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


class Muon(Optimizer):
    """v ← μv + g; p ← (1 − η λ)p − η √max(1, n/m) O(v), or O(g + μv) with Nesterov's momentum.

    O makes all singular values of a matrix n × m about 1; a convolution's weight is the matrix out × (in · kernel). It
    works in the parameters' own precision, and allocates. So move the weights that decay but for the network's first
    and last, in order of definition; all else is AdamW's, at `rest` times the rate. Source: Jordan et al. 2024, Muon:
    an optimizer for hidden layers in neural networks.
    """

    slots = ("velocity",)
    decoupled = True

    def __init__(
        self,
        parameters: Iterable[tuple[str, Tensor]],
        *,
        weight_decay: Sequence[float],
        momentum: Sequence[float],
        nesterov: Sequence[bool],
        rest: Sequence[float],
        betas: Sequence[Sequence[float]],
        eps: Sequence[float],
    ) -> None:
        every = {name: p for name, p in parameters if p.requires_grad}
        hidden = [name for name, p in every.items() if decays(name, p)][1:-1]
        super().__init__([(name, every[name]) for name in hidden], weight_decay=weight_decay)
        others = [(name, p) for name, p in every.items() if name not in hidden]
        self._rest = AdamW(others, weight_decay=weight_decay, betas=betas, eps=eps)
        self._shares = tuple(rest)
        self._momentum = self.values(momentum)
        # What is orthogonalized is `plain` g + `ahead` v.
        self._plain = self.values([float(n) for n in nesterov])
        self._ahead = self.values([m if n else 1.0 for m, n in zip(momentum, nesterov, strict=True)])

    def set_rates(self, rates: Sequence[float]) -> None:
        super().set_rates(rates)
        self._rest.set_rates([rate * share for rate, share in zip(rates, self._shares, strict=True)])

    def clear(self) -> None:
        super().clear()
        self._rest.clear()

    def begin(self) -> None:
        self._rest.step()

    def move(self, name: str, p: Tensor, g: Tensor) -> None:
        v = self.state[name]["velocity"].mul_(beside(self._momentum, p)).add_(g)
        g.mul_(beside(self._plain, p)).addcmul_(v, beside(self._ahead, p))
        matrix = g.flatten(2)
        scale = max(1.0, matrix.shape[1] / matrix.shape[2]) ** 0.5
        p.addcmul_(orthogonal(matrix).reshape(p.shape), beside(self._rate, p), value=-scale)

    def state_dict(self) -> dict[str, Tensor]:
        return super().state_dict() | {f"rest.{name}": tensor for name, tensor in self._rest.state_dict().items()}


def orthogonal(matrix: Tensor) -> Tensor:
    """(R, n, m) with singular values of about 1 (0.7 to 1.2) and the same singular vectors; 0 stays 0."""
    a, b, c = COEFFICIENTS
    x = matrix if matrix.shape[1] <= matrix.shape[2] else matrix.mT
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x if matrix.shape[1] <= matrix.shape[2] else x.mT
