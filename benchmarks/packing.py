"""What packing saves: R networks in one pack against R plain torch.nn networks trained one after the other.

    python benchmarks/packing.py                    # R = 12, B = 20, width 256, depths 4 and 16, one thread
    python benchmarks/packing.py --normalizer bn --replicas 32 --json

Each round trains a while with each of: the pack, the plain networks, and the pack's matrix products alone. Times are
medians over rounds; ratios are medians of the ratios within a round, so that a machine's moods cancel. One thread is
timed by the processor time that it gets, several by the wall.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn

from sweeps.trial import Trial
from sweeps.words.choice import Choice
from sweeps.words.vocabulary import NORMALIZERS
from trainers import host
from trainers.data.dataset import Dataset, assemble
from trainers.pack import PackTrainer

FEATURES, CLASSES, SAMPLES = 16, 26, 20_000


@dataclass(kw_only=True, slots=True)
class Result:
    """`steps_per_second` are steps of all R networks together; `outside_matmul` is a share of the pack's step."""

    replicas: int
    depth: int
    steps_per_second: float
    gflop_per_second: float
    plain_steps_per_second: float
    speedup: float
    outside_matmul: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=20)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--depth", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--normalizer", choices=("none", "bn"), default="none")
    parser.add_argument("--steps", type=int, default=40, help="of the pack in one round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    host.prepare(options.threads)
    results = [measure(depth, options) for depth in options.depth]
    if options.json:
        print(json.dumps([asdict(r) for r in results]))
        return
    print("  R depth  steps/s  GFLOP/s  plain steps/s  speedup  outside matmul")
    for r in results:
        print(
            f"{r.replicas:3d} {r.depth:5d} {r.steps_per_second:8.1f} {r.gflop_per_second:8.1f}"
            f" {r.plain_steps_per_second:14.1f} {r.speedup:7.2f}x {r.outside_matmul:14.0%}"
        )


def measure(depth: int, options: argparse.Namespace) -> Result:
    data = samples()
    replicas, batch, width = options.replicas, options.batch_size, options.width
    trials = [trial(data, depth, seed, options) for seed in range(replicas)]
    trainer = PackTrainer(trials, data)
    layers = [(FEATURES, width)] + [(width, width)] * (depth - 1) + [(width, CLASSES)]
    work = {
        "pack": lambda: repeat(options.steps, lambda: trainer.advance(0.0)),
        "plain": plain(data, layers, options),
        "matmul": lambda: repeat(options.steps, products(replicas, batch, layers)),
    }
    clock = time.process_time if options.threads == 1 else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(options.rounds + 1):  # the first one warms up
        for name, run in work.items():
            begin = clock()
            run()
            times[name].append((clock() - begin) / options.steps)
    pack, alone, matmul = (times[name][1:] for name in work)
    flop = replicas * batch * (6 * sum(i * o for i, o in layers) - 2 * FEATURES * width)  # no gradient of the input
    return Result(
        replicas=replicas,
        depth=depth,
        steps_per_second=1 / statistics.median(pack),
        gflop_per_second=flop / statistics.median(pack) / 1e9,
        plain_steps_per_second=1 / statistics.median(alone),
        speedup=statistics.median(a / p for a, p in zip(alone, pack, strict=True)),
        outside_matmul=1 - statistics.median(m / p for m, p in zip(matmul, pack, strict=True)),
    )


def repeat(times: int, step: Callable[[], None]) -> None:
    for _ in range(times):
        step()


def samples() -> Dataset:
    rng = np.random.default_rng(0)
    return assemble(
        "noise", rng.normal(size=(SAMPLES, FEATURES)).astype(np.float32), rng.integers(0, CLASSES, SAMPLES), CLASSES
    )


def trial(data: Dataset, depth: int, seed: int, options: argparse.Namespace) -> Trial:
    return Trial(
        dataset=data.facts.name,
        digest=data.facts.digest,
        split=0,
        standardize="train",
        augment=Choice("none"),
        model=Choice("mlp"),
        depth=depth,
        width=options.width,
        activation=Choice("relu"),
        normalizer=Choice.of(
            options.normalizer, {name: o.default for name, o in NORMALIZERS[options.normalizer].options.items()}
        ),
        revision=1,
        init="he",
        bias_init="zero",
        dropout=0.0,
        alpha_dropout=0.0,
        batch_size=options.batch_size,
        shards=1,
        epochs=1000,
        steps_per_epoch=0,
        steps=0,
        optimizer=Choice("sgd"),
        lr=0.01,
        schedule=Choice("constant"),
        warmup=0.0,
        warmup_steps=0,
        momentum=0.0,
        nesterov=False,
        weight_decay=0.0,
        clip_norm=0.0,
        label_smoothing=0.0,
        ema=0.0,
        smoothing=1,
        precision="float32",
        seed=seed,
    )


def plain(data: Dataset, layers: Sequence[tuple[int, int]], options: argparse.Namespace) -> Callable[[], None]:
    """Trains `replicas` ordinary networks for so many steps each, one after the other."""
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    networks: list[nn.Module] = []
    for _ in range(options.replicas):
        parts: list[nn.Module] = []
        for i, o in layers[:-1]:
            norm = [nn.BatchNorm1d(o)] if options.normalizer == "bn" else []
            parts += [nn.Linear(i, o, bias=not norm), *norm, nn.ReLU()]
        networks.append(nn.Sequential(*parts, nn.Linear(*layers[-1])))
    optimizers = [torch.optim.SGD(network.parameters(), lr=0.01) for network in networks]

    def run() -> None:
        for network, optimizer in zip(networks, optimizers, strict=True):
            order = torch.arange(len(y))
            for step in range(options.steps):
                batch = order[step * options.batch_size : (step + 1) * options.batch_size]
                loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    return run


def products(replicas: int, batch: int, layers: Sequence[tuple[int, int]]) -> Callable[[], None]:
    """The matrix products of one step of the pack, nothing else."""
    xs = [torch.randn(replicas, batch, i) for i, _ in layers]
    ws = [torch.randn(replicas, o, i) for i, o in layers]
    gs = [torch.randn(replicas, batch, o) for _, o in layers]

    def step() -> None:
        for x, w in zip(xs, ws, strict=True):
            torch.bmm(x, w.transpose(1, 2))
        for k in range(len(layers) - 1, -1, -1):
            torch.bmm(gs[k].transpose(1, 2), xs[k])
            if k:
                torch.bmm(gs[k], ws[k])

    return step


if __name__ == "__main__":
    main()
