"""Plug-in files for tests."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sweeps.words.kinds import NAMES

HEAD = """\
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sweeps import Normalizer, Option
from trainers import Method, Site, plugin

"""

RMS = (
    HEAD
    + """
@plugin(
    "my-rms",
    Normalizer(
        summary="root mean square normalization",
        source="Zhang and Sennrich 2019",
        points=frozenset({"after"}),
        options={"eps": Option("float", 1e-5, low=0.0, packs=True, help="added to the mean square")},
    ),
)
class RmsNorm(Method):
    def __init__(self, site: Site, *, eps: float | Sequence[float]) -> None:
        super().__init__()
        dtype = site.streams.dtype
        self.gamma = nn.Parameter(torch.ones(site.replicas, site.out_channels, dtype=dtype))
        self.register_buffer("eps", torch.as_tensor(eps, dtype=dtype).expand(site.replicas).clone(), persistent=False)

    def after(self, u: Tensor) -> Tensor:
        space = (1,) * (u.ndim - 3)
        square = u.square().flatten(2).mean(dim=2) + self.eps.unsqueeze(1)
        return self.gamma.unsqueeze(1).unflatten(2, (-1, *space)) * u / square.sqrt().view(*u.shape[:2], 1, *space)
"""
)


def written(folder: Path, text: str = RMS, name: str = "rms.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def sweep_file(folder: Path, trial: str, plugins: str = "[rms.py]") -> Path:
    path = folder / "own.yaml"
    path.write_text(f"plugins: {plugins}\ntrial:\n  dataset: wine\n  epochs: 1\n{trial}", encoding="utf-8")
    return path


@contextmanager
def forgotten() -> Generator[None]:
    """Afterwards no plug-in is known to this process, as if it had just begun."""
    try:
        yield
    finally:
        for names in NAMES.values():
            for name in [name for name, entry in names.items() if entry.plugin]:
                del names[name]
        for name in [name for name in sys.modules if name.startswith("normsweep_plugin_")]:
            del sys.modules[name]


# Trains in seconds that a busy machine makes no shorter, and that cost it nothing.
SLOW = """
import time

import torch

from sweeps import Activation
from trainers import plugin


@plugin("slow", Activation(summary="relu, which takes its time in training", source=""))
def slow(u):
    if u.requires_grad:
        time.sleep(0.005)
    return torch.relu(u)
"""
