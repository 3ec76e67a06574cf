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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from orchestrator.store import failures
from orchestrator.store.decisions import Decisions
from orchestrator.store.files import replace
from orchestrator.store.interruptions import Interruption, record
from orchestrator.store.leases import Lease
from orchestrator.store.ledger import Ledger, encode
from orchestrator.store.owner import Owner
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from slurm.patience import patiently, refused
from sweeps.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.engine.gang import Gang

LOOK_SECONDS = 1.0  # between two looks at lease and owner
REPORT_SECONDS = 2.0  # between two reports to Tune


class PackTrainable(tune.Trainable):
    """One Tune trial: one pack, from its checkpoint if there is one, to its published part.

    It never fails in Tune's eyes: what goes wrong is recorded in `failures/` and told in the last report.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self._job: PackJob | None = None
        self._config = config

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Tune keeps none: packs keep their own."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing of Tune's to load."""

    def step(self) -> dict[str, Any]:
        outcome = {"pack": self._config["pack"], "generation": self._config["generation"]}
        try:
            if self._job is None:
                self._job = PackJob(self._config)
            state = self._job.work(REPORT_SECONDS)
            progress = self._job.trainer.progress
        except Exception as error:  # noqa: BLE001  a process border: one pack's failure must not hurt another
            self._fail(_kind(error), error)
            state, progress = "failed", 0.0
        done = state != "training"
        if done:
            if self._job is not None:
                self._job.close()
            self._job = None
        return {**outcome, "state": state, "progress": progress, "done": done}

    def _fail(self, kind: str, error: Exception) -> None:
        epoch = self._job.trainer.epoch if self._job is not None else -1
        failure = failures.Failure(
            pack=self._config["pack"],
            generation=self._config["generation"],
            kind=kind,
            epoch=epoch,
            message=f"{type(error).__name__}: {error}",
            traceback=_plain("".join(traceback.format_exception(error))),
            host=getattr(error, "host", socket.gethostname()),
        )
        patiently(lambda: failures.record(Workspace.at(self._config["workspace"]), failure))


