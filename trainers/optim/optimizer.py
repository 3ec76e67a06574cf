"""What every optimizer of R replicas is: parameters that lead with R, a state for each, values for each replica."""

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


def beside(values: Tensor, parameter: Tensor) -> Tensor:
    """Values (R,) as a view that multiplies a parameter (R, ...)."""
    return values.view(-1, *[1] * (parameter.ndim - 1))


class Optimizer:
    """Moves parameters along their gradients; η is the learning rate, λ the weight decay, one value a replica.

    A subclass names its `slots`, tensors that each parameter has beside it, 0 at the start, and says how one parameter
    moves. A parameter without a gradient stays where it is. No step allocates a tensor of a parameter's size; `step`
    may spoil the gradients. `decoupled`: weight decay shrinks the weights by η λ, as in adamw, apart from the gradient.
    """

    slots: tuple[str, ...] = ()
    decoupled: bool = False
    plain: bool = False  # p ← p − η g, and nothing else

    def __init__(self, parameters: Iterable[tuple[str, Tensor]], *, weight_decay: Sequence[float]) -> None:
        self.parameters = {name: p for name, p in parameters if p.requires_grad}
        like = next(iter(self.parameters.values()), torch.empty(0))
        self._dtype, self._device = like.dtype, like.device
        self._decay = self.values(weight_decay) if any(weight_decay) else None
        self._decays = tuple(weight_decay)
        self.state = {n: {slot: torch.zeros_like(p) for slot in self.slots} for n, p in self.parameters.items()}
        self._rates: tuple[float, ...] = ()
        self._rate, self._shrink = self.values(weight_decay), self.values(weight_decay)  # always the same tensors

    @property
    def rates(self) -> Tensor:
        """(R,), as set."""
        return self._rate

    def set_rates(self, rates: Sequence[float]) -> None:
        """The learning rate of each replica from the next step on."""
        if tuple(rates) != self._rates:
            self._rates = tuple(rates)
            self._rate.copy_(self.values(rates))
            if self.decoupled:  # what a step leaves of the weights
                self._shrink.copy_(self.values([1.0 - r * d for r, d in zip(rates, self._decays, strict=True)]))

    def clear(self) -> None:
        """Frees the gradients."""
        for p in self.parameters.values():
            p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        self.begin()
        for name, p in self.parameters.items():
            g = p.grad
            if g is None:
                continue
            if self._decay is not None and decays(name, p):
                if self.decoupled:
                    p.mul_(beside(self._shrink, p))
                else:
                    g.addcmul_(p, beside(self._decay, p))
            self.move(name, p, g)

    def begin(self) -> None:
        """What a step does once, before any parameter moves."""

    def move(self, name: str, p: Tensor, g: Tensor) -> None:
        """Moves one parameter along its gradient, in place; `g` holds the weight decay unless it is `decoupled`."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Tensor]:
        """All that the next step reads beside the parameters: the tensors themselves, not copies.

        Of an optimizer with one slot by the parameter's name, of one with more by `slot.parameter`.
        """
        return {
            name if len(self.slots) == 1 else f"{slot}.{name}": tensor
            for name, own in self.state.items()
            for slot, tensor in own.items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        mine = self.state_dict()
        assert state.keys() == mine.keys(), "a state of other parameters"
        for name, tensor in mine.items():
            tensor.copy_(state[name])

    def values(self, values: Sequence[float]) -> Tensor:
        """(R,) on the parameters' device and in their precision."""
        return torch.tensor(list(values), dtype=self._dtype, device=self._device)


class Scratch:
    """Room for one value of a parameter's size at a time, allocated once."""

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        largest = max(parameters, key=Tensor.numel)
        self._room = torch.empty_like(largest).flatten()

    def like(self, p: Tensor) -> Tensor:
        return self._room[: p.numel()].view(p.shape)
