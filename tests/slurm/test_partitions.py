"""Whether SLURM queues a job again, as it says of the job, the partition, the QOS and the cluster."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from slurm import partitions
from slurm.errors import Unanswered

KIND = {"partition": "preempt/partition_prio", "qos": "preempt/qos", "none": "preempt/none"}


@pytest.mark.parametrize(
    ("kind", "cluster", "partition", "qos", "requeue", "comes"),
    [
        ("partition", "REQUEUE", "REQUEUE", "OFF", "1", True),
        ("partition", "REQUEUE", "CANCEL", "OFF", "1", False),
        ("partition", "CANCEL", "REQUEUE", "OFF", "1", True),
        ("partition", "CANCEL", "OFF", "OFF", "1", True),  # nothing preempts it
        ("partition", "REQUEUE", "REQUEUE", "CANCEL", "1", True),  # a QOS has no say
        ("partition", "REQUEUE", "REQUEUE", "OFF", "0", False),
        ("qos", "REQUEUE", "CANCEL", "OFF", "1", True),
        ("qos", "REQUEUE", "REQUEUE", "CANCEL", "1", False),
        ("qos", "CANCEL", "REQUEUE", "OFF", "1", False),
        ("qos", "CANCEL", "REQUEUE", "REQUEUE", "1", True),
        ("qos", "GANG,CANCEL", "REQUEUE", "OFF", "1", False),
        ("qos", "CANCEL", "REQUEUE", "secret", "1", False),
        ("qos", "REQUEUE", "REQUEUE", "secret", "1", True),
        ("none", "CANCEL", "CANCEL", "CANCEL", "1", True),
    ],
)
def test_who_is_cancelled_where_it_could_be_queued_again(
    monkeypatch: pytest.MonkeyPatch, kind: str, cluster: str, partition: str, qos: str, requeue: str, comes: bool
) -> None:
    def ask(command: Sequence[str]) -> str:
        match command[:3]:
            case ["squeue", *_]:
                assert command[command.index("--jobs") + 1] == "12_0"
                return f"{requeue:8}{'low':128}{'spare':128}\n"
            case [_, _, "config"]:
                return (
                    f"Configuration data\nPreemptMode             = {cluster}\nPreemptType             = {KIND[kind]}\n"
                )
            case [_, _, "partition"]:
                return f"PartitionName=low\n   OverTimeLimit=NONE PreemptMode={partition}\n"
            case _:
                assert command[-1] == "qos=spare"
                if qos == "secret":
                    raise Unanswered("Access/permission denied")
                return f"QOS=spare(7)\n    PreemptMode={qos}\n    Priority=0\n"

    monkeypatch.setattr(partitions, "ask", ask)
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    assert partitions.requeues() is comes
