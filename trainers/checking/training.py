"""What is asked of a method in whole trainings: of a small mlp and of a small network of images."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import ProcessRaisedException, spawn

from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from sweeps.plugins.loading import read
from sweeps.plugins.plugin import Plugin
from sweeps.plugins.use import use
from sweeps.trial import Trial
from trainers.checking.subject import BATCH, FLOAT64, Subject, apart, normal
from trainers.compiling.compiler import has_compiler
from trainers.data.dataset import Dataset, assemble
from trainers.normalizers.build import class_of
from trainers.pack import PackTrainer

CLOSE = 1e-9
NETWORKS: dict[str, Any] = {"mlp": "mlp", "resnet20": {"resnet20": {"width": 0.125, "depth": 8}}}
SAMPLES = {"mlp": (6,), "resnet20": (3, 8, 8), "tables": (6,), "images": (3, 32, 32), "clouds": (3, 24)}
RANKS = 2
REMEDY = "what it moves and needs again is a parameter or a buffer that is saved"


@cache
def data_of(network: str) -> Dataset:
    """Two steps an epoch."""
    x = np.random.default_rng(2).normal(size=(100, *SAMPLES[network])).astype(np.float32)
    return assemble("made", x, np.arange(100) % 3, 3)


def trials_of(subject: Subject, network: str, plugin: Plugin | None, **changes: Any) -> list[Trial]:
    """Two trials that share a pack, of a model that is checked or of a small one."""
    record: dict[str, Any] = {
        "plugins": [plugin.as_json()] if plugin else [],
        "trial": {
            "dataset": "made",
            "model": NETWORKS.get(network, "mlp"),
            "depth": 2,
            "width": 32,
            "activation": "elu",
            "batch_size": BATCH,
            "epochs": 2,
            "lr": 0.01,
            "momentum": 0.9 if subject.field != "optimizer" or "momentum" in getattr(subject.entry, "takes", ()) else 0,
            "precision": "float64",
            "seed": [1, 2],
            subject.field: {subject.name: dict(subject.given)},
            **changes,
        },
    }
    return expand(SweepSpec.from_json(record), lambda _: data_of(network).facts)


def _pack(subject: Subject, network: str, plugin: Plugin | None) -> list[Trial]:
    trials = trials_of(subject, network, plugin)
    return trials if subject.entry.packs else trials[:1]


def resumed(subject: Subject, network: str, plugin: Plugin | None) -> Iterator[str]:
    """A training that goes on from a checkpoint is the one that was not interrupted, to the last bit."""
    trials, data = _pack(subject, network, plugin), data_of(network)
    whole = PackTrainer(trials, data)
    others: list[PackTrainer] = []
    for steps in range(1, 4):
        whole.advance(math.inf, 1)
        others.append(again := PackTrainer(trials, data))
        again.load_state_dict(_saved(whole))
        if not torch.equal(_outputs(again, network), _outputs(whole, network)):
            yield f"after step {steps} it evaluates otherwise when it comes from a checkpoint: {REMEDY}"
            return
    first = others[0]
    _end(first)
    _end(whole)
    for (name, tensor), other in zip(
        whole.network.state_dict().items(), first.network.state_dict().values(), strict=True
    ):
        if not torch.equal(tensor, other):
            yield f"{name} is another one after a training that was interrupted: {REMEDY}"
            return
    if not torch.equal(_outputs(first, network), _outputs(whole, network)) or _rows(first) != _rows(whole):
        yield f"its results are others after an interruption: {REMEDY}"


def _saved(trainer: PackTrainer) -> dict[str, Any]:
    """As a checkpoint brings it back."""
    file = io.BytesIO()
    torch.save(trainer.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def ranks(subject: Subject, network: str, plugin: Plugin | None, path: Path | None) -> Iterator[str]:
    """Two processes that each train half of every batch, against one that trains both halves."""
    trial = trials_of(subject, network, plugin, shards=RANKS)[0]
    alone = PackTrainer([trial], data_of(network))
    _end(alone)
    with tempfile.TemporaryDirectory() as folder:
        try:
            spawn(_rank, (folder, network, trial.as_json(), str(path or "")), nprocs=RANKS)
        except ProcessRaisedException as error:  # its text is a whole traceback
            yield f"in one of two processes it raises {str(error).strip().splitlines()[-1]}"
            return
        together: dict[str, Tensor] = torch.load(Path(folder) / "state.pt", weights_only=True)
    yield from _differing(_state(alone), together, "in two processes")


def compiled(subject: Subject, network: str, plugin: Plugin | None) -> Iterator[str]:
    """Through `torch.compile`, to rounding."""
    trials, data = _pack(subject, network, plugin), data_of(network)
    plain, fast = PackTrainer(trials, data), PackTrainer(trials, data, compile=True)
    _end(plain)
    _end(fast)
    yield from _differing(_state(plain), _state(fast), "through torch.compile")


def why_not_compiled(subject: Subject) -> str:
    """Why there is nothing to compare; nothing where there is."""
    if subject.field == "normalizer" and not class_of(subject.name).compiles:
        return "it says `compiles = False`"
    return "" if has_compiler() else "there is no C++ compiler"


def _differing(ours: dict[str, Any], theirs: dict[str, Any], how: str) -> Iterator[str]:
    for name, tensor in ours.items():
        error = apart(theirs[name], tensor) if name in theirs else math.inf
        if error > CLOSE:
            yield f"{name} is another one {how} (relative error {error:.1e})"
            return


def _rank(rank: int, folder: str, network: str, data: dict[str, Any], path: str) -> None:
    torch.set_num_threads(1)
    if path:
        use([read(Path(path))])
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=RANKS)
    trainer = PackTrainer([Trial.from_json(data)], data_of(network))
    _end(trainer)
    if rank == 0:
        torch.save(_state(trainer), Path(folder) / "state.pt")
    dist.destroy_process_group()


def _end(trainer: PackTrainer) -> None:
    trainer.advance(math.inf)


def _state(trainer: PackTrainer) -> dict[str, Any]:
    """The network's, and what is read of it."""
    values = [float(str(row["value"])) for own in trainer.readings() for row in own]
    return {**trainer.network.state_dict(), "what is read": torch.tensor(values, dtype=FLOAT64)}


def _rows(trainer: PackTrainer) -> str:
    rows = [{key: value for key, value in row.items() if "seconds" not in key} for row in trainer.rows()]
    return repr((rows, trainer.readings()))


@torch.no_grad()
def _outputs(trainer: PackTrainer, network: str) -> Tensor:
    shape = data_of(network).facts.shape
    x = normal(len(trainer.trials), BATCH, *shape, seed=4).to(FLOAT64)
    training = trainer.network.training
    trainer.network.eval()
    y = trainer.network(trainer.network.input(x))
    trainer.network.train(training)
    return y
