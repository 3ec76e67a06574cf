"""What the cluster's partitions allow, as sinfo says, and the site file that follows from it."""

from __future__ import annotations

import difflib
import re
from contextlib import suppress
from dataclasses import dataclass

from slurm.command import ask
from slurm.errors import Unanswered
from slurm.job import parse_duration, shown
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


def requeues() -> bool:
    """Whether SLURM queues this job again when it is preempted or loses a node. Unanswered when it does not say."""
    widths = {"Requeue": 8, "Partition": 128, "QOS": 128}
    columns = ",".join(f"{name}:{width}" for name, width in widths.items())
    said = ask(["squeue", "--noheader", "--jobs", shown(), "--Format", columns])
    requeue, partition, qos = said[:8].strip(), said[8:136].strip(), said[136:].strip()
    return requeue == "1" and "CANCEL" not in _preemption(partition, qos)


def _preemption(partition: str, qos: str) -> str:
    """The PreemptMode that holds for a job: its partition's, its QOS's or the cluster's; `OFF` without preemption."""
    config = _config()
    kind = config.get("PreemptType", "preempt/none")
    if kind == "preempt/partition_prio":
        return _mode(["partition", partition]) or config["PreemptMode"]
    if kind == "preempt/qos":  # OFF: no own one
        own = _mode(["assoc_mgr", "flags=qos", f"qos={qos}"])
        return config["PreemptMode"] if own in ("", "OFF") else own
    return "OFF"


def _mode(what: list[str]) -> str:
    """Empty where users may not see it."""
    with suppress(Unanswered):
        found = re.search(r"PreemptMode=(\S+)", ask(["scontrol", "show", *what]))
        return found[1] if found else ""
    return ""


def _config() -> dict[str, str]:
    rows = (line.partition("=") for line in ask(["scontrol", "show", "config"]).splitlines())
    return {key.strip(): value.strip() for key, equals, value in rows if equals}


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
    values = {
        "partition": first.name,
        "minutes": minutes,
        "cpus": first.cpus,
        "signal_seconds": min(120, minutes * 60 // 4),
        "max_array": int(_config().get("MaxArraySize", "1001")) - 1,
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
