"""Everything that crosses a process border: what Ray's workers run.

No signal reaches a pack. Once a second it looks whether its lease is still the newest and whether its owner, or who
cancelled it, wants it to save and end.
"""

from __future__ import annotations

import os
import re
import socket
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from orchestrator.engine.task import PackTask
from orchestrator.store import Store
from orchestrator.store.attempts import Failure, Interruption
from orchestrator.store.files import PATIENCE, Disk, refused
from orchestrator.store.leases import Start
from orchestrator.store.parts import encode, part_rows
from sweeps.errors import UsageError
from trainers import pulse
from trainers.pulse import Pace

if TYPE_CHECKING:
    from orchestrator.engine.gang import Gang
    from trainers.trainer import Trainer

LOOK_SECONDS = 1.0  # between two looks at lease and owner
REPORT_SECONDS = 2.0  # between two reports to Tune


class PackTrainable(tune.Trainable):
    """One Tune trial: one pack, from its checkpoint if there is one, to its published part. Config: `task`, a PackTask.

    It never fails in Tune's eyes: what goes wrong is recorded among the attempts and told in the last report.
    """

    def setup(self, config: dict[str, Any]) -> None:
        pulse.listen()
        self._job: PackJob | None = None
        self._task: PackTask = config["task"]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Tune keeps none: packs keep their own."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing of Tune's to load."""

    def step(self) -> dict[str, Any]:
        pulse.mine().idle(False)
        try:
            return self._step()
        finally:
            pulse.mine().idle(True)  # until the driver asks for the next one

    def _step(self) -> dict[str, Any]:
        try:
            if self._job is None and self._stopping():
                state, progress, pace = "stopped", 0.0, Pace()
            else:
                self._job = self._job or PackJob(self._task)
                state = self._job.work(REPORT_SECONDS)
                progress, pace = self._job.trainer.progress, self._job.trainer.pace
        except Exception as error:  # noqa: BLE001  a process border: one pack's failure must not hurt another
            self._fail(_kind(error), error)
            state, progress, pace = "failed", 0.0, Pace()
        done = state != "training"
        if done:
            if self._job is not None:
                self._job.trainer.close()
            self._job = None
        lease = self._task.lease
        return {
            "pack": lease.pack,
            "generation": lease.generation,
            "node": socket.gethostname(),
            "state": state,
            "progress": progress,
            "pace": asdict(pace),
            "done": done,
        }

    def _stopping(self) -> bool:
        """Whether the owner ends, so that nothing new begins."""
        return Store.at(self._task.root).workspace.stop(self._task.lease.owner.id).exists()

    def _fail(self, kind: str, error: Exception) -> None:
        failure = Failure(
            pack=self._task.lease.pack,
            generation=self._task.lease.generation,
            kind=kind,
            epoch=self._job.trainer.epoch if self._job is not None and self._job.trainer.progress else -1,
            message=f"{type(error).__name__}: {error}",
            traceback=_plain("".join(traceback.format_exception(error))),
            host=getattr(error, "host", socket.gethostname()),
        )
        Store.at(self._task.root, patience=PATIENCE).attempts.fail(failure)


def _wait(seconds: float) -> None:
    """For a disk that refuses: it has an end of its own, and is no stall."""
    for _ in range(4):
        time.sleep(seconds / 4)
        pulse.mine().move()


