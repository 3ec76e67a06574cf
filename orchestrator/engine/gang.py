"""A trial over several devices: one process a device, in the bundles of the Tune trial's own placement group.

Tune takes the group back when the trial ends, however it ends; the processes belong to the trial's actor and end with
it. They meet at an address by which Ray knows the first one's node, so that nodes with several networks meet on Ray's.
"""

from __future__ import annotations

import os
import socket
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from orchestrator.engine.task import PackTask
from trainers import pulse
from trainers.pulse import Pace

LOST_SECONDS = 60.0  # after one process fails, for Ray to tell of another, or its node, that was lost: half a minute


class Gang:
    """A `Trainer` of one pack, by processes that each train their share of every batch.

    They start and import what they need while who made this does other things, up to `meet`.
    """

    def __init__(self, task: PackTask) -> None:
        group = ray.util.get_current_placement_group()
        assert isinstance(group, PlacementGroup), "a gang trains in a placement group of Tune's"
        world = task.devices
        actor: Any = ray.remote(max_restarts=0)(Rank)
        self._ranks: list[Any] = [
            actor.options(
                num_cpus=task.cpus,
                num_gpus=task.gpus,
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=i),
            ).remote(i, task)
            for i in range(world)
        ]
        self.close = weakref.finalize(self, _end, self._ranks)
        self._places: list[tuple[str, str]] = []  # each process's address and host, once they have met
        self._seconds_of_a_step = 0.0

    def meet(self) -> None:
        """The processes find each other and get ready to train."""
        (address,) = self._all([self._ranks[0].open.remote()])
        self._places = self._all([rank.join.remote(address) for rank in self._ranks])
        devices = self._all([rank.prepare.remote() for rank in self._ranks])
        self.device = f"{len(devices)} x {devices[0]}"
        self._look()

    def advance(self, seconds: float) -> None:
        """Trains as many steps as take about so long, one at least; for the first the time is not known."""
        steps = max(1, int(seconds / self._seconds_of_a_step)) if self._seconds_of_a_step else 1
        begin = time.monotonic()
        self._all([rank.advance.remote(steps) for rank in self._ranks])
        # A first step takes longer than others; an evaluation may fall among any.
        self._seconds_of_a_step = (time.monotonic() - begin) / steps
        self._look()

    def rows(self) -> list[dict[str, object]]:
        return self._of_first("rows")

    def readings(self) -> list[list[dict[str, object]]]:
        return self._of_first("readings")

    def save(self, path: Path, **beside: object) -> None:
        """Rank 0 writes its state, which is everyone's."""
        self._of_first("save", path, beside)

    def load(self, path: Path) -> tuple[dict[str, Any] | None, str]:
        """Each process reads the file. RuntimeError if only some of them can."""
        answers: list[tuple[dict[str, Any] | None, str]] = self._all([rank.load.remote(path) for rank in self._ranks])
        if len({beside is None for beside, _ in answers}) > 1:
            reasons = (reason for _, reason in answers if reason)
            raise RuntimeError(f"some processes of the gang read the checkpoint, others do not: {next(reasons)}")
        self._look()
        return answers[0]

    def _all(self, answers: Sequence[Any]) -> list[Any]:
        """The answers of ranks, from the first on; else what any of them raised.

        LostProcess if one is gone, whatever others say of it, or if they lost touch; LostNode if its node is gone, too.
        """
        from trainers.feeding.loader import LostNode, LostProcess

        waiting = list(answers)
        try:
            while waiting:
                ready, waiting = ray.wait(waiting, num_returns=1)
                ray.get(ready)
        except Exception as error:
            ended, _ = ray.wait(list(answers), num_returns=len(answers), timeout=LOST_SECONDS)
            lost = [i for i, answer in enumerate(answers) if answer in ended and _is_lost(answer)]
            if lost:
                living = {node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
                for address, host in (self._places[i] for i in lost if self._places):
                    if address not in living:
                        raise LostNode(host) from error
                raise LostProcess("a process of the gang was lost") from error
            if not isinstance(error, RayTaskError):
                raise
            if _out_of_touch(error.cause):
                raise LostProcess(f"the processes of the gang lost touch: {error.cause}") from error
            raise error.cause from error
        return ray.get(list(answers))

    def _look(self) -> None:
        self.finished, self.progress, self.epoch, self.pace = self._of_first("progress")

    def _of_first(self, name: str, *given: object) -> Any:
        return self._all([getattr(self._ranks[0], name).remote(*given)])[0]


class Rank:
    """One process of a gang."""

    def __init__(self, rank: int, task: PackTask) -> None:
        self._rank, self._world, self._task = rank, task.devices, task
        pulse.listen()
        from trainers import host  # and with it torch: all processes import it at the same time

        host.prepare(task.cpus)

    def open(self) -> tuple[str, int]:
        """Where the gang meets: an address and port of this node, on the network that Ray uses."""
        import torch.distributed as dist

        address = ray.util.get_node_ip_address()
        listening = socket.create_server((address, 0))
        port = listening.getsockname()[1]
        self._store: Any = dist.TCPStore(  # pyright: ignore[reportPrivateImportUsage]
            address, port, self._world, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach()
        )
        return address, port

    def join(self, address: tuple[str, int]) -> tuple[str, str]:
        """Meets the others; returns its own address and host."""
        import torch.distributed as dist

        here = ray.util.get_node_ip_address()
        network = _network(here)
        if network:  # of NCCL's names a bare one would be a prefix
            os.environ.update(GLOO_SOCKET_IFNAME=network, NCCL_SOCKET_IFNAME=f"={network}")
        if self._rank > 0:
            store = dist.TCPStore(address[0], address[1], self._world)  # pyright: ignore[reportPrivateImportUsage]
            self._store = store
        backend = "nccl" if self._task.device == "cuda" else "gloo"
        dist.init_process_group(backend, store=self._store, rank=self._rank, world_size=self._world)
        return here, socket.gethostname()

    def prepare(self) -> str:
        """Gets ready to train; returns the name of the device."""
        from orchestrator.planning.plugins import run_copies
        from orchestrator.store import Store
        from orchestrator.store.files import PATIENCE
        from trainers import data
        from trainers.pack import PackTrainer

        trials = self._task.pack.trials
        run_copies(Store.at(self._task.root, patience=PATIENCE), trials)
        self._trainer = PackTrainer(
            trials,
            data.read(trials[0].dataset),
            agree_every=int(os.environ.get("NORMSWEEP_AGREE_EVERY", "0")),
            **self._task.trainer_options,
        )
        return self._trainer.device

    def advance(self, steps: int) -> None:
        self._trainer.advance(float("inf"), steps)

    def progress(self) -> tuple[bool, float, int, Pace]:
        return self._trainer.finished, self._trainer.progress, self._trainer.epoch, self._trainer.pace

    def rows(self) -> list[dict[str, object]]:
        return self._trainer.rows()

    def readings(self) -> list[list[dict[str, object]]]:
        return self._trainer.readings()

    def save(self, path: Path, beside: Mapping[str, Any]) -> None:
        self._trainer.save(path, **beside)

    def load(self, path: Path) -> tuple[dict[str, Any] | None, str]:
        return self._trainer.load(path)


def _is_lost(answer: Any) -> bool:
    """Whether a process is gone, or was before it answered; not what a living one says."""
    try:
        ray.get(answer)
    except RayTaskError:
        return False
    except RayError:
        return True
    return False


def _out_of_touch(error: BaseException) -> bool:
    """A network's fault: torch's own errors of rendezvous and NCCL; gloo's, which have no class of their own."""
    from torch.distributed import DistError

    return isinstance(error, DistError) or "/gloo/" in str(error)


def _end(ranks: Sequence[Any]) -> None:
    for rank in ranks:
        ray.kill(rank)


def _network(address: str) -> str:
    """The name of this machine's network that has the address."""
    import psutil

    networks = psutil.net_if_addrs().items()
    return next((name for name, found in networks if any(a.address == address for a in found)), "")
