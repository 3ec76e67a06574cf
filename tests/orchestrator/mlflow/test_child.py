"""The mirror beside a training, as `run` uses it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress

import psutil
import pytest

from orchestrator.mirror.child import Mirroring
from orchestrator.mirror.sync import LEASE
from orchestrator.mirror.uri import NONE
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError
from tests.orchestrator.mlflow.ledgers import finish, record_packs, record_sweep, small_sweep, trials
from tests.orchestrator.mlflow.looking import trial_runs

NOWHERE = "http://user:hunter2@127.0.0.1:9"


def children() -> set[psutil.Process]:
    return set(psutil.Process().children())


class Driver:
    """What a run hands to the mirror, and what it got."""

    def __init__(self, workspace: Workspace, uri: str | None = None) -> None:
        self.said: list[str] = []
        self.waited = 0
        self.mirror = Mirroring(workspace, uri, say=self.said.append, waiting=self._waiting)

    @contextmanager
    def _waiting(self) -> Generator[None]:
        self.waited += 1
        yield


def test_an_invalid_uri_is_refused_before_anything_is_written(workspace: Workspace) -> None:
    before = sorted(workspace.root.rglob("*"))
    with pytest.raises(UsageError, match="a tracking URI begins with"):
        Driver(workspace, "./mlruns")
    assert sorted(workspace.root.rglob("*")) == before


def test_everything_is_shown_when_it_ends(workspace: Workspace) -> None:
    members = trials()
    record_sweep(workspace, "small", members)
    packs = record_packs(workspace, members)
    driver = Driver(workspace)
    with driver.mirror.going():
        finish(workspace, packs)
    assert (driver.said, driver.waited) == ([], 1)
    assert len(trial_runs(workspace)) == 12


def test_what_is_missing_is_one_sentence_and_no_process_shows_the_password(workspace: Workspace) -> None:
    small_sweep(workspace)
    driver, before = Driver(workspace, NOWHERE), children()
    with suppress(KeyboardInterrupt), driver.mirror.going():
        (child,) = children() - before
        assert "hunter2" not in " ".join(child.cmdline())
        raise KeyboardInterrupt
    (sentence,) = driver.said
    assert sentence.startswith(
        "MLflow lacks some results, which the ledger has: MLflow at http://user:***@127.0.0.1:9 cannot be reached"
    )


def test_a_killed_mirror_does_not_tell_an_old_reason(workspace: Workspace) -> None:
    small_sweep(workspace)
    log = workspace.log(LEASE)
    log.parent.mkdir()
    log.write_text("2026-01-01T00:00:00Z an old reason\n")
    driver, before = Driver(workspace), children()
    with driver.mirror.going():
        (child,) = children() - before
        child.kill()
    assert driver.said == [
        "MLflow lacks some results, which the ledger has: the mirror's process died; `normsweep sync` catches up"
    ]


def test_catching_up(workspace: Workspace) -> None:
    small_sweep(workspace)
    whole = next(workspace.parts.iterdir())
    content = whole.read_bytes()
    whole.write_bytes(content[:100])
    driver = Driver(workspace)
    driver.mirror.catch_up()
    assert len(driver.said) == 1
    assert "torn or damaged" in driver.said[0]
    whole.write_bytes(content)
    driver.mirror.catch_up()
    assert (len(driver.said), driver.waited, len(trial_runs(workspace))) == (1, 2, 12)
    away = Driver(workspace, NOWHERE)
    away.mirror.catch_up()
    assert "cannot be reached" in away.said[0]


def test_none_does_nothing(workspace: Workspace) -> None:
    small_sweep(workspace)
    before = sorted(workspace.root.rglob("*"))
    driver, processes = Driver(workspace, NONE), children()
    with driver.mirror.going():
        assert children() == processes
    driver.mirror.catch_up()
    assert (driver.said, driver.waited) == ([], 0)
    assert sorted(workspace.root.rglob("*")) == before
