"""`retry` and `cancel`, through roster, decisions, driver and searcher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.engine.driver import missing_packs, split
from orchestrator.engine.task import PackTask
from orchestrator.planning.plan import plan
from orchestrator.steer.cancel import cancellation
from orchestrator.steer.retry import retrial
from orchestrator.store.attempts import verdict
from orchestrator.store.leases import Lease
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.results import table
from orchestrator.store.roster import RosterPack
from orchestrator.watch.status import status_of
from sweeps.file.spec import load_spec
from sweeps.select import Selector
from tests.orchestrator.stage import Call, Stage

FAILED = Selector.parse("state=failed")


def to_train(stage: Stage) -> set[str]:
    store = stage.store
    wanted = {t for p in store.roster.live for t in p.trial_ids}
    return {p.id for p in missing_packs(store, wanted)}


def test_a_failed_pack_is_trained_again_under_an_id_of_its_own(stage: Stage) -> None:
    for name in ("none", "bn", "vcl"):
        stage.finish(stage.packs(name)[0], "failed" if name == "bn" else "done")
    (old,) = stage.packs("bn")
    assert to_train(stage) == set()
    part = stage.workspace.part(old.id).read_bytes()

    wanted = retrial(stage.store, "mine", FAILED)
    assert wanted.count == 8
    wanted.apply()
    (new,) = stage.packs("bn")
    assert new.id != old.id
    assert new.trial_ids == old.trial_ids
    assert to_train(stage) == {new.id}
    assert stage.workspace.part(old.id).read_bytes() == part
    assert status_of(stage.store)[0].counts == {"done": 16, "todo": 8}
    assert len(table(stage.store, "mine")[0]) == 16
    again = plan(stage.store, load_spec(str(stage.file)))
    assert (again.new, len(again.serving)) == ([], 3)

    stage.finish(new)
    assert len(table(stage.store, "mine")[0]) == 24
    assert status_of(stage.store)[0].exit_code == 0


def test_a_pack_that_fails_again_is_retried_again(stage: Stage) -> None:
    seen: set[str] = set()
    for _ in range(3):
        (pack,) = stage.packs("bn")
        assert pack.id not in seen
        seen.add(pack.id)
        stage.finish(pack, "failed")
        retrial(stage.store, "mine", FAILED).apply()
    assert status_of(stage.store)[0].counts == {"todo": 24}


def test_halves_that_were_recorded_before_get_ids_of_their_own(stage: Stage) -> None:
    (pack,) = stage.packs("bn")
    split(stage.store, pack)
    halves = stage.packs("bn")
    stage.finish(halves[0], "failed")
    roster = stage.store.roster
    assert roster.append([pack.trials], replaces=[half.id for half in halves])
    (whole,) = stage.packs("bn")
    assert whole.id not in {pack.id, *(half.id for half in halves)}
    split(stage.store, whole)
    assert not {p.id for p in stage.packs("bn")} & {half.id for half in halves}
    assert {t for p in stage.packs("bn") for t in p.trial_ids} == set(pack.trial_ids)


def test_two_retries_at_once_replace_a_pack_once(stage: Stage) -> None:
    stage.finish(stage.packs("bn")[0], "failed")
    one, two = (retrial(stage.store, "mine", FAILED) for _ in range(2))
    one.apply()
    two.apply()
    assert len(stage.packs("bn")) == 1
    assert len(to_train(stage)) == 3


def test_a_given_up_pack_gets_a_new_budget_and_keeps_its_checkpoint(stage: Stage) -> None:
    (bn,) = stage.packs("bn")
    stage.lose(bn)
    stage.save(bn, epochs=2)
    assert status_of(stage.store)[0].problems
    retrial(stage.store, "mine", Selector.parse("normalizer=bn")).apply()
    assert status_of(stage.store)[0].problems == []
    (same,) = stage.packs("bn")
    assert same.id == bn.id
    history = stage.store.attempts.failures(bn.id)
    forgiven = stage.store.decisions.forgiven[bn.id]
    assert len(history) == 5
    assert stage.store.attempts.failures(bn.id, forgiven) == []
    stage.fail(bn, 6, "lost_process")
    assert verdict(stage.store.attempts.failures(bn.id, forgiven), 8) == "retry"


def test_a_cancelled_pack_is_not_trained_until_it_is_retried(stage: Stage) -> None:
    (bn,) = stage.packs("bn")
    wanted = cancellation(stage.store, "mine", Selector.parse("normalizer=bn"))
    assert (wanted.count, wanted.whole, wanted.parted, wanted.left) == (8, [bn], [], [])
    wanted.apply()
    assert bn.id not in to_train(stage)
    assert status_of(stage.store)[0].counts == {"todo": 16, "cancelled": 8}
    assert cancellation(stage.store, "mine", Selector.parse("normalizer=bn")).count == 0
    retrial(stage.store, "mine", Selector.parse("state=cancelled")).apply()
    assert bn.id in to_train(stage)
    assert status_of(stage.store)[0].counts == {"todo": 24}


def test_trials_with_a_result_are_not_cancelled(stage: Stage) -> None:
    stage.finish(stage.packs("bn")[0])
    assert cancellation(stage.store, "mine", Selector.parse("normalizer=bn")).count == 0


def test_a_partly_selected_pack_is_split(stage: Stage) -> None:
    parents = {p.id for name in ("none", "bn", "vcl") for p in stage.packs(name)}
    wanted = cancellation(stage.store, "mine", Selector.parse("seed=3"))
    assert (wanted.count, len(wanted.parted)) == (6, 3)
    wanted.apply()
    assert status_of(stage.store)[0].counts == {"todo": 18, "cancelled": 6}
    roster = stage.store.roster
    left = [roster.packs[p] for p in to_train(stage)]
    assert {t.seed for p in left for t in p.trials} == {0, 1, 2}
    assert parents <= stage.store.decisions.cancelled  # a driver may still have them in its queue


def test_a_partly_selected_pack_that_is_begun_is_left(stage: Stage) -> None:
    (bn,), (vcl,) = stage.packs("bn"), stage.packs("vcl")
    stage.run(bn)
    stage.save(vcl, epochs=1)
    wanted = cancellation(stage.store, "mine", Selector.parse("seed=3"))
    assert {p.id for p in wanted.left} == {bn.id, vcl.id}
    assert "not all their trials were selected: 4 trials" in str(wanted)
    wanted.apply()
    assert {bn.id, vcl.id} <= to_train(stage)


def test_what_another_sweep_wants_is_kept_or_told(stage: Stage) -> None:
    last = [t.id for pack in stage.store.roster.live for t in pack.trials if t.seed == 3]
    stage.store.sweeps.append(replace(stage.store.sweeps.needed("mine"), name="other", trials=last))
    whole = cancellation(stage.store, "mine", Selector.parse("normalizer=bn"))
    assert "sweep other wants some of these trials as well" in str(whole)
    narrow = cancellation(stage.store, "other", Selector.parse("normalizer=bn"))
    assert (narrow.whole, narrow.count) == ([], 2)
    assert len(narrow.parted) == 1


def test_a_running_searcher_drops_a_cancelled_pack(stage: Stage) -> None:
    from orchestrator.engine.local import LocalBackend
    from orchestrator.engine.searcher import PackSearcher

    class Nobody:
        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *_: None

    roster = stage.store.roster

    def task(pack: RosterPack, lease: Lease) -> PackTask:
        return replace(stage.task(pack), lease=lease)

    machine = LocalBackend(stage.workspace, 1, 0)
    searcher = PackSearcher(stage.store, roster.live, task, Nobody(), machine)  # type: ignore[arg-type]
    first = searcher.suggest("a")["task"].lease.pack
    (cancelled,) = [p.id for p in roster.live if p.id != first][:1]
    stage.store.decisions.cancel([cancelled])
    assert searcher.suggest("b")["task"].lease.pack not in {first, cancelled}
    assert searcher.suggest("c") is None
    stage.store.decisions.cancel([first])
    searcher.on_trial_complete("a", {"state": "stopped"})
    assert not stage.store.ledger.done()
    assert searcher.given_up == searcher.to_split == []


def test_decisions_of_two_people_at_once_are_both_kept(stage: Stage) -> None:
    one, two = stage.store.decisions, stage.store.decisions
    one.cancel(["a", "b"])
    two.retry({"b": 3})
    one.read()
    assert one.cancelled == two.cancelled == {"a"}
    assert one.forgiven == {"b": 3}


def test_more_than_twenty_trials_need_a_yes(stage: Stage, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = call("cancel", "mine", "-w", "depth=1")
    assert code == 2
    assert "to cancel: 24 trials in 3 packs" in out
    assert "need --yes" in err
    assert len(to_train(stage)) == 3
    assert call("cancel", "mine", "-w", "normalizer=bn")[0] == 0
    assert call("cancel", "mine", "-w", "depth=1", "--yes")[0] == 0
    assert to_train(stage) == set()
    code, out, _ = call("retry", "mine", "-w", "state=cancelled", "--yes")
    assert code == 0
    assert "to try again: 24 trials in 3 packs" in out
    assert len(to_train(stage)) == 3
    code, out, _ = call("retry", "mine", "-w", "depth=1")
    assert code == 0
    assert out.startswith("to try again: 0 trials")


@pytest.mark.parametrize("verb", ["retry", "cancel"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mine"], "say which trials: -w"),
        (["mien", "-w", "seed=1"], "did you mean mine"),
        (["mine", "-w", "seed=9"], "names none of the 24 trials"),
        (["mine", "-w", "stat=failed"], "did you mean state"),
    ],
)
def test_bad_input_is_one_sentence(stage: Stage, call: Call, verb: str, words: list[str], said: str) -> None:
    code, _, err = call(verb, *words)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (stage.workspace.root / "decisions").exists()


def test_a_pack_in_training_saves_and_stops_when_it_is_cancelled(stage: Stage) -> None:
    from orchestrator.engine.remote import PackJob

    (pack,) = stage.packs("none")
    lease = stage.store.leases.take(pack.id, myself(), Liveness(stage.workspace))
    assert lease is not None
    job = PackJob(replace(stage.task(pack), lease=lease))
    job.trainer.advance(0)
    assert not job.trainer.finished
    job.trainer.advance = lambda seconds: None  # type: ignore[method-assign]
    assert job.work(0) == "training"
    stage.store.decisions.cancel([pack.id])
    assert job.work(0) == "stopped"
    assert stage.workspace.checkpoint(pack.id).exists()
    assert "and cancelled" in stage.workspace.log(pack.id).read_text()
    assert not stage.workspace.part(pack.id).exists()
