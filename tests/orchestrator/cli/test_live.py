"""The bar of a run: what is done, what runs and what waits, and a time left where something tells it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orchestrator.cli.live import RunProgress
from orchestrator.store.roster import RosterPack

PACKS = [RosterPack(f"{i:064x}", tuple(f"{i}-{j}" for j in range(9)), {}, ()) for i in range(24)]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def progress(clock: Clock, *, begun: tuple[str, ...] = (), terminal: bool = False) -> tuple[RunProgress, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=terminal)
    return RunProgress(console, "demo", 216 + 9, 9, PACKS, begun, clock), out


def test_there_is_no_time_left_before_there_is_something_to_tell_it_from(clock: Clock) -> None:
    view, _ = progress(clock)
    view.phase("starting Ray")
    assert view.seconds_left is None
    clock.now += 15
    view.phase("reading data")
    view.progressed(PACKS[0], 0.0)
    clock.now += 1
    view.progressed(PACKS[1], 0.3)
    assert view.seconds_left is None  # a hundredth of the work
    clock.now += 9
    view.ended(PACKS[1], "done")
    assert view.seconds_left == pytest.approx(10 * 23)


def test_a_real_share_of_the_work_is_enough(clock: Clock) -> None:
    view, _ = progress(clock)
    view.progressed(PACKS[0], 0.0)
    clock.now += 40
    view.progressed(PACKS[0], 0.9)
    view.progressed(PACKS[1], 0.5)
    assert view.seconds_left == pytest.approx(40 * (24 - 1.4) / 1.4)


def test_packs_that_end_before_they_report_are_a_pace(clock: Clock) -> None:
    view, _ = progress(clock)
    view.phase("reading data")
    clock.now += 3
    view.ended(PACKS[0], "done")
    assert view.seconds_left == pytest.approx(3 * 23)


def test_what_was_saved_before_is_no_pace(clock: Clock) -> None:
    view, _ = progress(clock, begun=(PACKS[0].id, PACKS[1].id))
    view.progressed(PACKS[0], 0.9)
    view.progressed(PACKS[1], 0.8)
    clock.now += 10
    assert view.seconds_left is None
    view.progressed(PACKS[0], 1.0)
    view.ended(PACKS[0], "done")
    assert view.seconds_left == pytest.approx(10 * (22 + 0.2) / 0.1)


def test_waiting_packs_are_told_apart_and_the_count_never_falls(clock: Clock) -> None:
    view, _ = progress(clock)
    assert (view.counts, view.done) == ("0 packs running, 24 waiting", 9)
    for pack in PACKS[:2]:
        view.progressed(pack, 0.7)
    assert (view.counts, view.done) == ("2 packs running, 22 waiting", 9)
    view.ended(PACKS[0], "done")
    assert (view.counts, view.done) == ("1 pack running, 22 waiting", 18)
    view.ended(PACKS[1], "stopped")  # by Ctrl-C
    assert (view.counts, view.done) == ("0 packs running, 23 waiting", 18)
    view.progressed(PACKS[2], 0.5)
    view.ended(PACKS[2], "failed")  # and is tried again, or split
    assert (view.counts, view.done) == ("0 packs running, 22 waiting", 18)
    view.progressed(PACKS[2], 0.1)
    assert view.counts == "1 pack running, 22 waiting"


def test_a_log_gets_a_line_now_and_then(clock: Clock) -> None:
    view, out = progress(clock)
    view.progressed(PACKS[0], 0.5)
    assert out.getvalue() == ""
    clock.now += 30
    view.ended(PACKS[0], "done")
    told = "demo: 18 of 225 trials done, 0 packs running, 23 waiting, about 12 min left, after 30 s\n"
    assert out.getvalue() == told


def test_the_bar_shows_all_of_it(clock: Clock) -> None:
    view, out = progress(clock, terminal=True)
    with view:
        view.progressed(PACKS[0], 0.5)
        clock.now += 30
        view.ended(PACKS[1], "done")
    shown = out.getvalue()
    assert "demo: 1 pack running, 22 waiting" in shown
    assert "18/225 trials" in shown
    assert "about 8 min left" in shown
