"""What a process that trains answers: one request a line, in JSON. Imports nothing that another Python might lack."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

STEPS = 20  # before the loss that is compared


class Contender(Protocol):
    """Trains `replicas` networks, each with one thread of its own or all with those of its process."""

    replicas: int

    def loss(self) -> list[float]:
        """Trains the first STEPS steps and one more; that one's loss for each replica of the start."""
        ...

    def train(self, steps: int) -> float:
        """Trains about so many steps; says how many."""
        ...


def serve(build: Callable[[int, int, dict[str, Any]], dict[str, Contender]]) -> None:
    """`{"start": FILE, ...}` builds, answered by losses; `{"train": NAME, "steps": N}` trains, answered by the steps.

    `build` maps this process's number, its threads and the request to contenders by name. The arguments of the
    process are its number and the cores that it keeps to.
    """
    number, cores = int(sys.argv[1]), {int(core) for core in sys.argv[2].split(",")}
    os.sched_setaffinity(0, cores)
    contenders: dict[str, Contender] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            contenders.clear()
            contenders = build(number, len(cores), request)
            answer: Any = {name: each.loss() for name, each in contenders.items()}
        else:
            answer = contenders[request["train"]].train(request["steps"])
        print(json.dumps(answer), flush=True)
