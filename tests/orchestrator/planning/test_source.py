"""Results of an edited source are told, and a person says what they are."""

from __future__ import annotations

import json

import pytest

from orchestrator import results
from orchestrator.planning import source
from tests.orchestrator.stage import Call, Stage

RUN = ("run", "mine.yaml", "--no-mlflow")


def told(call: Call) -> list[str]:
    return json.loads(call("plan", "mine.yaml", "--json")[1])["warnings"]


def edit(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The source of bn is another one from now on."""

    def now(normalizer: str, model: str, optimizer: str) -> str:
        return f"{normalizer} {number}" if normalizer == "bn" else normalizer

    monkeypatch.setattr(source, "source_digest", now)


def finish(stage: Stage) -> None:
    for pack in stage.store.roster.live:
        name = pack.trials[0].normalizer.name
        stage.finish(pack, source={"none": None, "bn": "bn 1"}.get(name, name))


def test_results_of_another_source_are_told(stage: Stage, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(stage)
    edit(monkeypatch, 1)
    assert told(call) == []
    edit(monkeypatch, 2)
    (sentence,) = told(call)
    assert sentence == (
        "8 results of bn on mlp were made by another source (trainers.normalizers.batch_statistics.batch, "
        "trainers.models.mlp, trainers.optim.sgd, trainers.optim.build, trainers.schedule, "
        "or what they import, was edited since): if that "
        "changes results, raise the method's `revision`, and a run trains new trials; to train these again, "
        "`normsweep retry mine --other-source`; if it changes nothing, `normsweep run mine --same-results`"
    )
    code, out, _ = call(*RUN)
    assert code == 0
    assert sentence in out


def test_a_person_may_say_that_results_are_the_same(stage: Stage, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(stage)
    edit(monkeypatch, 2)
    assert "another source" not in call(*RUN, "--same-results")[1]
    assert told(call) == []
    edit(monkeypatch, 3)  # and of one edit after the other
    assert len(told(call)) == 1
    assert call(*RUN, "--same-results")[0] == 0
    for number in (1, 2, 3):
        edit(monkeypatch, number)
        assert told(call) == []


def test_they_can_be_trained_again(stage: Stage, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(stage)
    edit(monkeypatch, 2)
    out = call("retry", "mine", "--other-source")[1]
    assert "to try again: 8 trials in 1 pack" in out
    assert len(results("mine")) == 16
    assert json.loads(call("plan", "mine.yaml", "--json")[1])["trials_to_do"] == 8
    assert told(call) == []
    (pack,) = stage.packs("bn")
    stage.finish(pack, source="bn 2")
    assert set(results("mine", where="normalizer=bn")["source"]) == {"bn 2"}


def test_what_was_cancelled_stays_so_when_only_another_source_is_retried(
    stage: Stage, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bn,) = stage.packs("bn")
    stage.finish(bn, source="bn 1")
    edit(monkeypatch, 2)
    assert call("cancel", "mine", "-w", "normalizer=none")[0] == 0
    assert "to try again: 8 trials in 1 pack" in call("retry", "mine", "--other-source")[1]
    (none,) = stage.packs("none")
    stage.store.decisions.read()
    assert stage.store.decisions.cancelled == {none.id}
