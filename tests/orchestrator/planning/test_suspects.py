"""A pack that failed is split where its error says, and each of the others gets its result after few attempts."""

from __future__ import annotations

import pytest

from orchestrator.engine.driver import split
from orchestrator.planning.suspects import suspects
from orchestrator.store.attempts import verdict
from orchestrator.store.roster import RosterPack
from sweeps.trial import Trial
from tests.orchestrator.mlflow.ledgers import trials
from tests.orchestrator.stage import Stage


@pytest.mark.parametrize(
    ("message", "seeds"),
    [
        ("ValueError: the loss of replica 2 is complex", [2]),
        ("ValueError: replica 1 and replica 3 disagree", [1, 3]),
        ("RuntimeError: seed=3 cannot be drawn.", [3]),
        ("RuntimeError: lr = 0.01 is too large for seed=0", [0]),  # all trials have that lr
        ("RuntimeError: n=2 must be below 2", []),  # bn has no option n
        ("RuntimeError: got size=7, replica 99", []),
        ("RuntimeError: boom", []),
    ],
)
def test_what_an_error_names(message: str, seeds: list[int]) -> None:
    members = [t for t in trials(("wine",), seeds=4) if t.normalizer.name == "bn"]
    assert [t.seed for t in suspects(members, message)] == seeds


def attempts(stage: Stage, culprits: set[Trial], message: str, epoch: int) -> tuple[int, set[str]]:
    """Trains until nothing is left, where a pack with a culprit raises; how many attempts failed, and whose trials."""
    failed, count = set[str](), 0
    while todo := [p for p in stage.packs("bn") if p.id not in stage.store.ledger.done()]:
        for pack in todo:
            if culprits.isdisjoint(pack.trials):
                stage.finish(pack)
                continue
            generation = 0
            while generation == 0 or then(stage, pack) == "retry":
                generation, count = generation + 1, count + 1
                stage.fail(pack, generation, message=message, epoch=epoch)
            if len(pack.trials) == 1:
                failed.update(pack.trial_ids)
            split(stage.store, pack)
    return count, failed


def then(stage: Stage, pack: RosterPack) -> str:
    store = stage.store
    inherited = [f for p in store.roster.parents(pack) for f in store.attempts.failures(p.id)]
    return verdict(store.attempts.failures(pack.id), len(pack.trial_ids), inherited)


@pytest.mark.parametrize(
    ("message", "epoch", "most"),
    [("boom", 3, 5), ("boom", -1, 4), ("replica 5 is singular", 3, 3), ("replica 5 is singular", -1, 2)],
)
def test_one_culprit_costs_few_attempts(stage: Stage, message: str, epoch: int, most: int) -> None:
    """Of eight trials; two attempts a split were eight."""
    (pack,) = stage.packs("bn")
    culprit = pack.trials[5]
    count, failed = attempts(stage, {culprit}, message, epoch)
    assert failed == {culprit.id}
    assert count == most


def test_a_method_that_always_raises_costs_one_attempt_a_pack(stage: Stage) -> None:
    (pack,) = stage.packs("bn")
    count, failed = attempts(stage, {*pack.trials}, "boom", -1)
    assert failed == {*pack.trial_ids}
    assert count == 15  # 8 + 4 + 2 + 1 packs
