"""A process that trains with torch: plain networks, torch.func.vmap, packs of normsweep, and bare products."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from benchmarks.contenders import start
from benchmarks.contenders.networks import Arrays, Network, edit, project
from benchmarks.contenders.serving import STEPS, Contender, serve
from benchmarks.contenders.start import BATCH
from trainers import host, tiles


class _Stepwise:
    """Trains step by step; the first steps take the noise that the start holds."""

    replicas: int

    def __init__(self, arrays: Arrays, device: str = "cpu") -> None:
        self.device = device
        self.x, self.y = (torch.from_numpy(arrays[name]).to(device) for name in ("x", "y"))
        self.noise = torch.from_numpy(arrays["noise"]).to(device) if "noise" in arrays else None
        self.rate = float(arrays["rate"])
        self.done = 0

    def loss(self) -> list[float]:
        for step in range(STEPS + 1):
            losses = self.step(self._given(step))
        return losses.tolist()[: start.REPLICAS]

    def train(self, steps: int) -> int:
        for _ in range(steps):
            self.step(self.drawn())
        return steps

    def batch(self, order: Tensor) -> Tensor:
        first = self.done * BATCH % order.shape[-1]
        self.done += 1
        return order[..., first : first + BATCH]

    def step(self, noise: Tensor | None) -> Tensor:
        """Trains one step; returns the loss of each replica."""
        raise NotImplementedError

    def drawn(self) -> Tensor | None:
        """New noise."""
        raise NotImplementedError

    def given(self, noise: Tensor) -> Tensor:
        """Of the noise of all replicas of the start, that of the replicas here."""
        raise NotImplementedError

    def _given(self, step: int) -> Tensor | None:
        return None if self.noise is None else self.given(self.noise[step])


class Plain(_Stepwise):
    """One network, one optimizer, eager."""

    replicas = 1

    def __init__(self, method: str, arrays: Arrays, replica: int, device: str = "cpu") -> None:
        super().__init__(arrays, device)
        self.method, self.replica = method, replica
        self.order = torch.from_numpy(arrays["order"][replica]).to(device)
        self.network = Network(method, arrays, replica).to(device)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=self.rate)
        self.arrays = arrays
        self.layers = [dict(layer.named_parameters()) for layer in self.network.hidden]

    def loss(self) -> list[float]:
        """Of each replica of the start, trained one after the other."""
        others = [Plain(self.method, self.arrays, r, self.device) for r in range(start.REPLICAS)]
        return [_Stepwise.loss(other)[0] for other in others]

    def step(self, noise: Tensor | None) -> Tensor:
        batch = self.batch(self.order)
        logits, penalty = self.network(self.x[batch], noise)
        loss = F.cross_entropy(logits, self.y[batch])
        total = loss if penalty is None else loss + penalty
        self.optimizer.zero_grad()
        total.backward()
        for layer in self.layers:
            edit(self.method, {name: p.grad for name, p in layer.items()})
        self.optimizer.step()
        with torch.no_grad():
            for layer in self.layers:
                project(self.method, layer)
        return loss.detach().view(1)

    def drawn(self) -> Tensor | None:
        return None if self.noise is None else torch.randn(self.noise.shape[2:], device=self.device)

    def given(self, noise: Tensor) -> Tensor:
        return noise[self.replica]


class Mapped(_Stepwise):
    """`torch.func.vmap` of the gradient of the plain network's loss."""

    def __init__(self, method: str, arrays: Arrays, replicas: int) -> None:
        super().__init__(arrays)
        self.method, self.replicas = method, replicas
        self.which = torch.arange(replicas) % start.REPLICAS
        self.order = torch.from_numpy(arrays["order"])[self.which]
        networks = [Network(method, arrays, int(r)) for r in self.which]
        parameters, self.buffers = stack_module_state(networks)
        self.parameters = {name: p.detach() for name, p in parameters.items()}
        one = networks[0].to("meta")

        def loss(
            parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor, noise: Tensor | None
        ) -> tuple[Tensor, Tensor]:
            logits, penalty = functional_call(one, (parameters, buffers), (x, noise))
            loss = F.cross_entropy(logits, y)
            return (loss if penalty is None else loss + penalty), loss

        axes = (0, 0, 0, 0, None if self.noise is None else 0)
        self.gradients = vmap(grad_and_value(loss, has_aux=True), in_dims=axes)

    @torch.no_grad()
    def step(self, noise: Tensor | None) -> Tensor:
        batch = self.batch(self.order)
        found = self.gradients(self.parameters, self.buffers, self.x[batch], self.y[batch], noise)
        gradients, (_, losses) = found
        for layer in self._layers(gradients):
            edit(self.method, layer)
        torch._foreach_add_(list(self.parameters.values()), [gradients[n] for n in self.parameters], alpha=-self.rate)
        for layer in self._layers(self.parameters):
            project(self.method, layer)
        return losses

    def _layers(self, named: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        layers: dict[str, dict[str, Tensor]] = {}
        for name, tensor in named.items():
            if name.startswith("hidden."):
                layer, _, short = name.rpartition(".")
                layers.setdefault(layer, {})[short] = tensor
        return list(layers.values())

    def drawn(self) -> Tensor | None:
        return None if self.noise is None else torch.randn(self.replicas, *self.noise.shape[2:])

    def given(self, noise: Tensor) -> Tensor:
        return noise[self.which]


class Pack:
    """A pack of normsweep, as a run trains it: in tiles where these are faster."""

    def __init__(self, method: str, depth: int, replicas: int, device: str = "cpu") -> None:
        self.replicas = replicas
        data = start.samples()
        self.trainer: Any = tiles.build(start.trials(data, method, depth, replicas), data, device=device)
        self.parts = self.trainer.tiles if isinstance(self.trainer, tiles.TiledTrainer) else [self.trainer]

    def loss(self) -> list[float]:
        return [loss for part in self.parts for loss in start.loss(part)][: start.REPLICAS]

    def train(self, steps: int) -> float:
        before = self._done()
        self.trainer.advance(math.inf, steps * len(self.parts))
        return self._done() - before

    def _done(self) -> float:
        """Steps, the mean over replicas: one tile trains for an epoch before the next."""
        return sum(part.steps_done * len(part.trials) for part in self.parts) / self.replicas


class Products:
    """Three products a layer, the third one updating the weights, of one replica after the other; nothing else."""

    def __init__(self, arrays: Arrays, replicas: int) -> None:
        self.replicas = replicas
        names = [name for name in arrays if name.endswith(".weight")]
        shapes = [arrays[name].shape[1:] for name in names]
        self.weights = [
            [torch.from_numpy(arrays[n][r % start.REPLICAS].copy()) for n in names] for r in range(replicas)
        ]
        self.inputs = [torch.rand(BATCH, i) for _, i in shapes]
        self.outputs = [torch.rand(BATCH, o) for o, _ in shapes]
        self.deltas = [torch.rand(BATCH, o) for o, _ in shapes]
        self.backward = [torch.rand(BATCH, i) for _, i in shapes]

    def loss(self) -> list[float]:
        return []

    @torch.no_grad()
    def train(self, steps: int) -> int:
        for _ in range(steps):
            for weights in self.weights:
                self._step(weights)
        return steps

    def _step(self, weights: list[Tensor]) -> None:
        for x, w, u in zip(self.inputs, weights, self.outputs, strict=True):
            torch.mm(x, w.t(), out=u)
        for k in range(len(weights) - 1, -1, -1):
            if k:
                torch.mm(self.deltas[k], weights[k], out=self.backward[k])
            weights[k].addmm_(self.deltas[k].t(), self.inputs[k], alpha=-1e-9)


def build(number: int, threads: int, request: dict[str, Any]) -> dict[str, Contender]:
    host.prepare(threads)
    method, depth = request["method"], request["depth"]
    arrays = dict(np.load(Path(request["start"])))
    kinds: dict[str, Callable[[int], Contender]] = {
        "plain": lambda _: Plain(method, arrays, number),
        "vmap": lambda replicas: Mapped(method, arrays, replicas),
        "pack": lambda replicas: Pack(method, depth, replicas),
        "products": lambda replicas: Products(arrays, replicas),
    }
    return {name: kinds[kind](replicas) for name, (kind, replicas) in request["contenders"].items()}


if __name__ == "__main__":
    serve(build)
