"""The processes that train a pack, on whatever nodes: how they are, and their end by force.

Ray's list of actors says where they are, even of one that never answered. A task without a CPU on their node looks at
them and ends them, with all that they started.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from trainers import pulse
from trainers.pulse import Pace

ANSWER_SECONDS = 30.0  # for a node
END_SECONDS = 10.0  # for a process that was killed
# What keeps a process from going on, by its state: somebody, or what it waits for.
HELD = {psutil.STATUS_STOPPED: "was stopped", psutil.STATUS_TRACING_STOP: "was stopped by a debugger",
        psutil.STATUS_DISK_SLEEP: "waited for a disk or a device"}  # fmt: skip

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A process as it was found: its node's name, its state as psutil calls it, how training moves in it, and whether
    it trains itself or works for one that does."""

    host: str
    pid: int
    state: str
    trains: bool = True
    pace: Pace | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What was seen of a pack's processes, who leads it first, and the names of nodes that did not answer."""

    seen: Sequence[Seen]
    silent: Sequence[str]

    @property
    def moves(self) -> list[tuple[str, int, int]]:
        """Something else whenever one of them moved."""
        return [(p.host, p.pid, p.pace.moves) for p in self.seen if p.pace]

    @property
    def idle(self) -> bool:
        """Whether all is well, and the driver late to say what is next."""
        leader = self.seen[0].pace if self.seen else None
        return leader is not None and leader.idle and not self.held and not self.silent

    @property
    def held(self) -> Seen | None:
        """One that something keeps from going on; stopped ones come first."""
        held = [p for p in self.seen if p.state in HELD]
        return min(held, key=lambda p: list(HELD).index(p.state), default=None)

    @property
    def pace(self) -> Pace | None:
        """How training moves; None where nothing trains yet."""
        paces = [p.pace for p in self.seen if p.pace and p.pace.steps >= 0]
        return max(paces, key=lambda pace: pace.moves, default=None)


class Processes:
    """Those of a Tune trial's actor: its own, and those of a gang that it leads."""

    def look(self, actor: Any) -> Look:
        answers, silent = _ask(_look, _places(actor._actor_id.hex()))
        return Look(seen=[p for found in answers for p in found], silent=silent)

    def stacks(self, actor: Any) -> str:
        """Where in the program those that train are."""
        answers, _ = _ask(_stacks, _places(actor._actor_id.hex()))
        return "\n".join(stack for stacks in answers for stack in stacks if stack)

    def end(self, actor: Any) -> Look:
        """Ends them all; returns what could not be ended."""
        try:
            answers, silent = _ask(_end, _places(actor._actor_id.hex()))
        finally:
            ray.kill(actor)  # Tune hears of it, whatever became of the process
        return Look(seen=[p for left in answers for p in left], silent=silent)

    def starting(self) -> list[str]:
        """The ids of the driver's own actors that have a process and are not up yet."""
        actors = [a["Address"] for a in _actors("ALIVE")]
        starting = [a for a in _actors("PENDING_CREATION") if a["Pid"] and a["OwnerAddress"] not in actors]
        return [a["ActorID"] for a in starting]

    def end_start(self, actor_id: str) -> None:
        """Ends the process of one that does not come up."""
        _ask(_end, _places(actor_id))


def _actors(stage: str) -> list[dict[str, Any]]:
    from ray._private.state import state  # the public list needs a dashboard, which we do not start

    found: Any = state.actor_table(None, None, stage)
    return list(found.values())


def _places(actor_id: str) -> dict[str, list[int]]:
    """Pids by node, as Ray knows it; the leader comes first."""
    living = [*_actors("ALIVE"), *_actors("PENDING_CREATION")]
    leaders = [a for a in living if a["ActorID"] == actor_id]
    led = [a for a in living for leader in leaders if a["OwnerAddress"] == leader["Address"]]
    places: dict[str, list[int]] = {}
    for a in (*leaders, *led):
        if a["Pid"]:
            places.setdefault(a["Address"]["NodeID"], []).append(a["Pid"])
    return places


def _ask(task: Callable[[list[int]], T], places: Mapping[str, list[int]]) -> tuple[list[T], list[str]]:
    """What `task` answers on each node, and the names of nodes that do not."""
    function: Any = ray.remote(task)
    asked = {
        function.options(
            num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
        ).remote(pids): node
        for node, pids in places.items()
    }
    if asked:
        ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_SECONDS)
    names: dict[str, str] = {node["NodeID"]: node["NodeManagerHostname"] for node in ray.nodes()}
    answers: list[T] = []
    silent: list[str] = []
    for answer, node in asked.items():
        try:
            answers.append(ray.get(answer, timeout=0))
        except RayTaskError:  # it answers with a bug of ours
            raise
        except RayError:  # not yet there, or the node is lost
            ray.cancel(answer, force=True)  # what comes late would meet other processes
            silent.append(names.get(node, node))
    return answers, silent


def _look(pids: list[int]) -> list[Seen]:
    """On their node."""
    trees = [(process, process.pid in pids) for pid in pids for process in _tree(pid)]
    before = [_state(process) for process, _ in trees]
    time.sleep(0.5)  # any process waits for a disk for a moment
    return [
        Seen(
            host=socket.gethostname(),
            pid=process.pid,
            state=state if state == was else psutil.STATUS_RUNNING,
            trains=trains,
            pace=pulse.read(process.pid) if trains else None,
        )
        for (process, trains), was in zip(trees, before, strict=True)
        if (state := _state(process))
    ]


def _stacks(pids: list[int]) -> list[str]:
    """On their node."""
    return [pulse.stack(pid) for pid in pids]


def _end(pids: list[int]) -> list[Seen]:
    """On their node; returns those that still live."""
    processes = [process for pid in pids for process in _tree(pid)]
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    until = time.monotonic() + END_SECONDS
    while (left := [p for p in processes if _state(p)]) and time.monotonic() < until:
        time.sleep(0.1)
    return [Seen(host=socket.gethostname(), pid=p.pid, state=_state(p)) for p in left]


def _tree(pid: int) -> list[psutil.Process]:
    """A process of Ray's and all that it started."""
    try:
        # Not its command line: to read that of a process that waits for a device may never end.
        if not Path(f"/proc/{pid}/comm").read_text().startswith("ray::"):
            return []
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except (OSError, psutil.Error):
        return []


def _state(process: psutil.Process) -> str:
    """Of a process that is over: ""."""
    try:
        state = process.status() if process.is_running() else psutil.STATUS_ZOMBIE
    except psutil.Error:
        return ""
    return "" if state in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else str(state)
