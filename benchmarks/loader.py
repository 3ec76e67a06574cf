"""Images per second that a folder of JPEGs gives a trainer, beside a plain torch DataLoader with Pillow, in one run.

python benchmarks/loader.py [--images 512] [--workers 1 2] [--rounds 5] [--json]
Both read the same files (500 × 375, about as many bytes as ImageNet's) into batches of 64 random resized crops of 224
pixels, standardized float32 on this machine's memory. They take turns, epoch by epoch, after one that does not count.
Plain: the usual script, with decoding, crop, flip, conversion and standardization in the workers.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from sweeps.trial import Trial
from trainers.data.arrays import Parts, split_codes
from trainers.data.dataset import describe
from trainers.data.folders import FolderDataset
from trainers.feeding.stream import Stream
from trainers.seeding import Streams

SIDE, BATCH = 224, 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def draw(root: Path, count: int) -> FolderDataset:
    """Smooth noise of several scales: it compresses about as photographs do."""
    generator = np.random.default_rng(1)
    files: list[str] = []
    for i in range(count):
        layers = (
            Image.fromarray(generator.integers(0, 256, (375 // s + 1, 500 // s + 1, 3), np.uint8)).resize((500, 375))
            for s in (4, 16, 64)
        )
        image = np.mean([np.asarray(layer) for layer in layers], axis=0).astype(np.uint8)
        files.append(f"{i}.jpeg")
        Image.fromarray(image).save(root / files[-1], quality=92)
    y = np.arange(count, dtype=np.int64) % 2
    codes = split_codes("drawn", y, Parts(train=count - 2, test=2))
    facts = describe("drawn", "0" * 64, (3, SIDE, SIDE), 2, codes, seeded=False)
    return FolderDataset(facts=facts, root=root, files=tuple(files), y=y, codes=codes)


class Plain(Dataset[tuple[Tensor, int]]):
    """What one writes by hand."""

    def __init__(self, data: FolderDataset) -> None:
        self.files = [str(data.path(i)) for i in data.split(0).train.tolist()]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        image = Image.open(self.files[i]).convert("RGB")
        width, height = image.size
        for _ in range(10):
            area = random.uniform(0.08, 1) * width * height
            ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if w <= width and h <= height:
                break
        left, top = random.randint(0, max(0, width - w)), random.randint(0, max(0, height - h))
        image = image.crop((left, top, left + w, top + h)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        x = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        return x.sub_(torch.tensor(MEAN).view(3, 1, 1)).div_(torch.tensor(STD).view(3, 1, 1)), i % 2


def plain(data: FolderDataset, workers: int) -> Callable[[], Iterator[Any]]:
    loader = DataLoader(Plain(data), BATCH, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=True)
    return lambda: iter(loader)


def ours(data: FolderDataset, workers: int) -> Callable[[], Iterator[Any]]:
    trial = one_trial(data)
    streams = Streams([trial.seed])
    whole = [slice(0, BATCH)]
    stream = Stream(data, [trial], streams, device="cpu", dtype=torch.float32, workers=workers, pieces=whole)
    epoch = iter(range(10**6))

    def batches() -> Iterator[Any]:
        number = next(epoch)
        streams.at(number, 0)
        where = stream.train.gather(1, streams.order(stream.train.shape[1]))
        for step in range(where.shape[1] // BATCH):
            streams.at(number, step)
            yield stream.samples(where[:, step * BATCH : (step + 1) * BATCH])

    return batches


def one_trial(data: FolderDataset) -> Trial:
    settings = {
        "dataset": "drawn",
        "model": "resnet18",
        "augment": {"resized-crop": {"size": SIDE}},
        "batch_size": BATCH,
        "epochs": 10**6,
    }
    (trial,) = expand(SweepSpec.from_json({"name": "loader", "trial": settings}), lambda _: data.facts)
    return trial


def rate(batches: Callable[[], Iterator[Any]]) -> float:
    """Images per second of one epoch, to the last batch in hand."""
    begin, seen = time.perf_counter(), 0
    for _ in batches():
        seen += BATCH
    return seen / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        data = draw(Path(folder), arguments.images + 2)
        size = statistics.mean(data.path(i).stat().st_size for i in range(len(data.files)))
        for workers in arguments.workers:
            both = ours(data, workers), plain(data, workers)
            rounds = [tuple(rate(batches) for batches in both) for _ in range(1 + arguments.rounds)][1:]
            mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
            ratio = statistics.median(a / b for a, b in rounds)
            rows.append({"workers": workers, "ours": mine, "plain": theirs, "ratio": ratio})
            del both
    if arguments.json:
        print(json.dumps({"bytes_per_image": size, "rows": rows}, indent=2))
        return
    print(f"{size / 1000:.0f} kB an image; images per second, medians of {arguments.rounds} epochs")
    print("workers   ours  plain  ours/plain")
    for row in rows:
        print(f"{row['workers']:7.0f} {row['ours']:6.0f} {row['plain']:6.0f} {row['ratio']:11.2f}")


if __name__ == "__main__":
    main()
