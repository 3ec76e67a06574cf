"""What the cluster's partitions allow, as sinfo says, and the site file that follows from it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from slurm.command import ask
from slurm.job import parse_duration
from slurm.keys import lines
from slurm.profile import Profile


@dataclass(frozen=True, kw_only=True, slots=True)
class Partition:
    name: str
    default: bool
    minutes: float  # infinite when there is no limit
    nodes: int
    cpus: int  # of the smallest node
    memory_mb: int
    gres: str


def partitions() -> list[Partition]:
    """Unanswered when sinfo gives no answer."""
    rows = [row.split("|") for row in ask(["sinfo", "--noheader", "--format=%P|%l|%D|%c|%m|%G"]).splitlines()]
    found: dict[str, Partition] = {}
    for name, limit, nodes, cpus, memory, gres in rows:
        one = Partition(
            name=name.rstrip("*"),
            default=name.endswith("*"),
            minutes=float("inf") if limit == "infinite" else parse_duration(limit) / 60,
            nodes=int(nodes),
            cpus=int(cpus.rstrip("+")),
            memory_mb=int(memory.rstrip("+")),
            gres="" if gres == "(null)" else gres,
        )
        before = found.get(one.name)
        found[one.name] = _merged(before, one) if before else one
    return list(found.values())


def _merged(a: Partition, b: Partition) -> Partition:
    """sinfo gives one row for the nodes that are in one state."""
    return Partition(
        name=a.name,
        default=a.default,
        minutes=a.minutes,
        nodes=a.nodes + b.nodes,
        cpus=min(a.cpus, b.cpus),
        memory_mb=min(a.memory_mb, b.memory_mb),
        gres=a.gres or b.gres,
    )


def problems(profile: Profile, nodes: int) -> list[str]:
    """What SLURM would refuse or never start, one sentence each."""
    known = {p.name: p for p in partitions()}
    partition = known.get(profile.partition)
    if partition is None:
        near = difflib.get_close_matches(profile.partition, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}."
        return [f"this cluster has no partition {profile.partition!r}; {hint}"]
    found: list[str] = []
    if profile.minutes > partition.minutes:
        found.append(
            f"minutes = {profile.minutes} is above the limit of partition {partition.name}, {partition.minutes:.0f}"
        )
    if nodes > partition.nodes:
        found.append(f"{nodes} nodes an allocation are more than the {partition.nodes} of partition {partition.name}")
    if profile.gpus and not partition.gres:
        found.append(f"gpus = {profile.gpus}, but partition {partition.name} has none")
    return found


def site_file() -> str:
    """A commented site file for this cluster, its default partition filled in."""
    known = partitions()
    first = next((p for p in known if p.default), known[0])
    minutes = int(min(first.minutes, 240))
    table = "\n".join(
        f"#   {p.name}: {p.nodes} nodes, {p.cpus} cores, {p.memory_mb // 1024} GB, gres {p.gres or 'none'}, "
        + ("no time limit" if p.minutes == float("inf") else f"at most {p.minutes:.0f} minutes")
        for p in known
    )
    limits = {
        key: value.strip()
        for line in ask(["scontrol", "show", "config"]).splitlines()
        for key, equals, value in [line.partition("=")]
        if equals
        for key in [key.strip()]
    }
    values = {
        "partition": first.name,
        "minutes": minutes,
        "cpus": first.cpus,
        "signal_seconds": min(120, minutes * 60 // 4),
        "max_array": int(limits.get("MaxArraySize", "1001")) - 1,
    }
    return "\n".join(
        (
            "# What an allocation asks of this cluster. An allocation is one SLURM job.",
            "# Partitions that sinfo tells of:",
            table,
            *lines(values),
            "",
        )
    )
