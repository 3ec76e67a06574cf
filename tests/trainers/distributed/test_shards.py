"""Shards of a batch in one process: against shards in networks of their own, against the whole batch, packed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sweeps.words.composition import parts
from tests.trainers.distributed.cases import OF_A_BATCH, Oracle, case, cases, close, data_of, state, trained
from trainers.pack import PackTrainer
from trainers.seeding import Streams

CASES = cases()


OF_SAMPLES = [n for n, one in CASES.items() if not {n, *parts(one.normalizer.name)} & OF_A_BATCH]


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name in CASES if "sync" not in name])
def test_shards_are_trained_one_after_the_other(name: str) -> None:
    one = CASES[name]
    oracle = Oracle([one], data_of(one.model.name))
    while not oracle.finished:
        oracle.advance(60.0)
    trainer = trained(one)
    close(state(trainer), state(oracle))
    assert trainer.rows()[0]["test_error"] == oracle.rows()[0]["test_error"]


@pytest.mark.oracle
@pytest.mark.parametrize("name", OF_SAMPLES)
def test_methods_of_single_samples_do_not_mind_shards(name: str) -> None:
    close(state(trained(CASES[name])), state(trained(replace(CASES[name], shards=1))))


def test_statistics_of_shards_are_those_of_smaller_batches() -> None:
    ours, whole = trained(case("bn")), trained(case("bn", shards=1))
    name = next(n for n, p in ours.network.named_parameters() if n.endswith("weight"))
    difference = ours.network.get_parameter(name) - whole.network.get_parameter(name)
    assert difference.abs().max() > 1e-4


def test_the_averages_of_a_network_that_has_none_are_of_its_own_kind() -> None:
    """They are sent in one tensor with the losses: on a GPU one on the CPU would not do."""
    averages = PackTrainer([case("none")], data_of("mlp"))._shards._averages
    averages.keep()
    assert (averages.moved().numel(), averages.moved().dtype) == (0, torch.float64)


def test_shards_in_sync_are_the_whole_batch() -> None:
    close(state(trained(case("bn", sync=True))), state(trained(case("bn", shards=1))), tolerance=0.0)


@pytest.mark.parametrize("name", ["bn", "vcl", "cwo"])
def test_trials_in_shards_are_packed(name: str) -> None:
    one = case(name)
    trials = [one, replace(one, seed=1, lr=0.02), replace(one, dropout=0.0)]
    data = data_of("mlp")
    packed = PackTrainer(trials, data)
    while not packed.finished:
        packed.advance(60.0)
    for r, alone in enumerate(trials):
        theirs = state(trained(alone))
        close({name: p[r : r + 1] for name, p in state(packed).items()}, theirs)


def test_an_interrupted_training_in_shards_is_bit_for_bit() -> None:
    one = case("brn")
    whole = trained(one)
    pieces = PackTrainer([one], data_of("mlp"))
    while not pieces.finished:
        pieces.advance(0.0)
        saved = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in pieces.state_dict().items()}
        pieces = PackTrainer([one], data_of("mlp"))
        pieces.load_state_dict(saved)
    close(state(pieces), state(whole), tolerance=0.0)


def test_numbers_of_samples_do_not_depend_on_the_part_at_hand() -> None:
    streams = Streams([0, 1])
    streams.at(0, 3)
    whole = streams.uniform("dropout", 1, (8, 5), samples=True)
    streams.part(2, 8)
    assert torch.equal(streams.uniform("dropout", 1, (4, 5), samples=True), whole[:, 2:6])
    units = streams.normal("noise", 1, (4,))
    streams.part(6, 8)
    assert torch.equal(streams.normal("noise", 1, (4,)), units)
    streams.at(0, 3)
    assert torch.equal(streams.uniform("dropout", 1, (8, 5), samples=True), whole)