def _plain(text: str) -> str:
    """Without the colours in which Ray tells what happened in another process."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _kind(error: Exception) -> str:
    """Of the failure, as in `store.attempts.BUDGETS`."""
    import torch

    from orchestrator.planning.plugins import UnusableCopy
    from trainers.feeding.loader import LostNode, LostProcess

    if refused(error):
        return "lost_disk"
    if isinstance(error, UnusableCopy):
        return "lost_copy"
    if isinstance(error, LostNode):
        return "lost_node"
    if isinstance(error, LostProcess):
        return "lost_process"
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "not enough memory" in str(error):
        return "out_of_memory"
    return "exception"


class PackJob:
    """Trains one leased pack and keeps its files: checkpoint, progress, log, part."""

    def __init__(self, task: PackTask) -> None:
        pulse.mine().reset()
        gang = _gang(task)
        try:
            self._begin(task, gang)
        except BaseException:
            if gang is not None:  # its processes would keep the room that the next attempt needs
                gang.close()
            raise

    def _begin(self, task: PackTask, gang: Gang | None) -> None:
        from orchestrator.planning.digest import source_digest
        from orchestrator.planning.plugins import run_copies
        from trainers import data, host, tiles

        host.prepare(task.cpus)
        self._task, self._pack, self._lease = task, task.pack, task.lease
        self._store = Store.at(task.root, patience=PATIENCE)
        self._store.disk = Disk(PATIENCE, sleep=_wait)
        self._started = time.monotonic()
        trials = task.pack.trials
        run_copies(self._store, trials)
        self._source = source_digest(trials[0].normalizer.name, trials[0].model.name, trials[0].optimizer.name)
        dataset = data.read(trials[0].dataset)
        if dataset.facts.digest != trials[0].digest:
            raise UsageError(
                f"the content of data set {trials[0].dataset} changed since this pack was planned: plan again"
            )
        pulse.mine().move()
        if gang is not None:
            gang.meet()
        self.trainer: Trainer = gang or tiles.build(trials, dataset, **task.trainer_options)
        beside, reason = self.trainer.load(self._checkpoint) if self._checkpoint.exists() else (None, "")
        self._seconds: float = beside["seconds"] if beside else 0.0
        self._saved = time.monotonic()
        self._store.leases.start(self._lease, Start(node=socket.gethostname(), pid=os.getpid(), at=time.time()))
        lost = self._lost()
        self._log(
            f"attempt {self._lease.generation} on {socket.gethostname()}: {self._from(beside is not None, reason)}"
            + (f", at most {lost:.2f} s of training lost" if lost is not None else "")
        )

    def work(self, seconds: float) -> str:
        """Trains for about so long; returns `training`, `done`, `stopped` (saved) or `superseded` (unpublished).

        A disk that refuses makes training wait: what is not saved never exceeds the checkpoint interval, or one step.
        """
        until = time.monotonic() + seconds
        interval = self._task.checkpoint_seconds
        slice = min(LOOK_SECONDS, interval / 4)
        while not self.trainer.finished:
            if time.monotonic() - self._saved + slice > interval:
                self.save()
            self._store.disk.write(self._unsaved, f"{time.monotonic() - self._saved + slice:.3f}")
            self.trainer.advance(slice)
            if self._store.leases.superseded(self._lease):
                self._log("superseded by a newer lease")
                return "superseded"
            self._store.decisions.read()
            cancelled = self._pack.id in self._store.decisions.cancelled
            stopping = cancelled or self._store.workspace.stop(self._lease.owner.id).exists()
            if stopping and not self.trainer.finished:
                self.save()
                self._log(f"saved at epoch {self.trainer.epoch} and {'cancelled' if cancelled else 'stopped'}")
                return "stopped"
            if not self.trainer.finished and time.monotonic() >= until:
                return "training"
        self._store.ledger.publish(self._pack.id, self.rows(), self.trainer.readings())
        self._store.disk.remove(self._checkpoint, self._unsaved, self._store.workspace.progress(self._pack.id))
        self._log(f"done after {self._trained():.1f} s")
        return "done"

    def save(self) -> None:
        seconds, progress = self._trained(), encode(self.rows())
        self._store.disk.patiently(lambda: self.trainer.save(self._checkpoint, seconds=seconds))
        self._saved = time.monotonic()
        self._store.disk.write(self._unsaved, "0")
        self._store.disk.replace(self._store.workspace.progress(self._pack.id), progress)

    def rows(self) -> list[dict[str, Any]]:
        """The part's rows as far as the pack is trained."""
        return part_rows(
            self._pack,
            self.trainer.rows(),
            {
                "seconds": self._trained() / len(self._pack.trial_ids),
                "attempts": self._lease.generation,
                "device": self.trainer.device,
                "host": socket.gethostname(),
                "threads": self._task.cpus * self._task.devices,  # of all devices
                "code_version": self._task.code_version,
                "source": self._source,
                "finished": time.time(),
            },
        )

    @property
    def _checkpoint(self) -> Path:
        return self._store.workspace.checkpoint(self._pack.id)

    @property
    def _unsaved(self) -> Path:
        return self._store.workspace.unsaved(self._pack.id)

    def _lost(self) -> float | None:
        """Records what the attempts before this one lost; None when there were none that trained."""
        self._store.disk.patiently(lambda: self._checkpoint.parent.mkdir(parents=True, exist_ok=True))
        try:
            # Empty: lost as it was written.
            lost = float(self._unsaved.read_text() or self._task.checkpoint_seconds)
        except FileNotFoundError:
            return None
        except ValueError:  # cut as it was written
            lost = self._task.checkpoint_seconds
        interruption = Interruption(
            pack=self._pack.id,
            generation=self._lease.generation,
            host=socket.gethostname(),
            epoch=self.trainer.epoch,
            seconds=lost,
        )
        self._store.attempts.interrupt(interruption)
        self._store.disk.write(self._unsaved, "0")
        return lost

    def _trained(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def _from(self, restored: bool, reason: str) -> str:
        if restored:
            return f"goes on from epoch {self.trainer.epoch}"
        return f"starts anew: {reason}" if reason else "starts"

    def _log(self, text: str) -> None:
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} pid {os.getpid()} {text}"
        self._store.disk.append(self._store.workspace.log(self._pack.id), line)


def _gang(task: PackTask) -> Gang | None:
    if task.devices == 1:
        return None
    from orchestrator.engine.gang import Gang

    return Gang(task)
