from __future__ import annotations

from pathlib import Path

from orchestrator.store.failures import Failure, of_pack, record, verdict
from orchestrator.store.workspace import Workspace


def failure(generation: int, kind: str = "exception", epoch: int = 3, trace: str = "at 0x7f01 line 12") -> Failure:
    return Failure(
        pack="p", generation=generation, kind=kind, epoch=epoch, message="boom", traceback=trace, host="here"
    )


def test_an_exception_repeated_at_one_epoch_splits() -> None:
    assert verdict([failure(1)]) == "retry"
    assert verdict([failure(1), failure(2, trace="at 0x8e22 line 12")]) == "split"
    assert verdict([failure(1), failure(2, epoch=4)]) == "retry"
    assert verdict([failure(1), failure(2, trace="elsewhere")]) == "retry"
    assert verdict([failure(n, epoch=n) for n in range(5)]) == "split"


def test_out_of_memory_splits_at_once() -> None:
    assert verdict([failure(1, kind="out_of_memory")]) == "split"


def test_lost_processes_never_split() -> None:
    lost = [failure(n, kind="lost_process", epoch=-1) for n in range(5)]
    assert verdict(lost[:4]) == "retry"
    assert verdict(lost) == "give up"


def test_failures_are_kept_in_order(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path)
    for generation in (2, 10, 1):
        record(workspace, failure(generation))
    assert [f.generation for f in of_pack(workspace, "p")] == [1, 2, 10]
    assert of_pack(workspace, "q") == []
