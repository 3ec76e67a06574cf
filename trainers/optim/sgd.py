"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from trainers.optim.optimizer import Optimizer, beside


class SGD(Optimizer):
    """g ← g + λp; v ← μv + g; p ← p − η v, or p ← p − η (g + μv) with Nesterov's momentum.

    As `torch.optim.SGD` without dampening; μ and whether Nesterov's are one value a replica.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, Tensor]],
        *,
        weight_decay: Sequence[float],
        momentum: Sequence[float],
        nesterov: Sequence[bool],
    ) -> None:
        self.slots = ("velocity",) if any(momentum) else ()
        super().__init__(parameters, weight_decay=weight_decay)
        self.plain = type(self) is SGD and not self.slots and self._decay is None
        self._momentum = self.values(momentum)
        # The direction is `plain` g + `ahead` v; without Nesterov it is v itself.
        self._plain = None if all(nesterov) else self.values([float(n) for n in nesterov])
        self._ahead = self.values([m if n else 1.0 for m, n in zip(momentum, nesterov, strict=True)])
        self._nesterov = any(nesterov)

    def move(self, name: str, p: Tensor, g: Tensor) -> None:
        if self.slots:
            v = self.state[name]["velocity"].mul_(beside(self._momentum, p)).add_(g)
            if self._nesterov:
                if self._plain is not None:
                    g.mul_(beside(self._plain, p))
                g.addcmul_(v, beside(self._ahead, p))
            else:
                g = v
        p.addcmul_(g, beside(self._rate, p), value=-1.0)
