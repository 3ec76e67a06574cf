"""A pack trained in tiles."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sweeps.errors import UsageError
from tests.trainers.factory import blobs, trial
from tests.trainers.trials import activation, model
from trainers import tiles
from trainers.pack import PackTrainer
from trainers.tiles import TILE_BYTES, TiledTrainer

DATA = blobs()
RELU, ELU = activation("relu"), activation("elu")
TRIALS = [trial(DATA, seed=s, lr=lr, activation=a, dropout=0.2, split=0, epochs=4) for s, lr, a in (
    (0, 0.05, RELU), (1, 0.02, ELU), (2, 1e30, RELU), (3, 0.05, ELU), (4, 0.05, RELU),
)]  # fmt: skip


def test_each_trial_comes_out_as_in_a_pack_of_its_own() -> None:
    trainer = TiledTrainer(TRIALS, DATA, size=2)
    assert [[t.seed for t in tile.trials] for tile in trainer.tiles] == [[1], [3, 0], [2, 4]], "one activation together"
    trainer.advance(60.0)
    assert (trainer.finished, trainer.progress, trainer.epoch) == (True, 1.0, 4)
    for t, row in zip(TRIALS, trainer.rows(), strict=True):
        alone = PackTrainer([t], DATA)
        alone.advance(60.0)
        expected = alone.rows()[0]
        assert row["state"] == expected["state"] == ("diverged" if t.seed == 2 else "done")
        assert row["curve_train_loss"] == pytest.approx(expected["curve_train_loss"], rel=1e-5)


def test_tiles_have_their_turn_epoch_by_epoch() -> None:
    trainer = TiledTrainer([TRIALS[0], TRIALS[4]], DATA, size=1)
    first, second = trainer.tiles
    in_epoch = first.steps_left_in_epoch
    trainer.advance(60.0, in_epoch + 2)
    assert (first.epoch, first.step, second.epoch, second.step) == (1, 0, 0, 2)
    assert trainer.epoch == 0
    assert trainer.pace.steps == in_epoch + 2
    trainer.advance(60.0, in_epoch)
    assert (first.epoch, first.step, second.epoch, second.step) == (1, 2, 1, 0)
    assert trainer.epoch == 1
    assert trainer.progress == pytest.approx((in_epoch + 1) / (4 * in_epoch))


def test_the_samples_lie_in_memory_once() -> None:
    first, second = TiledTrainer([TRIALS[0], TRIALS[4]], DATA, size=1).tiles
    assert first._pool.x.data_ptr() == second._pool.x.data_ptr()


def test_tiles_are_a_rule_of_shapes() -> None:
    wide = trial(DATA, depth=8, width=256)
    weights = 6 * 256 + 7 * 256**2 + 3 * 256
    assert tiles.tile_size(wide, DATA) == TILE_BYTES // (4 * weights) == 4
    assert tiles.tile_size(trial(DATA, depth=8, width=256, precision="float64"), DATA) == 2
    assert tiles.tile_size(trial(DATA, depth=64, width=1024), DATA) == 1
    assert tiles.tile_size(trial(DATA, model=model("resmlp")), DATA) == float("inf")
    made = tiles.build([trial(DATA, depth=8, width=256, seed=s) for s in range(9)], DATA)
    assert isinstance(made, TiledTrainer)
    assert [len(tile.trials) for tile in made.tiles] == [3, 3, 3]
    assert isinstance(tiles.build(TRIALS, DATA), PackTrainer), "small networks are one tile"


def test_a_checkpoint_of_the_whole_pack_is_no_checkpoint_of_tiles(tmp_path: Path) -> None:
    path, trials = tmp_path / "checkpoint.pt", [TRIALS[0], TRIALS[4]]
    whole, tiled = PackTrainer(trials, DATA), TiledTrainer(trials, DATA, size=1)
    whole.save(path)
    state, reason = tiled.load(path)
    assert state is None
    assert "divided the pack otherwise" in reason
    tiled.save(path)
    state, reason = whole.load(path)
    assert state is None
    assert "divided the pack otherwise" in reason
    with pytest.raises(UsageError, match="holds other trials"):
        TiledTrainer([TRIALS[0], TRIALS[1]], DATA, size=1).load(path)


def test_random_numbers_are_those_of_the_trial() -> None:
    tiled, whole = TiledTrainer(TRIALS, DATA, size=2), PackTrainer(TRIALS, DATA)
    for tile in tiled.tiles:
        for r, t in enumerate(tile.trials):
            assert torch.equal(tile.streams.order(9)[r], whole.streams.order(9)[whole.trials.index(t)])
