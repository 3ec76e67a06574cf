"""Times, ids and incarnations as SLURM writes them."""

from __future__ import annotations

import pytest

from slurm.job import Incarnation, parse_duration, shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10", 600), ("0:45", 45), ("1:02:03", 3723), ("2-0", 172800), ("1-02:03:04", 93784), ("UNLIMITED", float("inf"))],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_a_task_of_an_array_is_not_its_whole_array() -> None:
    task = {"SLURM_JOB_ID": "12", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3"}
    assert shown(task) == "12_3"
    assert shown({"SLURM_JOB_ID": "12"}) == "12"


def test_a_restart_supersedes_the_same_job_only() -> None:
    first = Incarnation.current({"SLURM_JOB_ID": "7"})
    second = Incarnation.current({"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "1"})
    assert second.supersedes(first)
    assert not first.supersedes(second)
    assert not second.supersedes(second)
    assert not second.supersedes(Incarnation(job=8, restart=0))
    assert Incarnation.parse(str(second)) == second
