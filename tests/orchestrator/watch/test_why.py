"""`why`, `logs` and `errors`: one trial, one pack, and what fails alike."""

from __future__ import annotations

import json

import pytest

from orchestrator.steer.retry import retrial
from orchestrator.store.attempts import BUDGETS
from orchestrator.watch.failures import errors
from orchestrator.watch.logs import logs
from orchestrator.watch.why import why
from sweeps.errors import UsageError
from sweeps.select import Selector
from sweeps.trial import completed
from sweeps.words import vocabulary
from tests.orchestrator.stage import FILE, Call, Stage


def test_a_trial_by_id_and_by_selector(stage: Stage, call: Call) -> None:
    (bn,) = stage.packs("bn")
    trial = bn.trials[3]
    answer = why(stage.store, trial.id[:6])
    assert answer["trial"] == trial.id
    assert answer == why(stage.store, f"normalizer=bn seed={trial.seed} activation={trial.activation.name}")
    assert (answer["state"], answer["sweeps"], answer["pack"]) == ("todo", ["mine"], bn.id)
    assert answer["reason"] == "no run has come to it yet"
    assert answer["settings"] == completed(trial.as_json())
    assert (answer["checkpoint"], answer["progress"], answer["notes"]) == (False, None, [])
    code, out, _ = call("why", trial.id)
    assert code == 0
    assert out.startswith(f"trial {trial.id}\ntodo: ")
    assert json.loads(call("why", trial.id, "--json")[1])["pack"] == bn.id


def test_each_state_has_its_reason(stage: Stage) -> None:
    (none,), (bn,), (vcl,) = map(stage.packs, ("none", "bn", "vcl"))
    stage.finish(none, "diverged", diverged_epoch=2)
    assert "epoch 2" in why(stage.store, none.trial_ids[0])["reason"]
    stage.run(bn)
    stage.save(bn, epochs=3)
    answer = why(stage.store, bn.trial_ids[0])
    assert answer["state"] == "running"
    assert "process" in answer["reason"]
    assert (answer["progress"], answer["checkpoint"]) == (3, True)
    assert len(answer["attempts"]) == 1
    stage.lose(vcl)
    answer = why(stage.store, vcl.trial_ids[0])
    assert "given up until `normsweep retry`" in answer["reason"]
    assert len(answer["attempts"]) == 5
    stage.store.decisions.cancel([vcl.id])
    assert "was cancelled" in why(stage.store, vcl.trial_ids[0])["reason"]
    stage.store.decisions.retry({vcl.id: 5})
    answer = why(stage.store, vcl.trial_ids[0])
    assert answer["reason"] == "no run has come to it yet"
    assert all("(forgiven)" in attempt for attempt in answer["attempts"])


def test_a_failed_and_retried_trial_keeps_its_history(stage: Stage) -> None:
    (bn,) = stage.packs("bn")
    stage.fail(bn, 1)
    stage.fail(bn, 2)
    stage.finish(bn, "failed", failure="Traceback\nValueError: boom")
    assert why(stage.store, bn.trial_ids[0])["reason"].startswith("failed alone in its pack on here: ValueError")
    retrial(stage.store, "mine", Selector.parse("state=failed")).apply()
    answer = why(stage.store, bn.trial_ids[0])
    assert (answer["state"], answer["result"]) == ("todo", None)
    assert answer["pack"] != bn.id
    assert [a.split(":")[0] for a in answer["attempts"]] == [
        f"{n} of pack {bn.id[:16]}, which was replaced" for n in (1, 2)
    ]


def test_a_mended_method_or_changed_data_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    entry = vocabulary.NORMALIZERS["bn"]
    monkeypatch.setitem(vocabulary.NORMALIZERS, "bn", dataclasses.replace(entry, revision=entry.revision + 1))
    (note,) = why(stage.store, stage.packs("bn")[0].trial_ids[0])["notes"]
    assert f"bn is now of revision {entry.revision + 1}" in note
    (bn,) = stage.packs("bn")
    stage.commit()
    (note, near) = why(stage.store, bn.trial_ids[0])["notes"]
    assert "near it is trial" in near
    assert f"revision: {entry.revision + 1}, not {entry.revision}" in near


def test_a_trial_that_is_wanted_no_more_names_its_neighbours(stage: Stage) -> None:
    (bn,) = stage.packs("bn")
    stage.commit(FILE.replace("0..3", "0..2"))
    trial = next(t for t in bn.trials if t.seed == 3)
    answer = why(stage.store, trial.id)
    assert answer["sweeps"] == []
    assert len(answer["notes"]) == 3
    assert any("seed: 0, not 3" in note for note in answer["notes"])


def test_a_selector_that_fits_trials_of_two_sweeps_takes_one_of_them(stage: Stage, call: Call) -> None:
    stage.commit(FILE.replace("name: mine", "name: other").replace("epochs: 4", "epochs: 7"))
    text = "normalizer=bn activation=relu seed=1"
    for verb in ("why", "logs"):
        code, _, err = call(verb, text)
        assert code == 2
        assert "names 2 trials" in err
        assert "which differ in epochs: say which, or of which sweep: --sweep mine or other" in err
        assert call(verb, text, "--sweep", "other")[0] == 0
    assert why(stage.store, text, "mine")["settings"]["epochs"] == 4
    assert why(stage.store, f"{text} state=todo", "other")["settings"]["epochs"] == 7
    with pytest.raises(UsageError, match=r"no recorded trial of sweep mine is 'normalizer=bn seed=9'.* 8 trials match"):
        why(stage.store, "normalizer=bn seed=9", "mine")


