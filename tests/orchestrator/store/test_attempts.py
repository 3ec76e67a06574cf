from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.store import Store
from orchestrator.store.attempts import Failure, verdict


def failure(generation: int, kind: str = "exception", epoch: int = 3, trace: str = "at 0x7f01 line 12") -> Failure:
    return Failure(
        pack="p", generation=generation, kind=kind, epoch=epoch, message="boom", traceback=trace, host="here"
    )


def stalls(*where: tuple[int, str]) -> list[Failure]:
    """At these steps, on these nodes."""
    return [
        replace(failure(n, "stalled", epoch=-1), step=step, host=host) for n, (step, host) in enumerate(where, start=1)
    ]


def test_an_exception_repeated_at_one_epoch_splits() -> None:
    assert verdict([failure(1)], 8) == "retry"
    assert verdict([failure(1), failure(2, trace="at 0x8e22 line 12")], 8) == "split"
    assert verdict([failure(1), failure(2, epoch=4)], 8) == "retry"
    assert verdict([failure(1), failure(2, trace="elsewhere")], 8) == "retry"
    assert verdict([failure(n, epoch=n) for n in range(5)], 8) == "split"


def test_an_exception_before_the_first_step_splits_at_once() -> None:
    assert verdict([failure(1, epoch=-1)], trials=6) == "split"
    assert verdict([failure(1, epoch=-1)], trials=1) == "retry"  # a trial alone is not given up for one chance
    assert verdict([failure(1, kind="lost_process", epoch=-1)], trials=6) == "retry"


def test_what_a_pack_repeats_of_the_one_that_it_was_split_off_needs_no_second_attempt() -> None:
    assert verdict([failure(1)], 3, inherited=[failure(1), failure(2)]) == "split"
    assert verdict([failure(1)], 1, inherited=[failure(1)]) == "split"
    assert verdict([failure(1, epoch=4)], 3, inherited=[failure(1), failure(2)]) == "retry"
    assert verdict([], 3, inherited=[failure(1), failure(2)]) == "retry"
    lost = [failure(n, kind="lost_process") for n in range(5)]
    assert verdict([failure(1, kind="lost_process")], 3, inherited=lost) == "retry"


def test_out_of_memory_splits_at_once() -> None:
    assert verdict([failure(1, kind="out_of_memory")], 8) == "split"


def test_lost_processes_never_split() -> None:
    lost = [failure(n, kind="lost_process", epoch=-1) for n in range(5)]
    assert verdict(lost[:4], 8) == "retry"
    assert verdict(lost, 8) == "give up"


def test_copies_that_a_node_cannot_run_never_split() -> None:
    lost = [failure(n, kind="lost_copy", epoch=-1) for n in range(20)]
    assert verdict(lost[:19], 8) == "retry"
    assert verdict(lost, 8) == "give up"


def test_failures_are_kept_in_order(tmp_path: Path) -> None:
    attempts = Store.at(tmp_path).attempts
    for generation in (2, 10, 1):
        attempts.fail(failure(generation))
    assert [f.generation for f in attempts.failures("p")] == [1, 2, 10]
    assert attempts.failures("q") == []


@pytest.mark.parametrize(
    ("where", "several", "alone"),
    [
        ([(7, "n1")], "retry", "retry"),
        ([(7, "n1"), (7, "n1")], "retry", "retry"),
        ([(7, "n1"), (8, "n2")], "retry", "retry"),  # at another step
        ([(7, "n1"), (7, "n2")], "split", "split"),  # wherever it is trained, it stands still there
        ([(7, "n1")] * 3, "split", "give up"),  # the others shall have their results
        ([(7, "n1"), (8, "n1"), (9, "n1")], "give up", "give up"),
        ([(-1, "n1"), (-1, "n2")], "retry", "retry"),  # something else stood still, not the training
        ([(-1, "n1"), (-1, "n2"), (-1, "n1")], "give up", "give up"),
    ],
)
def test_a_stall_is_a_trials_fault_when_it_comes_back_at_its_step(
    where: list[tuple[int, str]], several: str, alone: str
) -> None:
    assert verdict(stalls(*where), 8) == several
    assert verdict(stalls(*where), 1) == alone
