"""A network's forward pass, and so its backward pass, through `torch.compile`."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor

from trainers.compiling.compiler import has_compiler
from trainers.data.home import cache_home
from trainers.models.network import Network
from trainers.seeding import Streams, Use


def compiled(network: Network, streams: Streams, *, synchronized: bool) -> Callable[[Tensor], Tensor]:
    """The network, compiled if there is a C++ compiler and all of it can be.

    brn and bn-noise cannot: what torch computes a second time in backward, to keep less, reads buffers that forward has
    moved since (pytorch #197039), and their gradients would be wrong without a word. Nor can statistics that are
    `synchronized` over processes.
    """
    if synchronized or not has_compiler() or not all(block.method.compiles for block in network.blocks):
        return network
    return _Compiled(network, streams)


class _Compiled:
    """Maps what the network maps: compiled once for each shape of a batch, in training and in evaluation.

    Compiled code finds the step's random numbers drawn ahead, as it would have to leave for Python where it draws them.
    """

    def __init__(self, network: Network, streams: Streams) -> None:
        folder = cache_home() / "compiled"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # torch unpickles what lies there
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no processes beside this one
        torch.compiler.reset()  # a process compiles each network only so often, and it may have trained others
        self._network, self._streams = network, streams
        # Not one code for all shapes: which shape came first would decide how it rounds.
        self._compiled = torch.compile(network, dynamic=False)
        self._uses: dict[tuple[bool, torch.Size], list[Use]] = {}

    def __call__(self, x: Tensor) -> Tensor:
        key = self._network.training, x.shape
        if key not in self._uses:
            self._uses[key] = self._noted(x)
        self._streams.draw_ahead(self._uses[key])
        return self._compiled(x)

    @torch.no_grad()
    def _noted(self, x: Tensor) -> list[Use]:
        """What a pass over such a batch draws; it leaves no trace in the network."""
        copy = deepcopy(self._network, {id(self._streams): self._streams})
        return self._streams.noted(lambda: copy(x))
