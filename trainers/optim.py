"""Stochastic gradient descent on R replicas, each with its own learning rate, momentum and weight decay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor


def decays(name: str, parameter: Tensor) -> bool:
    """Whether weight decay acts on a parameter: on the weights of linear and convolution layers alone.

    These are called `weight` and have two axes at least beside R. Biases, scales, shifts, VCL's betas and the slopes
    of activations do not decay.
    """
    return name.rpartition(".")[2] == "weight" and parameter.ndim >= 3


class SGD:
    """g ← g + λp; v ← μv + g; p ← p − η v, or p ← p − η (g + μv) with Nesterov's momentum.

    As `torch.optim.SGD` without dampening, on parameters that lead with R; η, μ, λ and whether Nesterov's are one
    value a replica. `step` spoils the gradients, which saves memory.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, Tensor]],
        *,
        momentum: Sequence[float],
        nesterov: Sequence[bool],
        weight_decay: Sequence[float],
    ) -> None:
        self.parameters = {name: p for name, p in parameters if p.requires_grad}
        like = next(iter(self.parameters.values()))
        self._dtype, self._device = like.dtype, like.device
        self._momentum = self._values(momentum) if any(momentum) else None
        # The direction is `plain` g + `ahead` v; without Nesterov it is v itself.
        self._plain = None if all(nesterov) else self._values([float(n) for n in nesterov])
        self._ahead = self._values([m if n else 1.0 for m, n in zip(momentum, nesterov, strict=True)])
        self._nesterov = any(nesterov)
        self._decay = self._values(weight_decay) if any(weight_decay) else None
        self._velocity = (
            {} if self._momentum is None else {name: torch.zeros_like(p) for name, p in self.parameters.items()}
        )
        self._rates: tuple[float, ...] = ()
        self._rate = self._ahead

    def set_rates(self, rates: Sequence[float]) -> None:
        """The learning rate of each replica from the next step on."""
        if tuple(rates) != self._rates:
            self._rates = tuple(rates)
            self._rate = self._values(rates)

    def clear(self) -> None:
        """Frees the gradients."""
        for p in self.parameters.values():
            p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        for name, p in self.parameters.items():
            g = p.grad
            if g is None:
                continue
            if self._decay is not None and decays(name, p):
                g.addcmul_(p, _beside(self._decay, p))
            if self._momentum is not None:
                v = self._velocity[name].mul_(_beside(self._momentum, p)).add_(g)
                if self._nesterov:
                    if self._plain is not None:
                        g.mul_(_beside(self._plain, p))
                    g.addcmul_(v, _beside(self._ahead, p))
                else:
                    g = v
            p.addcmul_(g, _beside(self._rate, p), value=-1.0)

    def state_dict(self) -> dict[str, Tensor]:
        """The velocities by parameter (none without momentum): the tensors themselves, not copies."""
        return dict(self._velocity)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        assert state.keys() == self._velocity.keys(), "a state of other parameters"
        for name, velocity in self._velocity.items():
            velocity.copy_(state[name])

    def _values(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(list(values), dtype=self._dtype, device=self._device)


def _beside(values: Tensor, parameter: Tensor) -> Tensor:
    return values.view(-1, *[1] * (parameter.ndim - 1))
