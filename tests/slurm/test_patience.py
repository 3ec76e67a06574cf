"""What refuses for a moment is asked again; what is wrong is said at once."""

from __future__ import annotations

import errno

import pytest

from slurm import patience
from slurm.errors import Unanswered
from slurm.patience import patiently


class Refusing:
    def __init__(self, *answers: Exception) -> None:
        self._answers = list(answers)
        self.pauses: list[float] = []

    def __call__(self) -> str:
        if self._answers:
            raise self._answers.pop(0)
        return "done"


def read_only() -> OSError:
    return OSError(errno.EROFS, "Read-only file system")


def test_a_disk_that_is_read_only_for_a_while_is_asked_again() -> None:
    action = Refusing(read_only(), read_only(), Unanswered("slurmctld is starting"))
    assert patiently(action, action.pauses.append) == "done"
    assert len(action.pauses) == 3
    assert sorted(action.pauses) == action.pauses


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "none"), PermissionError(errno.EACCES, "no")])
def test_what_waiting_does_not_mend_is_raised_at_once(error: OSError) -> None:
    action = Refusing(error)
    with pytest.raises(type(error)):
        patiently(action, action.pauses.append)
    assert action.pauses == []


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "DISK_SECONDS", -1.0)
    with pytest.raises(OSError, match="Read-only"):
        patiently(Refusing(read_only()))
