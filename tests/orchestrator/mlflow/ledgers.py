"""Workspaces with parts that the real writers made from invented results."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orchestrator.store import Store
from orchestrator.store.files import publish
from orchestrator.store.parts import part_rows
from orchestrator.store.workspace import Workspace
from sweeps.identity import digest
from sweeps.trial import Trial
from sweeps.words.choice import Choice

BASE = Trial(
    dataset="wine",
    digest="d" * 64,
    split=0,
    standardize="train",
    augment=Choice("none"),
    model=Choice("mlp"),
    depth=2,
    width=64,
    activation=Choice("relu"),
    normalizer=Choice("none"),
    revision=1,
    init="he",
    bias_init="zero",
    dropout=0.0,
    alpha_dropout=0.0,
    batch_size=8,
    shards=1,
    epochs=50,
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
    smoothing=10,
    precision="float32",
    metrics=(Choice("error"),),
    record=(),
    seed=0,
)
NORMALIZERS = (Choice("none"), Choice("bn"), Choice.of("vcl", {"n": 2, "weight": 0.01}))


def trials(datasets: tuple[str, ...] = ("wine", "titanic"), seeds: int = 2, **fields: Any) -> list[Trial]:
    return [
        replace(BASE, dataset=name, normalizer=normalizer, seed=seed, **fields)
        for name in datasets
        for normalizer in NORMALIZERS
        for seed in range(seeds)
    ]


def record_sweep(workspace: Workspace, name: str, members: list[Trial], version: int = 1) -> None:
    ids = [t.id for t in members]
    spec = {"name": name, "trial": {"dataset": "wine"}}
    content = {
        "schema": 1,
        "name": name,
        "plan": digest(sorted(ids)),
        "spec": spec,
        "trials": ids,
    }
    assert publish(workspace.sweep(name) / f"{version:06d}.json", json.dumps(content).encode())


def record_packs(workspace: Workspace, members: list[Trial], size: int = 4) -> list[str]:
    """Appends packs of so many trials to the roster; returns their ids."""
    roster = Store(workspace).roster
    before = set(roster.packs)
    assert roster.append([members[i : i + size] for i in range(0, len(members), size)])
    return [p for p in roster.packs if p not in before]


def finish(
    workspace: Workspace,
    packs: list[str],
    epochs: int = 50,
    readings: Sequence[Sequence[dict[str, Any]]] = (),
    **changes: Any,
) -> None:
    """Publishes the packs' parts."""
    roster = Store(workspace).roster
    for pack in packs:
        results = [{**result(trial, epochs), **changes} for trial in roster.packs[pack].trials]
        circumstances = {
            "seconds": 12.5,
            "attempts": 1,
            "device": "cpu",
            "host": "here",
            "threads": 1,
            "code_version": "0.1.0+gabc",
            "finished": 1.8e9,
        }
        assert Store(workspace).ledger.publish(pack, part_rows(roster.packs[pack], results, circumstances), readings)


def result(trial: Trial, epochs: int) -> dict[str, Any]:
    draw = random.Random(trial.id)
    curve = [draw.random() for _ in range(epochs)]
    return {
        "state": "done",
        "selected_epoch": epochs // 2,
        "val_error": draw.random(),
        "test_error": draw.random(),
        "majority_error": 0.6,
        "train_loss": draw.random(),
        "curve_train_loss": curve,
        "curve_val_error": curve,
        "curve_test_error": curve,
    }


def small_sweep(workspace: Workspace, name: str = "small") -> list[Trial]:
    """A recorded sweep of 12 trials in three finished packs."""
    members = trials()
    record_sweep(workspace, name, members)
    finish(workspace, record_packs(workspace, members))
    return members
