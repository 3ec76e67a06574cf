"""Hung, not dead: a process that is stopped, or a step that never ends, costs an attempt and no result."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.store.attempts import Failure
from orchestrator.store.parts import part_rows
from orchestrator.store.results import table
from orchestrator.store.workspace import Workspace
from sweeps.file.spec import load_spec
from sweeps.records import CURVES
from tests.chaos.evidence import command, lasting
from tests.chaos.test_gang import ranks
from tests.orchestrator.engine.test_images import working
from tests.trainers.folder import tree
from trainers import data, pulse
from trainers.data.bringing.importing import bring_folder
from trainers.host import prepare
from trainers.pack import PackTrainer

pytestmark = [pytest.mark.kill, pytest.mark.timeout(600)]

RUN = "checkpoint_seconds: 0.3, stall_seconds: 4"
PACK = f"""
name: stalling
trial: {{dataset: wine, depth: 1, width: 16, normalizer: bn, batch_size: 8, epochs: 200, seed: 0..3}}
run: {{{RUN}}}
"""
GANG = f"""
name: stalling
trial: {{dataset: wine, normalizer: brn, batch_size: 20, shards: 2, epochs: 100, precision: float64}}
run: {{devices: 2, {RUN}}}
"""
IMAGES = f"""
name: stalling
trial:
  dataset: flowers
  model: {{resnet18: {{width: 0.125, repeats: [1, 1, 1, 1]}}}}
  augment: {{resized-crop: {{size: 32}}}}
  batch_size: 6
  epochs: 30
  lr: 0.05
run: {{{RUN}}}
"""
# A process that does not come up; two ranks that do not either, one of them stopped: nobody has heard of them but Ray.
LEADS = """
import os, signal, time
from orchestrator.engine.local import local_ray

with local_ray(2, 0):
    import ray
    from orchestrator.engine.stalls.processes import Processes

    class Rank:
        def __init__(self):
            time.sleep(600)

    class Leader:
        def lead(self):
            self.ranks = [ray.remote(Rank).options(num_cpus=1).remote() for _ in range(2)]

    processes = Processes()
    never = ray.remote(Rank).options(num_cpus=1).remote()
    ready = never.__ray_ready__.remote()
    while not ray.wait([ready], timeout=0.2)[0]:
        for actor in processes.starting():
            processes.end_start(actor)
    try:
        ray.get(ready)
    except ray.exceptions.ActorDiedError:
        print("it is over")
    leader = ray.remote(Leader).options(num_cpus=0).remote()
    ray.get(leader.lead.remote())
    while len((look := processes.look(leader)).seen) < 3:
        time.sleep(0.2)
    assert look.held is None
    assert "CPU" not in ray.available_resources()
    stopped = look.seen[2].pid
    os.kill(stopped, signal.SIGSTOP)
    assert processes.look(leader).held.pid == stopped
    assert processes.end(leader).seen == []
    while ray.available_resources().get("CPU") != 2:
        time.sleep(0.2)
    print("its room is free")
