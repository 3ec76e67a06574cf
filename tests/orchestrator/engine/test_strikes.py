"""A node that fails pack after pack is out; a sweep that fails everywhere excludes nobody."""

from __future__ import annotations

from orchestrator.engine.strikes import Strikes


def test_three_packs_in_a_row_are_out_when_another_node_finishes_its_own() -> None:
    strikes = Strikes()
    assert not strikes.failed("bad", "p1")
    strikes.finished("good")
    assert [strikes.failed("bad", p) for p in ("p2", "p2", "p3")] == [False, False, True]


def test_what_fails_everywhere_is_no_nodes_fault() -> None:
    strikes = Strikes()
    strikes.finished("one")
    assert not any(strikes.failed(node, f"p{n}") for n in range(9) for node in ("one", "other"))


def test_a_pack_finished_there_clears_the_node() -> None:
    strikes = Strikes()
    strikes.failed("node", "p1")
    strikes.failed("node", "p2")
    strikes.finished("other")
    strikes.finished("node")
    assert not strikes.failed("node", "p3")
    strikes.finished("other")
    assert not strikes.failed("node", "p4")
    assert strikes.failed("node", "p5")
