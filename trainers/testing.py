"""What every `Trainer` must do, as tests: subclass `TrainerContract` and give it your own."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainers.trainer import Trainer

MOMENT = 1e-9  # seconds: one step


class TrainerContract:
    """A subclass has a pytest fixture `make`, which returns a function that makes a fresh trainer of the same trials
    each time; no two of them live at once. They train some dozen steps, two epochs at least, and do not diverge."""

    def test_trains_to_the_end(self, make: Callable[[], Trainer]) -> None:
        trainer = make()
        assert not trainer.finished
        assert trainer.progress == trainer.epoch == 0
        assert trainer.device
        progress = [trainer.progress]
        while not trainer.finished:
            trainer.advance(MOMENT)
            progress.append(trainer.progress)
        assert progress == sorted(set(progress)), "every call trains one step at least"
        assert progress[-1] == 1.0
        rows = trainer.rows()
        assert rows
        assert len(trainer.readings()) == len(rows)
        for row in rows:
            assert row["state"] == "done"
            assert len(_curve(row)) == trainer.epoch
            assert all(math.isfinite(value) for value in _curve(row))
        trainer.advance(1.0)
        assert repr(trainer.rows()) == repr(rows), "nothing is left to train"
        trainer.close()
        trainer.close()

    def test_it_tells_how_it_moves(self, make: Callable[[], Trainer]) -> None:
        trainer = make()
        assert (trainer.pace.steps, trainer.pace.warm) == (-1, False)
        trainer.advance(MOMENT)
        first = trainer.pace
        assert (first.steps, first.warm) == (1, True), "nothing is compiled"
        while trainer.epoch < 1:
            before = trainer.pace
            trainer.advance(MOMENT)
            assert trainer.pace.moves > before.moves
            assert trainer.pace.steps > before.steps
        assert trainer.pace.slowest > 0
        trainer.close()

    def test_rows_grow_with_the_epochs(self, make: Callable[[], Trainer]) -> None:
        trainer = make()
        count = len(trainer.rows())
        while trainer.epoch < 1:
            trainer.advance(MOMENT)
        assert [len(_curve(row)) for row in trainer.rows()] == [1] * count
        trainer.close()

    def test_interrupted_anywhere_it_gives_the_same_bits(self, make: Callable[[], Trainer], tmp_path: Path) -> None:
        undisturbed = make()
        undisturbed.advance(math.inf)
        while not undisturbed.finished:
            undisturbed.advance(60.0)
        expected = repr((undisturbed.rows(), undisturbed.readings()))
        undisturbed.close()
        path, trainer, steps = tmp_path / "checkpoint.pt", make(), 0
        while not trainer.finished:
            trainer.advance(MOMENT)
            steps += 1
            if steps % 7 == 0:
                trainer.save(path, seconds=float(steps))
                trainer.close()
                trainer = make()
                assert trainer.load(path) == ({"seconds": float(steps)}, "")
        assert repr((trainer.rows(), trainer.readings())) == expected
        trainer.close()

    def test_what_is_no_checkpoint_is_told(self, make: Callable[[], Trainer], tmp_path: Path) -> None:
        trainer, path = make(), tmp_path / "checkpoint.pt"
        beside, reason = trainer.load(path)
        assert beside is None
        assert str(path) in reason
        trainer.advance(MOMENT)
        trainer.save(path)
        trainer.close()
        path.write_bytes(path.read_bytes()[:-20])
        fresh = make()
        beside, reason = fresh.load(path)
        assert beside is None
        assert "damaged" in reason
        assert fresh.progress == 0, "it starts anew"
        fresh.close()


def _curve(row: dict[str, Any]) -> list[float]:
    return row["curve_train_loss"]