"""
Driver = subprocess.Popen[bytes]


class Scene:
    """A sweep and its two workspaces: one in which somebody disturbs it, and one at rest."""

    def __init__(self, folder: Path) -> None:
        self.file, self._folder = folder / "sweep.yaml", folder
        self.stormy = Store.at(folder / "stormy")

    def end(self, text: str, disturb: Callable[[Driver], int], *program: str) -> Failure:
        """Runs the sweep to its end; what `disturb` stops is ended, and costs one attempt and no result. Returns the
        failure that it was recorded as."""
        self.file.write_text(text)
        words = [*program, str(self.file), str(self.stormy.workspace.root), "endless"]
        with subprocess.Popen(words if program else self._command()) as driver:
            try:
                pid = disturb(driver)
                assert driver.wait(timeout=350) == 0
            finally:
                driver.kill()
        failures = [f for p in self.stormy.roster.live for f in self.stormy.attempts.failures(p.id)]
        assert [f.kind for f in failures] == ["stalled"]
        assert f"process {pid} on {failures[0].host}" in failures[0].message
        assert not psutil.pid_exists(pid)
        assert self.stormy.leases.held() == {}
        assert not list(self.stormy.workspace.leases.iterdir())
        assert results(self.stormy) == results(self._calm())
        return failures[0]

    @property
    def leader(self) -> int:
        """The process that trains the pack; 0 before it does."""
        logs = (self.stormy.workspace.root / "logs").glob("*[0-9a-f].log")
        return next((int(log.read_text().split(" pid ")[1].split()[0]) for log in logs), 0)

    @staticmethod
    def until(driver: Driver, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 200
        while not condition():
            assert driver.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)

    def _command(self) -> list[str]:
        return command(self.stormy.workspace.root, "run", str(self.file), "--no-mlflow", "--cpus", "2")

    def _calm(self) -> Store:
        """The sweep trained by this process."""
        prepare(threads=1)
        store = Store(Workspace.at(self._folder / "calm"))
        commit(store, load_spec(str(self.file)))
        for pack in store.roster.live:
            trainer = PackTrainer(pack.trials, data.read(pack.trials[0].dataset))
            while not trainer.finished:
                trainer.advance(60.0)
            store.ledger.publish(pack.id, part_rows(pack, trainer.rows(), {}))
        return store


def results(store: Store) -> pa.Table:
    rows, problems = table(store, "stalling", more=list(CURVES))
    assert problems == []
    return rows.select(["trial_id", "state", "test_error", "val_error", *CURVES])


@pytest.fixture
def scene(tmp_path: Path, temporary: Path) -> Scene:
    return Scene(tmp_path)


def trains(pid: int) -> bool:
    """Whether it has done a step."""
    pace = pulse.read(pid)
    return pace is not None and pace.warm


def stop(process: psutil.Process) -> int:
    process.send_signal(signal.SIGSTOP)
    return process.pid


def test_a_process_that_is_stopped_loses_its_pack_to_another(scene: Scene, temporary: Path) -> None:
    def disturb(driver: Driver) -> int:
        scene.until(driver, lambda: trains(scene.leader))
        return stop(psutil.Process(scene.leader))

    failure = scene.end(PACK, disturb)
    assert failure.message.endswith("was stopped")
    assert lasting(str(temporary)) == []


def test_a_gang_with_a_rank_that_is_stopped_begins_again(scene: Scene) -> None:
    def disturb(driver: Driver) -> int:
        scene.until(driver, lambda: [trains(rank.pid) for rank in ranks(driver)] == [True, True])
        return stop(ranks(driver)[1])

    assert scene.end(GANG, disturb).message.endswith("was stopped")


def test_processes_that_never_answered_are_found_and_ended_and_their_room_comes_back() -> None:
    done = subprocess.run([sys.executable, "-c", LEADS], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if not line.startswith("\x1b")]  # Ray's
    assert said == ["it is over", "its room is free"]


def test_a_worker_that_is_stopped_as_it_reads_images_is_ended_with_its_pack(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORMSWEEP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bring_folder(tree(tmp_path / "flowers"), "flowers")

    def disturb(driver: Driver) -> int:
        scene.until(driver, lambda: trains(scene.leader) and working(tmp_path))
        return stop(working(tmp_path)[0])

    assert scene.end(IMAGES, disturb).message.endswith("which helps to train, was stopped")


def test_a_step_that_never_ends_is_ended(scene: Scene) -> None:
    def disturb(driver: Driver) -> int:
        mark = scene.stormy.workspace.root / "endless"
        scene.until(driver, lambda: mark.exists() and mark.read_text())
        return int(mark.read_text())

    failure = scene.end(PACK, disturb, sys.executable, "-m", "tests.chaos.failing_run")
    assert failure.step > 0
    assert failure.message.endswith("and did no step")
    assert "in endless_once" in failure.traceback
