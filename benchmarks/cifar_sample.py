"""Does each method train a convolutional network at all? resnet20 on 2,000 real CIFAR-10 images.

NORMSWEEP_DATA=FOLDER python benchmarks/cifar_sample.py [--methods bn,gn,popnorm,cwo] [--epochs 40] [--json]
FOLDER holds cifar/cifar10_sample.npz: 2,000 training and 1,000 test images. One seed, pad-crop-flip, B = 64, cosine
from the method's learning rate in its paper. Prints the test error of the last epoch (chance: 0.9).
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from trainers import data
from trainers.host import prepare
from trainers.pack import PackTrainer

# Learning rate and weight decay for CIFAR: POP-Norm's for bn and popnorm, CWO's for cwo. For gn no paper states any,
# and 0.1 is too high for so few epochs (test error 0.865 after 20).
RATES = {"cwo": (0.1, 1e-3), "gn": (0.02, 5e-4)}


def trained(method: str, epochs: int) -> dict[str, float | str]:
    lr, decay = RATES.get(method, (0.1, 5e-4))
    sweep = SweepSpec.from_json(
        {
            "name": "cifar",
            "trial": {
                "dataset": "cifar10-sample",
                "model": "resnet20",
                "activation": "relu",
                "normalizer": method,
                "augment": "pad-crop-flip",
                "batch_size": 64,
                "epochs": epochs,
                "lr": lr,
                "schedule": "cosine",
                "momentum": 0.9,
                "weight_decay": decay,
            },
        }
    )
    trainer = PackTrainer(expand(sweep, data.facts), data.load("cifar10-sample"))
    begin = time.perf_counter()
    while not trainer.finished:
        trainer.advance(60)
        print(f"  {method}: epoch {trainer.epoch} of {epochs}, {time.perf_counter() - begin:.0f} s", flush=True)
    row = trainer.rows()[0]
    curve = row["curve_test_error"]
    assert isinstance(curve, list)
    return {
        "method": method,
        "state": str(row["state"]),
        "test_error": curve[-1],
        "seconds": time.perf_counter() - begin,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="bn,gn,popnorm,cwo")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    prepare(1)
    rows = [trained(method, arguments.epochs) for method in arguments.methods.split(",")]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"torch {torch.__version__}, one thread, {arguments.epochs} epochs")
    for row in rows:
        print(f"{row['method']:10} {row['test_error']:.3f}  {row['seconds']:.0f} s  {row['state']}")


if __name__ == "__main__":
    main()