def _plain(text: str) -> str:
    """Without the colours in which Ray tells what happened in another process."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _kind(error: Exception) -> str:
    """Of the failure, as in `failures.BUDGETS`."""
    import torch

    from trainers.loader import LostNode, LostWorker

    if refused(error):
        return "lost_disk"
    if isinstance(error, LostNode):
        return "lost_node"
    if isinstance(error, LostWorker):
        return "lost_process"
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "not enough memory" in str(error):
        return "out_of_memory"
    return "exception"


class PackJob:
    """Trains one leased pack and keeps its files: checkpoint, progress, log, part."""

    def __init__(self, config: dict[str, Any]) -> None:
        gang = _gang(config)
        try:
            self._begin(config, gang)
        except BaseException:
            if gang is not None:  # its processes would keep the room that the next attempt needs
                gang.close()
            raise

    def _begin(self, config: dict[str, Any], gang: Gang | None) -> None:
        from trainers import data, host
        from trainers.pack import PackTrainer

        host.prepare(config["threads"])
        self._config = config
        self._workspace = Workspace.at(config["workspace"])
        self._lease = Lease(config["pack"], config["generation"], Owner(**config["owner"]))
        self._pack = RosterPack.from_json(config["roster"])
        self._decisions = Decisions(self._workspace)
        self._started = time.monotonic()
        trials = self._pack.trials
        self._dataset = data.read(trials[0].dataset)
        if self._dataset.facts.digest != trials[0].digest:
            raise UsageError(
                f"the content of data set {trials[0].dataset} changed since this pack was planned: plan again"
            )
        if gang is not None:
            gang.meet()
            self.trainer = gang
        else:
            self.trainer = PackTrainer(trials, self._dataset, workers=config["threads"], **config["how"])
        beside, reason = self.trainer.load(self._checkpoint) if self._checkpoint.exists() else (None, "")
        self._seconds = beside["seconds"] if beside else 0.0
        self._saved = time.monotonic()
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
        interval: float = self._config["checkpoint_seconds"]
        slice = min(LOOK_SECONDS, interval / 4)
        while not self.trainer.finished:
            if time.monotonic() - self._saved + slice > interval:
                self.save()
            patiently(lambda: self._unsaved.write_text(f"{time.monotonic() - self._saved + slice:.3f}"))
            self.trainer.advance(slice)
            if self._lease.superseded(self._workspace):
                self._log("superseded by a newer lease")
                return "superseded"
            self._decisions.read()
            cancelled = self._pack.id in self._decisions.cancelled
            stopping = cancelled or self._workspace.stop(self._lease.owner.id).exists()
            if stopping and not self.trainer.finished:
                self.save()
                self._log(f"saved at epoch {self.trainer.epoch} and {'cancelled' if cancelled else 'stopped'}")
                return "stopped"
            if not self.trainer.finished and time.monotonic() >= until:
                return "training"
        rows = self.rows()
        patiently(lambda: Ledger(self._workspace).publish(self._lease.pack, rows))
        for path in (self._checkpoint, self._unsaved, self._workspace.progress(self._lease.pack)):
            patiently(lambda path=path: path.unlink(missing_ok=True))
        self._log(f"done after {self._trained():.1f} s")
        return "done"

    def close(self) -> None:
        """Ends the processes of a gang."""
        end = getattr(self.trainer, "close", None)
        if end is not None:
            end()

    def save(self) -> None:
        seconds, progress = self._trained(), encode(self.rows())
        patiently(lambda: self.trainer.save(self._checkpoint, seconds=seconds))
        self._saved = time.monotonic()
        patiently(lambda: self._unsaved.write_text("0"))
        patiently(lambda: replace(self._workspace.progress(self._lease.pack), progress))

    def rows(self) -> list[dict[str, Any]]:
        """The part's rows as far as the pack is trained."""
        from orchestrator.store.rows import part_rows
        from trainers import host

        return part_rows(
            self._pack,
            self.trainer.rows(),
            {
                "seconds": self._trained() / len(self._pack.trial_ids),
                "attempts": self._lease.generation,
                "device": getattr(self.trainer, "device", None) or host.device_name(self._config["how"]["device"]),
                "host": socket.gethostname(),
                "threads": self._config["threads"] * self._config["devices"],  # of all devices
                "code_version": self._config["code_version"],
                "finished": time.time(),
            },
        )

    @property
    def _checkpoint(self) -> Path:
        return self._workspace.checkpoint(self._lease.pack)

    @property
    def _unsaved(self) -> Path:
        return self._workspace.unsaved(self._lease.pack)

    def _lost(self) -> float | None:
        """Records what the attempts before this one lost; None when there were none that trained."""
        patiently(lambda: self._checkpoint.parent.mkdir(parents=True, exist_ok=True))
        try:
            # Empty: lost as it was written.
            lost = float(self._unsaved.read_text() or self._config["checkpoint_seconds"])
        except FileNotFoundError:
            return None
        interruption = Interruption(
            pack=self._lease.pack,
            generation=self._lease.generation,
            host=socket.gethostname(),
            epoch=self.trainer.epoch,
            seconds=lost,
        )
        patiently(lambda: record(self._workspace, interruption))
        patiently(lambda: self._unsaved.write_text("0"))
        return lost

    def _trained(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def _from(self, restored: bool, reason: str) -> str:
        if restored:
            return f"goes on from epoch {self.trainer.epoch}"
        return f"starts anew: {reason}" if reason else "starts"

    def _log(self, text: str) -> None:
        path = self._workspace.log(self._lease.pack)
        patiently(lambda: path.parent.mkdir(parents=True, exist_ok=True))
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} pid {os.getpid()} {text}\n"

        def write() -> None:
            with path.open("a") as file:
                file.write(line)

        patiently(write)


def _gang(config: dict[str, Any]) -> Gang | None:
    if config["devices"] == 1:
        return None
    from orchestrator.engine.gang import Gang

    return Gang(config)
