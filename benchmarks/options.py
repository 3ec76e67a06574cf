"""How fast `channels_last` and `compile` train, beside the same training without them, in one run.

python benchmarks/options.py [--images] [--normalizers none bn vcl cwo] [--threads 1] [--device cuda] [--json]
Packs of 32 mlps (depth 8) on optical-test or, with `--images`, ResNet-20 at a batch of 128 on noise of 32 × 32. Both
take turns, round by round; the ratio is the median of the rounds' own ratios, more than 1 where the option is faster.
`first`: seconds of the first two steps, in which a network is compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from ddp import images

from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from trainers import data, host
from trainers.pack import PackTrainer

PACK = {"dataset": "optical-test", "depth": 8, "activation": "elu", "batch_size": 32, "seed": "0..31"}
IMAGES = {"dataset": "noise", "model": "resnet20", "batch_size": 128, "standardize": "none"}


@dataclass(kw_only=True, slots=True)
class Result:
    normalizer: str
    option: str
    first: float
    ratio: float


def measure(normalizer: str, option: str, args: argparse.Namespace) -> Result:
    dataset = images(128 * 50 + 2) if args.images else data.read("optical-test")
    settings = {**(IMAGES if args.images else PACK), "normalizer": normalizer, "epochs": 10**5}
    trials = expand(SweepSpec.from_json({"name": "options", "trial": settings}), lambda _: dataset.facts)
    options: list[dict[str, Any]] = [{}, {option: True}]
    trainers = [PackTrainer(trials, dataset, device=args.device, **how) for how in options]
    first = [seconds(trainer, 2, args.device) for trainer in trainers][1]
    rounds = [[seconds(trainer, args.steps, args.device) for trainer in trainers] for _ in range(args.rounds)]
    ratio = statistics.median(without / with_it for without, with_it in rounds)
    return Result(normalizer=normalizer, option=option, first=first, ratio=ratio)


def seconds(trainer: PackTrainer, steps: int, device: str) -> float:
    begin = time.perf_counter()
    trainer.advance(float("inf"), steps)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", action="store_true")
    parser.add_argument("--normalizers", nargs="+", default=["none", "bn", "vcl", "cwo"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--steps", type=int, default=8, help="in one round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    host.prepare(args.threads)
    names = ["channels_last", "compile"] if args.images else ["compile"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        rows = [measure(normalizer, name, args) for normalizer in args.normalizers for name in names]
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print("normalizer  option         first (s)  ratio")
    for row in rows:
        print(f"{row.normalizer:11s} {row.option:13s} {row.first:10.1f} {row.ratio:6.2f}")


if __name__ == "__main__":
    main()
