"""The state from which all contenders train: data, order, weights and noise as a pack of normsweep has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.contenders.serving import STEPS
from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from sweeps.trial import Trial
from trainers.data.dataset import Dataset, assemble
from trainers.pack import PackTrainer
from trainers.seeding import Streams

FEATURES, CLASSES, WIDTH, BATCH = 122, 10, 256, 20
METHODS = ("none", "bn", "ln", "vcl", "popnorm", "cwo", "normprop")
SAMPLES = 10_000
# In float32 a relu's input may pass 0 by rounding alone, which moves that replica's later losses: one in four may.
TOLERANCE, ONE_OFF = 1e-5, 1e-2
REPLICAS = 4  # whose start is handed over; contenders with more begin again with the first one


def rate(depth: int) -> float:
    """The learning rate. Batch statistics multiply rounding from layer to layer: at 1e-4, depth 16 and float32 the
    losses of bn after 20 steps are known to 5e-4 alone."""
    return 1e-3 if depth <= 8 else 1e-5


def samples() -> Dataset:
    """Noise, nearly all of it for training, so that hardly any time goes into evaluation."""
    rng = np.random.default_rng(0)
    codes = np.zeros((1, SAMPLES + 2), np.uint8)
    codes[0, -2:] = 1, 2
    x = rng.normal(size=(SAMPLES + 2, FEATURES)).astype(np.float32)
    return assemble("noise", x, rng.integers(0, CLASSES, SAMPLES + 2), CLASSES, codes=codes)


def trials(data: Dataset, method: str, depth: int, replicas: int) -> list[Trial]:
    settings = {
        "dataset": data.facts.name,
        "standardize": "none",
        "depth": depth,
        "width": WIDTH,
        "activation": "relu",
        "normalizer": method,
        "batch_size": BATCH,
        "epochs": 10**5,
        "lr": rate(depth),
        "seed": f"0..{replicas - 1}",
    }
    return expand(SweepSpec.from_json({"name": "packing", "trial": settings}), lambda _: data.facts)


def loss(trainer: PackTrainer) -> list[float]:
    """Trains the first STEPS steps and one more; that one's loss for each replica."""
    trainer.advance(math.inf, STEPS)
    before = trainer.state_dict()["loss_sums"].clone()
    trainer.advance(math.inf, 1)
    return (trainer.state_dict()["loss_sums"] - before).tolist()


def agree(who: str, losses: Sequence[float], expected: Sequence[float]) -> None:
    """SystemExit unless the losses after STEPS steps are the expected ones, as far as float32 goes."""
    off = [abs(loss / should - 1) for loss, should in zip(losses, expected, strict=False)]
    if not all(each <= ONE_OFF for each in off) or sum(each > TOLERANCE for each in off) > len(off) / 4:
        raise SystemExit(f"{who}: the losses after {STEPS} steps differ from a pack's by a share of {off}")


def write(file: Path, method: str, depth: int) -> list[float]:
    """Writes the start of REPLICAS networks; returns the loss of each after STEPS steps.

    `x` (n, features), `y` (n,), `order` (R, n), `rate`, of each layer `0.weight` (R, out, in) and what else it learns,
    and `noise` (STEPS + 1, R, depth, width) where the method draws any.
    """
    data = samples()
    members = trials(data, method, depth, REPLICAS)
    trainer = PackTrainer(members, data)
    streams = Streams([t.seed for t in members])
    train = data.split(0).train
    x = data.x[train]
    if method == "normprop":  # whose input is normalized; what trains by hand does it once
        x = ((x - x.mean(axis=0, dtype=np.float64)) / x.std(axis=0, dtype=np.float64)).astype(np.float32)
    arrays = {"x": x, "y": data.y[train], "order": streams.order(len(train)).numpy(), "rate": rate(depth)}
    for i, layer in enumerate([*trainer.network.blocks, trainer.network.get_submodule("classifier")]):
        arrays |= {f"{i}.{name.rpartition('.')[2]}": p.detach().numpy().copy() for name, p in layer.named_parameters()}
    if method == "cwo":
        noise = torch.empty(STEPS + 1, REPLICAS, depth, WIDTH)
        for step in range(STEPS + 1):
            streams.at(0, step)
            for layer in range(depth):
                noise[step, :, layer] = streams.normal("noise", layer + 1, (1, WIDTH))[:, 0]
        arrays["noise"] = noise.numpy()
    np.savez(file, **arrays)
    return loss(trainer)
