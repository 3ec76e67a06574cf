from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from orchestrator.cli import status_view
from orchestrator.store.leases import Still
from orchestrator.store.owner import Liveness, myself
from orchestrator.watch.status import StatusBoard, status_of
from orchestrator.words import duration
from sweeps.select import Selector
from tests.orchestrator.stage import FILE, Call, Stage


def text(stage: Stage) -> str:
    console = Console(width=200, file=StringIO())
    console.print(status_view.view(status_of(stage.store, "mine")))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_every_state_is_counted_where_it_is(stage: Stage) -> None:
    (none,), (bn,), (vcl,) = map(stage.packs, ("none", "bn", "vcl"))
    stage.finish(none)
    stage.run(bn)
    stage.save(bn, epochs=1)
    stage.store.decisions.cancel([vcl.id])
    assert "mine: 8 done, 8 cancelled, 8 waiting\n" in re.sub(" +\n", "\n", text(stage))
    assert "1 pack waiting for a free core" in text(stage)
    stage.begin(bn)
    (status,) = status_of(stage.store)
    assert {key: dict(cell) for key, cell in status.cells.items()} == {
        ("wine", "none"): {"done": 8},
        ("wine", "bn"): {"running": 8},
        ("wine", "vcl"): {"cancelled": 8},
    }
    assert list(status.cells) == [("wine", "none"), ("wine", "bn"), ("wine", "vcl")]
    assert status.exit_code == 3
    (running,) = status.running
    assert (running.pack, running.epoch, running.epochs, running.trials) == (bn.id, 1, 4, 8)
    assert running.age is not None
    assert 0 <= running.age < 60
    shown = text(stage)
    assert "epoch 1 of 4" in shown
    assert "0/8 8 running" in shown
    assert "0/8 8 cancelled" in shown


def test_spend_counts_threads_and_what_running_packs_have_left(stage: Stage) -> None:
    """8 trials of 9 s on 2 threads are done, 8 a quarter trained (9 s, 1 thread); 8 more of equal cost are to do.

    A trial took 18 core-seconds, and a pack of this sweep has one core.
    """
    (none,), (bn,), _ = map(stage.packs, ("none", "bn", "vcl"))
    stage.finish(none)
    stage.run(bn)
    stage.save(bn, epochs=1)
    (status,) = status_of(stage.store)
    assert status.spend.core_hours == pytest.approx((8 * 9 * 2 + 8 * 9) / 3600)
    assert status.spend.seconds_left == pytest.approx(8 * 18 * 0.75 + 8 * 18)
    assert status.seconds_to_go is None  # leased, not started
    assert (status.running[0].host, status.running[0].pid) == (myself().host, myself().pid)
    stage.begin(bn, "there", 7)
    (status,) = status_of(stage.store)
    assert (status.running[0].host, status.running[0].pid) == ("there", 7)
    assert status.seconds_to_go == status.spend.seconds_left
    assert status.last_hour == 0
    assert status.newest == 1e9


def test_a_pack_that_does_not_move_is_told_and_nothing_promised(stage: Stage, call: Call) -> None:
    (none,), (bn,), _ = map(stage.packs, ("none", "bn", "vcl"))
    stage.finish(none)
    stage.run(bn)
    stage.begin(bn, "leads", 7)
    assert "ready in about" in text(stage)
    lease = stage.store.leases.newest(bn.id)
    assert lease is not None
    stage.store.leases.stand_still(lease, Still(node="n2", since=time.time() - 600, limit=1800))
    assert "nothing saved yet, pid 7 on leads: has not moved for 10 min on n2" in text(stage)
    assert "when it is ready cannot be said while 1 pack does not move" in text(stage)
    assert "ready in about" not in text(stage)
    (told,) = json.loads(call("status", "--json")[1])
    assert told["seconds_to_go"] is None
    (pack,) = told["running"]
    assert pack["still"]["node"] == "n2"
    assert "has not moved for 10 min on n2, and is ended by force after 30 min" in call("why", bn.trial_ids[0])[1]
    stage.store.leases.stand_still(lease, None)
    assert "ready in about" in text(stage)


def test_a_dead_lease_is_not_running(stage: Stage) -> None:
    (bn,) = stage.packs("bn")
    gone = replace(myself(), pid=2**22 - 1)
    assert stage.store.leases.take(bn.id, gone, Liveness(stage.workspace))
    (status,) = status_of(stage.store)
    assert status.counts == {"todo": 24}
    assert status.seconds_to_go is None


def test_exit_codes(stage: Stage, call: Call) -> None:
    packs = [stage.packs(name)[0] for name in ("none", "bn", "vcl")]
    assert call("status")[0] == 3
    for pack in packs[:2]:
        stage.finish(pack)
    stage.finish(packs[2], "diverged")
    assert call("status", "mine")[0] == 0
    stage.commit(FILE.replace("0..3", "0..4"))
    (more,) = [p for p in stage.packs("bn") if p.id != packs[1].id]
    for name in ("none", "bn", "vcl"):
        for pack in stage.packs(name):
            stage.finish(pack, "failed" if pack.id == more.id else "done")
    code, out, _ = call("status", "mine", "--json")
    assert code == 4
    assert json.loads(out)[0]["states"] == {"done": 20, "diverged": 8, "failed": 2}


def test_a_selector_narrows_what_is_counted(stage: Stage, call: Call) -> None:
    stage.finish(stage.packs("bn")[0])
    counted = status_of(stage.store, "mine", Selector.parse("normalizer=bn,vcl seed<2 state=todo"))[0].counts
    assert counted == {"todo": 4}
    code, out, _ = call("status", "-w", "normalizer=bn", "--json")
    assert code == 0
    assert json.loads(out)[0]["states"] == {"done": 8}


def test_packs_that_are_given_up_are_told(stage: Stage) -> None:
    (bn,) = stage.packs("bn")
    stage.lose(bn, 4)
    assert status_of(stage.store)[0].problems == []
    stage.fail(bn, 5, "lost_process", "the process was lost")
    (problem,) = status_of(stage.store)[0].problems
    assert "given up" in problem
    assert f"-w pack_id={bn.id[:16]}*" in problem


def test_watching_looks_again_until_all_is_over(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [stage.packs(name)[0] for name in ("none", "bn", "vcl")]
    monkeypatch.setattr(status_view.time, "sleep", lambda _: stage.finish(left.pop()))
    (status,) = status_view.watch(StatusBoard(stage.store))
    assert (left, status.counts) == ([], {"done": 24})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mien"], "did you mean mine"),
        (["-w", "normaliser=bn"], "did you mean normalizer"),
        (["-w", "normalizer=ln"], "names none of the 24 trials"),
        (["--watch", "--json"], "leave one of them out"),
    ],
)
def test_bad_input_is_one_sentence(stage: Stage, call: Call, words: list[str], said: str) -> None:
    code, _, err = call("status", *words)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (99, "99 s"), (120, "2 min"), (7260, "2 h 1 min"), (200_000, "2 d 7 h")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said
