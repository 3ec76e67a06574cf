"""Images per second of a gang's training, beside a plain torch script with DistributedDataParallel, in one run.

python benchmarks/ddp.py [--ranks 1 2 4] [--steps 6] [--rounds 5] [--sync] [--channels-last] [--compile] [--device cuda]
                         [--json]
Both train ResNet-20 with batch norm on 32 × 32 images already in memory, one batch of 128 divided among the ranks, with
momentum and weight decay, one thread a rank on CPUs. They take turns, round by round; the ratio is the median of the
rounds' own ratios. More ranks than cores tell what the reductions cost, not how training scales.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from sweeps.trial import Trial
from trainers import host
from trainers.data.dataset import Dataset, assemble
from trainers.pack import PackTrainer

BATCH, CLASSES, SIDE = 128, 10, 32


@dataclass(kw_only=True, slots=True)
class Result:
    """Images per second of all ranks together."""

    ranks: int
    ours: float
    plain: float
    ratio: float


class Basic(nn.Module):
    """Two convolutions beside a shortcut that learns nothing."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride = outputs // inputs
        self.first = nn.Conv2d(inputs, outputs, 3, self.stride, 1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outputs) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        u = self.norms[1](self.second(F.relu(self.norms[0](self.first(x)))))
        if self.stride > 1:
            room = u.shape[1] - x.shape[1]
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, room // 2, room - room // 2))
        return F.relu(u + x)


def resnet20() -> nn.Module:
    """What one writes by hand: He et al. 2016, section 4.2."""
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    sizes = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    blocks = [Basic(a, b) for a, b in itertools.pairwise(sizes)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))


def plain(data: Dataset, options: argparse.Namespace) -> Callable[[int], None]:
    rank, world, device = dist.get_rank(), dist.get_world_size(), options.device
    network = resnet20()
    if options.sync:
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    network = DistributedDataParallel(network.to(device, memory_format=layout))
    if options.compile:
        network.compile()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    split = data.split(0).train
    x, y = (torch.from_numpy(array[split]).to(device) for array in (data.x, data.y))
    generator = torch.Generator().manual_seed(0)

    def train(steps: int) -> None:
        for _ in range(steps):
            batch = torch.randperm(len(x), generator=generator)[:BATCH][rank::world].to(device)
            loss = F.cross_entropy(network(x[batch].contiguous(memory_format=layout)), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return train


def ours(data: Dataset, options: argparse.Namespace) -> Callable[[int], None]:
    how = {name: getattr(options, name) for name in ("device", "channels_last", "compile")}
    trainer = PackTrainer([one_trial(data, dist.get_world_size(), options.sync)], data, **how)
    return lambda steps: trainer.advance(math.inf, steps)


def one_trial(data: Dataset, shards: int, sync: bool) -> Trial:
    settings = {
        "dataset": data.facts.name,
        "model": "resnet20",
        "normalizer": {"bn": {"sync": True}} if sync else "bn",
        "batch_size": BATCH,
        "shards": shards,
        "epochs": 10**6,
        "lr": 0.05,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "standardize": "none",
    }
    (trial,) = expand(SweepSpec.from_json({"name": "ddp", "trial": settings}), lambda _: data.facts)
    return trial


def images(count: int) -> Dataset:
    """Noise, nearly all of it for training, so that hardly any time goes into evaluation."""
    rng = np.random.default_rng(0)
    codes = np.zeros((1, count), np.uint8)
    codes[0, -2:] = 1, 2
    x = rng.normal(size=(count, 3, SIDE, SIDE)).astype(np.float32)
    return assemble("noise", x, rng.integers(0, CLASSES, count), CLASSES, codes=codes)


def rank_main(rank: int, world: int, port: int, options: argparse.Namespace, results: Any) -> None:
    cuda = options.device == "cuda"
    host.prepare(1)
    if cuda:
        torch.cuda.set_device(rank)
    store = dist.TCPStore("127.0.0.1", port, world, is_master=rank == 0)  # pyright: ignore[reportPrivateImportUsage]
    dist.init_process_group("nccl" if cuda else "gloo", store=store, rank=rank, world_size=world)
    data = images(BATCH * 50 + 2)
    both = ours(data, options), plain(data, options)
    times: list[list[float]] = []
    for _ in range(1 + options.rounds):
        times.append([])
        for train in both:
            dist.barrier()
            begin = time.perf_counter()
            train(options.steps)
            if cuda:
                torch.cuda.synchronize()
            dist.barrier()
            times[-1].append((time.perf_counter() - begin) / options.steps)
    if rank == 0:
        mine, theirs = (statistics.median(column) for column in zip(*times[1:], strict=True))
        ratio = statistics.median(b / a for a, b in times[1:])
        results.put(Result(ranks=world, ours=BATCH / mine, plain=BATCH / theirs, ratio=ratio))
    dist.destroy_process_group()


def measure(world: int, options: argparse.Namespace) -> Result:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    results = torch.multiprocessing.get_context("spawn").SimpleQueue()
    torch.multiprocessing.spawn(rank_main, (world, port, options, results), nprocs=world)
    found: Result = results.get()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--steps", type=int, default=6, help="in one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sync", action="store_true", help="statistics over all ranks")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure(world, options) for world in options.ranks]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print("ranks  ours (images/s)  plain  ratio")
    for row in rows:
        print(f"{row.ranks:5d} {row.ours:16.1f} {row.plain:6.1f} {row.ratio:6.2f}")


if __name__ == "__main__":
    main()
