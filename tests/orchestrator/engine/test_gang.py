"""What a gang makes of the ways in which its processes can be lost, told by a fake Ray."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, OutOfMemoryError, RayTaskError

from orchestrator.engine import gang, remote
from orchestrator.engine.gang import Gang
from tests.orchestrator.stage import Stage
from trainers.feeding.loader import LostNode, LostProcess

OWN = ValueError("of its own")
NETWORK = RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer")
PLACES = [("10.0.0.1", "one"), ("10.0.0.2", "two")]


class FakeRay:
    """Answers are exceptions, which have come, or values; the second node is gone."""

    def get(self, answers: Any) -> Any:
        for answer in answers if isinstance(answers, list) else [answers]:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def wait(self, answers: list[Any], num_returns: int, timeout: float | None = None) -> tuple[list[Any], list[Any]]:
        return answers[:num_returns], answers[num_returns:]

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeManagerAddress": a, "Alive": host == "one"} for a, host in PLACES]


def told(error: Exception) -> Exception:
    """As a living process tells of it."""
    raised = RayTaskError("advance", "its traceback", error).as_instanceof_cause()
    assert isinstance(raised, Exception)
    return raised


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Exception]:
    monkeypatch.setattr(gang, "ray", FakeRay())

    def ask(*answers: object, met: bool = True) -> Exception:
        one = Gang.__new__(Gang)
        one._places = PLACES if met else []
        with pytest.raises(Exception) as raised:
            one._all(answers)
        return raised.value

    return ask


def test_what_a_process_says_of_the_trial_is_the_trials(ask: Callable[..., Exception]) -> None:
    assert ask("fine", told(OWN)) is OWN
    full = OSError(28, "No space left on device")
    assert remote._kind(ask(told(full), "fine")) == "lost_disk"


@pytest.mark.parametrize("loss", [ActorDiedError(), OutOfMemoryError("killed by the memory monitor")])
def test_a_process_that_is_gone_counts_before_what_the_others_say(
    ask: Callable[..., Exception], loss: Exception
) -> None:
    error = ask(loss, told(NETWORK))
    assert isinstance(error, LostProcess)
    assert remote._kind(error) == "lost_process"
    assert remote._kind(ask(told(NETWORK), loss, met=False)) == "lost_process"


def test_a_lost_node_is_named(ask: Callable[..., Exception]) -> None:
    error = ask(told(NETWORK), ActorDiedError())
    assert isinstance(error, LostNode)
    assert (error.host, remote._kind(error)) == ("two", "lost_node")


def test_processes_that_lose_touch_are_no_fault_of_the_trial(ask: Callable[..., Exception]) -> None:
    error = ask(told(NETWORK), "fine")
    assert remote._kind(error) == "lost_process"
    assert "lost touch: [/pytorch" in str(error)


def test_a_gang_goes_on_from_a_checkpoint_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class FakeRank:
        def __init__(self, answer: object) -> None:
            self.load = self  # `rank.load.remote(path)`
            self.answer = answer

        def remote(self, path: Path) -> object:
            return self.answer

    def loaded(*answers: object) -> object:
        one = Gang.__new__(Gang)
        one._ranks = [FakeRank(answer) for answer in answers]
        monkeypatch.setattr(one, "_look", lambda: None)
        return one.load(Path("pack.pt"))

    monkeypatch.setattr(gang, "ray", FakeRay())
    good, bad = ({"seconds": 2.0}, ""), (None, "pack.pt is damaged: torn")
    assert loaded(good, good) == good
    assert loaded(bad, bad) == bad
    with pytest.raises(RuntimeError, match=r"others do not: pack\.pt is damaged: torn"):
        loaded(good, bad)


def test_what_is_kept_of_a_failure_has_no_colours() -> None:
    assert remote._plain("\x1b[36mray::Rank.load()\x1b[39m (pid=7)") == "ray::Rank.load() (pid=7)"


def test_a_gang_that_fails_as_it_starts_gives_its_room_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        closed = False

        def meet(self) -> None:
            raise OWN

        def close(self) -> None:
            self.closed = True

    one = Failing()
    monkeypatch.setattr(remote, "_gang", lambda config: one)
    (pack,) = stage.packs("none")
    with pytest.raises(ValueError, match="of its own"):
        remote.PackJob(stage.task(pack))
    assert one.closed
