"""What a GPU trains in a second, in one script of less than 8 minutes; without a GPU it says so and exits with 2.

    python benchmarks/gpu.py [--json]
    python benchmarks/gpu.py --device cpu --quick      # shows that the script works; its figures are none of a GPU

- Packs of 1 to 512 mlps (depth 8, width 256, B = 20) beside the usual eager loop over one network, from the same start
  and with the same losses. The bound is what the GPU's memory allows: a step reads each weight forward and backward,
  and reads and writes it in the update, at the rate of a large copy measured here.
- Calls from the host to the GPU in a step: kernels, graphs, copies.
- The preset uci44: an epoch of each of its packs for one data set, of noise of that set's sizes, times epochs and data
  sets: packs in turn, one at a time.
- ResNet-20, four in a pack beside four plain trainings one after the other, B = 128.
- A gang of one process, with NCCL, beside DistributedDataParallel.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks import ddp
from benchmarks.contenders import start
from benchmarks.contenders.torch_worker import Pack, Plain
from sweeps.facts import DatasetFacts
from sweeps.file.spec import SweepSpec, load_spec
from sweeps.plan import expand, packs
from sweeps.trial import Trial
from trainers import host
from trainers.data.dataset import assemble, describe
from trainers.pack import PackTrainer

ROOT = Path(__file__).resolve().parent.parent
DEPTH = 8
CALLS = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch", "cudaMemcpyAsync", "cudaMemsetAsync")
MEASURED, SMALL = "optical", "led-display"  # of uci44
Row = dict[str, Any]
Found = tuple[list[Row], str]  # a table and what it comes to


class Timer:
    """Wall seconds of work on the device."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.cuda = options.device == "cuda"
        self.rounds, self.seconds = (3, 0.02) if options.quick else (5, 0.3)

    def once(self, work: Callable[[], object]) -> float:
        self._wait()
        begin = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - begin

    def step(self, train: Callable[[int], object]) -> float:
        """Seconds of a step: the median of rounds of equally many, after one that does not count."""
        steps = max(2, round(self.seconds * 2 / self.once(lambda: train(2))))
        return statistics.median(self.once(lambda: train(steps)) / steps for _ in range(self.rounds))

    def _wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()


