"""What an interruption cost is known afterwards, and stays below the interval of checkpoints."""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.remote import PackJob
from orchestrator.store.owner import myself
from orchestrator.store.roster import RosterPack
from orchestrator.watch.failures import interrupted
from tests.orchestrator.stage import Call, Stage

INTERVAL = 0.4


def job(stage: Stage, pack: RosterPack, generation: int) -> PackJob:
    return PackJob(stage.task(pack, generation, INTERVAL))


@pytest.fixture
def pack(stage: Stage) -> RosterPack:
    stage.commit((stage.folder / "mine.yaml").read_text().replace("epochs: 4", "epochs: 100000"))
    return stage.packs("bn")[-1]


def test_a_lost_process_costs_less_than_an_interval_and_that_is_told(
    stage: Stage, pack: RosterPack, call: Call
) -> None:
    first = job(stage, pack, 1)
    assert first.work(1.5 * INTERVAL) == "training"  # saved once at least; then it is gone
    assert stage.workspace.checkpoint(pack.id).exists()
    assert stage.store.attempts.interruptions() == []
    second = job(stage, pack, 2)
    [event] = stage.store.attempts.interruptions()
    assert (event.pack, event.generation) == (pack.id, 2)
    assert 0 < event.seconds <= INTERVAL
    assert second.trainer.epoch <= first.trainer.epoch
    assert f"attempt 2 on {event.host}: goes on from epoch" in stage.workspace.log(pack.id).read_text()
    told = interrupted(stage.store, "mine")
    assert told.startswith("1 pack went on after 1 interruption: at most 0.")
    assert told in call("errors", "mine")[1]
    assert f"from epoch {event.epoch}, the one before lost at most 0." in call("why", pack.trial_ids[0][:16])[1]


def test_an_attempt_that_saved_and_stopped_lost_nothing(stage: Stage, pack: RosterPack) -> None:
    first = job(stage, pack, 1)
    stage.workspace.stop(myself().id).parent.mkdir(exist_ok=True)
    stage.workspace.stop(myself().id).touch()
    assert first.work(9.0) == "stopped"
    job(stage, pack, 2)
    [event] = stage.store.attempts.interruptions()
    assert event.seconds == 0


def test_training_waits_for_a_disk_that_refuses(
    stage: Stage, pack: RosterPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be saved is not trained: so nothing more than an interval can ever be lost."""
    work = job(stage, pack, 1)
    until = time.monotonic() + 0.8
    write, epochs = Path.write_text, []

    def refusing(path: Path, *words: Any, **more: Any) -> int:
        if path == stage.workspace.unsaved(pack.id) and time.monotonic() < until:
            epochs.append((work.trainer.epoch, work.trainer.step))
            raise OSError(errno.EROFS, "Read-only file system")
        return write(path, *words, **more)

    monkeypatch.setattr(Path, "write_text", refusing)
    assert work.work(1.0) == "training"
    assert set(epochs) == {(0, 0)}
    assert work.trainer.progress > 0
