"""The SLURM job that this process runs in."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from slurm.command import ask


@dataclass(frozen=True, kw_only=True, slots=True)
class Incarnation:
    """A job between two requeues: SLURM keeps the id and counts the restarts."""

    job: int
    restart: int

    def __str__(self) -> str:
        return f"{self.job}.{self.restart}"

    @classmethod
    def parse(cls, text: str) -> Incarnation:
        job, _, restart = text.partition(".")
        return cls(job=int(job), restart=int(restart))

    @classmethod
    def current(cls, environment: Mapping[str, str] = os.environ) -> Incarnation:
        return cls(job=int(environment["SLURM_JOB_ID"]), restart=int(environment.get("SLURM_RESTART_COUNT", "0")))

    def supersedes(self, other: Incarnation) -> bool:
        """True when `other` is an earlier incarnation of the same job: SLURM ended it, whatever still runs of it."""
        return self.job == other.job and self.restart > other.restart


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    address: str


def nodes() -> list[Node]:
    """The job's nodes, this one first. Addresses, since a dead resolver would cost 20 s a look-up."""
    names = ask(["scontrol", "show", "hostnames", os.environ["SLURM_JOB_NODELIST"]]).split()
    here = os.environ["SLURMD_NODENAME"]
    names.sort(key=lambda name: name != here)
    said = ask(["scontrol", "--oneliner", "show", "node", ",".join(names)])
    address = dict[str, str]()
    for line in said.splitlines():
        values = dict(word.split("=", 1) for word in line.split() if "=" in word)
        address[values["NodeName"]] = socket.gethostbyname(values.get("NodeAddr", values["NodeName"]))
    return [Node(name, address[name]) for name in names]


def shown(environment: Mapping[str, str] = os.environ) -> str:
    """This job as SLURM's programs take it: `12_0` for a task of an array, since 12 would mean the whole array."""
    array = environment.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{environment['SLURM_ARRAY_TASK_ID']}" if array else environment["SLURM_JOB_ID"]


def seconds_left() -> float:
    """Until this job's time limit."""
    return parse_duration(ask(["squeue", "--noheader", "--jobs", shown(), "--format", "%L"]).strip())


def parse_duration(text: str) -> float:
    """Seconds of SLURM's `days-hours:minutes:seconds`; infinite for UNLIMITED."""
    if text == "UNLIMITED":
        return float("inf")
    days, dash, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    if dash:  # days-hours[:minutes[:seconds]]
        parts += [0] * (3 - len(parts))
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + part
    if not dash and len(parts) == 1:
        seconds *= 60  # SLURM's bare number is minutes
    return float(seconds + 86400 * int(days or 0))