def test_what_is_wanted_goes_before_what_was(stage: Stage) -> None:
    stage.commit(FILE.replace("epochs: 4", "epochs: 7"))
    text = "normalizer=bn activation=relu seed=1"
    assert why(stage.store, text)["settings"]["epochs"] == 7
    assert why(stage.store, text, "mine@1")["settings"]["epochs"] == 4
    assert why(stage.store, "epochs=4 normalizer=bn activation=relu seed=1")["sweeps"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("abc", "too short"),
        ("abcdef012345", "no recorded trial is 'abcdef012345'"),
        ("wine", "neither a trial's id"),
        ("normalizer=bn", "which differ in activation, init, seed: say which"),
        ("normalizer=bn seed=9 activation=relu", "without 'seed=9' 4 trials match, whose seed is 0, 1, 2, 3"),
        ("normaliser=bn", "did you mean normalizer"),
    ],
)
@pytest.mark.parametrize("verb", ["why", "logs"])
def test_bad_input_is_one_sentence(stage: Stage, call: Call, verb: str, text: str, said: str) -> None:
    code, _, err = call(verb, text)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_an_empty_workspace_is_named(call: Call, stage: Stage) -> None:
    code, _, err = call("why", "abcdef", "--workspace", "elsewhere")
    assert code == 2
    assert "nothing is recorded in" in err
    assert not (stage.folder / "elsewhere").exists()


def test_the_log_of_a_pack_and_what_went_wrong(stage: Stage, call: Call) -> None:
    (bn,) = stage.packs("bn")
    assert "no run has come to this pack yet" in call("logs", bn.id)[1]
    log = stage.workspace.log(bn.id)
    log.parent.mkdir()
    log.write_text("one\ntwo\n")
    stage.workspace.driver_log.write_text("".join(f"ray {n}\n" for n in range(30)))
    for text in (bn.id[:8], bn.trial_ids[0], "normalizer=bn seed=0 activation=relu"):
        assert call("logs", text)[1].splitlines()[1:] == ["one", "two"]
    stage.fail(bn, 1)
    stage.finish(stage.packs("vcl")[0])
    code, out, _ = call("logs", bn.id)
    assert code == 0
    assert "attempt 1 failed (exception): boom at 7" in out
    assert "ray 29" in out
    assert "ray 9\n" not in out
    stage.finish(bn)
    assert "failed" not in call("logs", bn.id)[1]


def test_a_followed_log_ends_with_its_pack(stage: Stage) -> None:
    (bn,) = stage.packs("bn")
    log = stage.workspace.log(bn.id)
    log.parent.mkdir()
    log.write_text("one\nha")

    def meanwhile(_: float) -> None:
        log.write_text("one\nhalf\ndone\n")
        stage.finish(bn)

    lines = logs(stage.store, bn.id, follow=True, sleep=meanwhile)
    assert list(lines)[1:] == ["one", "half", "done"]


def test_failures_are_grouped_by_fingerprint(stage: Stage, call: Call) -> None:
    (none,), (bn,), (vcl,) = map(stage.packs, ("none", "bn", "vcl"))
    stage.fail(bn, 1, message="boom at 7 in actor_id=1b4e82c7f8a3784e82c7f8ab")
    stage.fail(bn, 2, message="boom at 9 in actor_id=784e82c7f8a3784e82c70000")
    stage.fail(vcl, 1, message="boom at 8 in actor_id=784e82c7f8a3784e82c7f8a3")
    stage.fail(none, 1, "out_of_memory", "no memory")
    stage.finish(vcl, "failed")
    boom, memory = errors(stage.store, "mine")
    assert (boom.count, boom.kind, boom.packs, boom.trials, boom.failed) == (3, "exception", 2, 16, 8)
    assert (boom.hosts, boom.epochs) == (["here"], [3])
    assert boom.fix.endswith("normsweep retry mine -w state=failed")
    assert (memory.count, memory.kind, memory.failed) == (1, "out_of_memory", 0)
    (only,) = errors(stage.store, "mine", Selector.parse("normalizer=none"))
    assert only.fingerprint == memory.fingerprint
    code, out, _ = call("errors", "mine", "--json", "-w", "normalizer=bn,vcl")
    assert code == 0
    assert [(g["count"], g["example"]["kind"]) for g in json.loads(out)] == [(3, "exception")]
    code, out, _ = call("errors")
    assert code == 0
    assert "3 times exception" in out
    assert "example: normsweep logs" in out


def test_no_failure_and_bad_input(stage: Stage, call: Call) -> None:
    assert call("errors") == (0, "no failure of a pack is recorded\n", "")
    code, _, err = call("errors", "mien")
    assert code == 2
    assert "did you mean mine" in err
    code, _, err = call("errors", "mine", "-w", "normalizer=ln")
    assert code == 2
    assert "names none of the 24 trials" in err


def test_each_kind_of_failure_has_a_way_out() -> None:
    from orchestrator.watch.failures import FIXES

    assert FIXES.keys() == BUDGETS.keys()
