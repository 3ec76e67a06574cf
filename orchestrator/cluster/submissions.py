"""Submissions to SLURM: an intent before sbatch, a receipt after it, both write-once and numbered.

A submission without a receipt is unclear: whoever submits next resolves it. A void one never does any work: its jobs,
should they come after all, see that and end.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.store.files import publish
from orchestrator.store.owner import Owner, myself
from orchestrator.store.workspace import Workspace

SUBMISSION_SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """`name` is the job's, given to no other submission anywhere."""

    number: int
    name: str
    sweep: str
    count: int
    nodes: int
    cpus: int
    gpus: int
    usable_seconds: float  # of an allocation: its time limit without what is kept for the end
    kept_seconds: float
    owner: Owner

    @classmethod
    def read(cls, workspace: Workspace, number: int) -> Submission:
        data = json.loads(workspace.intent(number).read_bytes())
        del data["schema"]
        return cls(**(data | {"owner": Owner(**data["owner"])}))

    def intend(self, workspace: Workspace) -> bool:
        """Writes the intent. False when another took the number: read again and count again."""
        content: dict[str, Any] = {"schema": SUBMISSION_SCHEMA, **asdict(self)}
        return publish(workspace.intent(self.number), json.dumps(content).encode())


def submissions(workspace: Workspace) -> list[Submission]:
    """All that were intended, oldest first."""
    found: list[Submission] = []
    while workspace.intent(len(found) + 1).exists():
        found.append(Submission.read(workspace, len(found) + 1))
    return found


def confirm(workspace: Workspace, number: int, jobs: list[str]) -> bool:
    """Writes the receipt; without jobs the submission is void. False when there is another receipt already."""
    content = {"schema": SUBMISSION_SCHEMA, "jobs": jobs}
    return publish(workspace.receipt(number), json.dumps(content).encode())


def receipt(workspace: Workspace, number: int) -> list[str] | None:
    """The submission's jobs, none when it is void; None when that is unclear."""
    try:
        return json.loads(workspace.receipt(number).read_bytes())["jobs"]
    except FileNotFoundError:
        return None


def is_void(workspace: Workspace, number: int) -> bool:
    return receipt(workspace, number) == []


def under_way(submission: Submission) -> bool | None:
    """Whether the `submit` that made it still runs; None when it ran on another machine."""
    from orchestrator.store.owner import started

    me, owner = myself(), submission.owner
    if (me.boot, me.namespace) != (owner.boot, owner.namespace):
        return None
    return started(owner.pid) == owner.started
