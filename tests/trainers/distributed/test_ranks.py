"""Two and four processes that train a trial together, against one process that trains its shards in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from sweeps.trial import Trial
from sweeps.words.choice import Choice
from tests.trainers.distributed.cases import STEPS, case, cases, close, data_of, state, trained
from trainers.pack import PackTrainer

pytestmark = pytest.mark.oracle

LONG = replace(case("bn"), steps=50, epochs=25)
EVERYTHING: dict[str, Any] = {  # an optimizer with a state, and all that acts between backward and the next step
    "optimizer": Choice.of("adamw", {"betas": (0.9, 0.99), "eps": 1e-8}),
    "momentum": 0.0,
    "clip_norm": 0.1,
    "warmup_steps": 3,
    "label_smoothing": 0.1,
    "ema": 0.5,
}
INTERRUPTED = {name: case(name) for name in ("brn", "vcl")} | {
    f"{name} with all": replace(case(name), **EVERYTHING) for name in ("popnorm+vcl", "cwo")
}


def together(rank: int, world: int, folder: str) -> None:
    """Trains all cases; rank 0 leaves what came of them in `folder`."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting-{world}", rank=rank, world_size=world)
    results: dict[str, Any] = {name: result(run(one)) for name, one in (cases() | INTERRUPTED).items()}
    results["long"] = result(run(LONG, agree_every=10))
    synced = case("bn", sync=True)
    results["compiled in sync"] = result(run(synced, PackTrainer([synced], data_of("mlp"), compile=True)))
    for name, one in INTERRUPTED.items():
        first = run(one, steps=STEPS - 2)
        saved = first.state_dict()
        second = PackTrainer([one], data_of("mlp"))
        second.load_state_dict(saved)
        results[f"{name} saved"] = saved
        results[f"{name} resumed"] = result(run(one, second))
    if rank == 0:
        torch.save(results, f"{folder}/{world}.pt")
    dist.destroy_process_group()


def run(one: Trial, trainer: PackTrainer | None = None, *, steps: int = 10**9, agree_every: int = STEPS) -> PackTrainer:
    trainer = trainer or PackTrainer([one], data_of(one.model.name), agree_every=agree_every)
    while not trainer.finished and steps:
        trainer.advance(0.0)
        steps -= 1
    return trainer


def result(trainer: PackTrainer) -> dict[str, Any]:
    return {"state": state(trainer), "rows": trainer.rows()}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Mapping[str, Any]]:
    """By the number of processes: what came of each case."""
    folder = tmp_path_factory.mktemp("ranks")
    found = {}
    for world in (2, 4):
        mp.spawn(together, args=(world, str(folder)), nprocs=world)
        found[world] = torch.load(folder / f"{world}.pt", weights_only=True)
    return found


@pytest.mark.parametrize("name", cases() | INTERRUPTED)
def test_ranks_train_what_one_process_trains(worlds: Mapping[int, Any], name: str) -> None:
    alone = trained((cases() | INTERRUPTED)[name])
    for world in (2, 4):
        close(worlds[world][name]["state"], state(alone))
        assert worlds[world][name]["rows"][0]["test_error"] == alone.rows()[0]["test_error"]


def test_ranks_are_bit_for_bit_the_same_over_fifty_steps(worlds: Mapping[int, Any]) -> None:
    """The processes compared their parameters and buffers every ten steps, those of the other cases at the end."""
    alone = trained(LONG)
    for world in (2, 4):
        close(worlds[world]["long"]["state"], state(alone))  # apart by 5e-16 at most
        assert len(worlds[world]["long"]["rows"][0]["curve_train_loss"]) == 25


def test_statistics_over_ranks_are_not_compiled(worlds: Mapping[int, Any]) -> None:
    for world in (2, 4):
        close(worlds[world]["compiled in sync"]["state"], worlds[world]["bn sync"]["state"], tolerance=0.0)


@pytest.mark.parametrize("name", INTERRUPTED)
def test_interrupted_ranks_are_bit_for_bit(worlds: Mapping[int, Any], name: str) -> None:
    for world in (2, 4):
        whole, resumed = worlds[world][name], worlds[world][f"{name} resumed"]
        close(resumed["state"], whole["state"], tolerance=0.0)
        assert resumed["rows"] == whole["rows"]


@pytest.mark.parametrize("name", INTERRUPTED)
def test_one_process_goes_on_where_ranks_were(worlds: Mapping[int, Any], name: str) -> None:
    alone = PackTrainer([INTERRUPTED[name]], data_of("mlp"))
    alone.load_state_dict(worlds[4][f"{name} saved"])
    assert (alone.epoch, alone.step) == (1, 1)
    close(state(run(INTERRUPTED[name], alone)), worlds[2][name]["state"])