def bandwidth(timer: Timer, options: argparse.Namespace) -> float:
    """Bytes a second of a copy, read and written."""
    source = torch.zeros(2**20 if options.quick else 2**28, device=options.device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / timer.step(lambda n: [target.copy_(source) for _ in range(n)])


def calls(train: Callable[[int], object], options: argparse.Namespace) -> float:
    """From the host to the GPU in a step; on a CPU the operators in their place."""
    steps = 5
    activities = [torch.profiler.ProfilerActivity.CPU]
    if options.device == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        train(steps)
    names = [event.name for event in profile.events() or ()]
    wanted = CALLS if options.device == "cuda" else ("aten::",)
    return sum(name.startswith(wanted) for name in names) / steps


def of_packs(timer: Timer, options: argparse.Namespace) -> Found:
    rate = bandwidth(timer, options)
    rows: list[Row] = []
    for method in ("none", "bn", "vcl"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "start.npz"
            expected = start.write(file, method, DEPTH)
            alone = Plain(method, dict(np.load(file)), 0, options.device)
        start.agree(f"the loop of {method}", alone.loss(), expected)
        eager = timer.step(alone.train)
        rows.append(
            row(method, "loop", 1, eager, eager, 4 * weights(alone.network) / rate, calls(alone.train, options))
        )
        for replicas in [1, 4] if options.quick else [2**k for k in range(10)]:
            pack = Pack(method, DEPTH, replicas, options.device)
            start.agree(f"a pack of {replicas} of {method}", pack.loss(), expected)
            taken = timer.step(pack.train)
            bound = 4 * replicas * weights(alone.network) / rate
            rows.append(row(method, "pack", replicas, taken, eager, bound, calls(pack.train, options)))
    return rows, f"a copy moves {rate / 1e9:,.0f} GB/s"


def weights(network: torch.nn.Module) -> int:
    """Bytes of what is learned."""
    return sum(p.nbytes for p in network.parameters())


def row(method: str, what: str, replicas: int, step: float, eager: float, bound: float, count: float) -> Row:
    return {
        "method": method,
        "what": what,
        "R": replicas,
        "µs a step": round(step * 1e6, 1),
        "µs a replica": round(step * 1e6 / replicas, 2),
        "times the loop": round(eager * replicas / step, 1),
        "share of the bound": round(bound / step, 3),
        "calls a step": round(count, 1),
    }


@cache
def sizes() -> dict[str, DatasetFacts]:
    """Of the data sets of uci44, which need not be here."""
    with (ROOT / "trainers" / "data" / "listings" / "uci44.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    none = {line["name"]: np.zeros((0, int(line["n"])), np.uint8) for line in lines}
    return {
        line["name"]: describe(
            line["name"], "0" * 64, (int(line["d"]),), int(line["classes"]), none[line["name"]], seeded=True
        )
        for line in lines
    }


def of_uci44(timer: Timer, options: argparse.Namespace) -> Found:
    """The hours of the whole preset, from an epoch of each pack of one data set."""
    spec = load_spec("uci44", ["depth=4"] if options.quick else [])
    planned = packs(expand(spec, lambda name: sizes()[name]), lambda name: sizes()[name], spec.run.pack)
    measured = SMALL if options.quick else MEASURED
    facts = sizes()[measured]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(facts.n, *facts.shape)).astype(np.float32)
    dataset = assemble(measured, x, rng.integers(0, facts.classes, facts.n), facts.classes, digest=facts.digest)
    taken: dict[tuple[int, str], tuple[float, float]] = {}
    rows: list[Row] = []
    for pack in planned:
        first = pack.trials[0]
        if first.dataset != measured:
            continue
        trainer = PackTrainer(pack.trials, dataset, device=options.device)
        steps = facts.sizes(first.split).train // first.batch_size
        trainer.advance(math.inf, steps)  # the first epoch warms up
        step = timer.once(lambda trainer=trainer, steps=steps: trainer.advance(math.inf, steps - 1)) / (steps - 1)
        end = timer.once(lambda trainer=trainer: trainer.advance(math.inf, 1)) - step
        taken[first.depth, first.normalizer.name] = step, end
        rows.append(
            {
                "depth": first.depth,
                "method": first.normalizer.name,
                "R": len(pack.trials),
                "ms a step": round(step * 1e3, 3),
                "ms an epoch's end": round(end * 1e3, 2),
            }
        )
    hours = sum(of_pack(pack.trials, facts, taken) for pack in planned) / 3600
    what = "uci44 at depth 4 alone" if options.quick else "uci44"
    return rows, f"{what}: {hours:.2f} hours of this device, extrapolated from the second epoch of {measured}"


def of_pack(trials: list[Trial], of: DatasetFacts, taken: dict[tuple[int, str], tuple[float, float]]) -> float:
    """Seconds: the step is the same on every data set, the end of an epoch goes with the samples."""
    first = trials[0]
    facts = sizes()[first.dataset]
    step, end = taken[first.depth, first.normalizer.name]
    steps = facts.sizes(first.split).train // first.batch_size
    return first.epochs * (steps * step + end * facts.n / of.n)


def of_images(timer: Timer, options: argparse.Namespace) -> Found:
    count, batch = (4, 8) if options.quick else (4, ddp.BATCH)
    dataset = ddp.images(batch * 50 + 2)
    settings = {
        "dataset": dataset.facts.name,
        "model": "resnet20",
        "normalizer": "bn",
        "batch_size": batch,
        "standardize": "none",
        "epochs": 10**6,
        "lr": 0.05,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "seed": f"0..{count - 1}",
    }
    trials = expand(SweepSpec.from_json({"name": "gpu", "trial": settings}), lambda _: dataset.facts)
    x, y = (torch.from_numpy(array).to(options.device) for array in (dataset.x, dataset.y))

    def plain(layout: torch.memory_format) -> Callable[[int], None]:
        networks = [ddp.resnet20().to(options.device, memory_format=layout) for _ in range(count)]
        optimizers = [torch.optim.SGD(n.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4) for n in networks]

        def train(steps: int) -> None:
            for network, optimizer in zip(networks, optimizers, strict=True):
                for _ in range(steps):
                    where = torch.randint(len(y), (batch,), device=options.device)
                    loss = F.cross_entropy(network(x[where].contiguous(memory_format=layout)), y[where])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()

        return train

    rows: list[Row] = []
    for last in (False, True):
        layout = torch.channels_last if last else torch.contiguous_format
        trainer = PackTrainer(trials, dataset, device=options.device, channels_last=last)
        ours = timer.step(lambda n, trainer=trainer: trainer.advance(math.inf, n))
        theirs = timer.step(plain(layout))
        rows.append(
            {
                "ResNet-20": "channels last" if last else "contiguous",
                "R": count,
                "ms a step of the pack": round(ours * 1e3, 2),
                "ms of four plain steps": round(theirs * 1e3, 2),
                "ratio": round(theirs / ours, 2),
            }
        )
    return rows, ""


def of_gang(timer: Timer, options: argparse.Namespace) -> Found:
    how = argparse.Namespace(
        steps=2 if options.quick else 6,
        rounds=timer.rounds,
        sync=False,
        channels_last=False,
        compile=False,
        device=options.device,
    )
    found = ddp.measure(1, how)
    return [
        {"ranks": 1, "images/s": round(found.ours), "DDP's": round(found.plain), "ratio": round(found.ratio, 2)}
    ], ""


def table(rows: list[Row]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(value) for value in each.values()] for each in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="small and short: that the script works, no figures")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no GPU here: nothing was measured (--device cpu --quick tries the script)", file=sys.stderr)
        sys.exit(2)
    host.prepare(1)
    timer, begin = Timer(options), time.perf_counter()
    found: dict[str, Any] = {"device": host.device_name(options.device), "torch": torch.__version__}
    if options.device == "cpu":
        found["device"] = "cpu: no figures of a GPU"
    tell = partial(print, file=sys.stderr if options.json else sys.stdout, flush=True)
    tell(*found.values(), sep=", ")
    for name, measure in (("packs", of_packs), ("uci44", of_uci44), ("images", of_images), ("gang", of_gang)):
        rows, sentence = measure(timer, options)
        found[name] = {"rows": rows, "sentence": sentence}
        tell(f"\n{table(rows)}\n\n{sentence}\n{name}: after {time.perf_counter() - begin:.0f} s")
    if options.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
