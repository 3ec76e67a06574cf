from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, TypeVar

import pytest

from sweeps.select import Row, Selector
from tests.sweeps.sets import trials

R = TypeVar("R", bound=Row)

ROWS: list[dict[str, Any]] = [
    {"i": 0, "name": "alpha", "share": 0.5, "on": True, "state": "done", "error": None},
    {"i": 1, "name": "beta-1", "share": 0.001, "on": False, "state": "failed", "error": 0.25},
    {"i": 2, "name": "two words", "share": 1.0, "on": True, "state": "done", "error": float("nan")},
    {"i": 10, "name": "4", "share": -1e-9, "on": False, "state": "leased", "error": 0.5},
]


def selected(text: str, rows: Iterable[R]) -> list[R]:
    selector = Selector.parse(text)
    return [row for row in rows if selector.matches(row)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [0, 1, 2, 10]),
        ("i=1", [1]),
        ("i=1.0", [1]),
        ("i!=1,2", [0, 10]),
        ("i=0..2", [0, 1, 2]),
        ("i=0,2..10", [0, 2, 10]),
        ("i!=0..2", [10]),
        ("i=1*", [1, 10]),
        ("i<2", [0, 1]),
        ("i>=2", [2, 10]),
        ("share=1e-3", [1]),
        ("share>0.001 share<=1", [0, 2]),
        ("share=0..0.5", [0, 1]),
        ("share=-1..0", [10]),
        ("name=alpha", [0]),
        ("name=*a*", [0, 1]),
        ("name=????", [0][:0]),
        ("name=4", [10]),
        ("name='two words'", [2]),
        ("name>=b", [1, 2]),
        ("on=true", [0, 2]),
        ("on!=true", [1, 10]),
        ("state=done,failed on=true", [0, 2]),
        ("error=null", [0, 2]),
        ("error!=null", [1, 10]),
        ("error<0.3", [1]),
        ("error!=0.25", [0, 2, 10]),
    ],
)
def test_clauses(text: str, expected: list[int]) -> None:
    assert [row["i"] for row in selected(text, ROWS)] == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nmae=x", "unknown field 'nmae': did you mean name"),
        ("i=one", "'i=one' compares a number with 'one'"),
        ("i<one", "'i<one' compares 1 with 'one'|'i<one' compares 0 with 'one'"),
        ("on=1", "'on=1' compares true or false with '1'"),
        ("n=5", "unknown field 'n'"),
    ],
)
def test_wrong_clauses_for_these_rows(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        selected(text, ROWS)


@pytest.mark.parametrize("text", ["bn", "=3", "a=", "a = 3", "i<1,2", "name='x"])
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(ValueError, match=r"^selector "):
        Selector.parse(text)


def test_trials_their_choices_and_options() -> None:
    made = trials(normalizer=["none", "bn", {"vcl": {"n": [2, 5, 9]}}], seed=[0, 1])
    count = {text: len(selected(text, made)) for text in SELECTIONS}
    assert count == SELECTIONS
    (one,) = selected(f"trial_id={made[3].id[:16]}*", made)
    assert one is made[3]
    with pytest.raises(ValueError, match=r"unknown field 'normalizer\.m'"):
        selected("normalizer.m=5", made)
    with pytest.raises(ValueError, match="unknown field 'state'"):
        selected("state=done", made)


SELECTIONS = {
    "normalizer=vcl": 6,
    "normalizer=b*,none seed=1": 2,
    "normalizer.n>=5": 4,
    "n>=5 seed=0": 2,
    "n=5": 2,
    "n!=5": 8,  # a method without the option has another value, not this one
    "activation=relu": 10,
    "model=mlp": 10,
    "lr<0.1 nesterov=false": 10,
}


def test_rows_of_a_table_with_options_as_json() -> None:
    rows = [
        {"normalizer": "bn", "normalizer_options": "{}", "state": "done"},
        {"normalizer": "vcl", "normalizer_options": '{"n":5,"weight":0.01}', "state": "done"},
        {"normalizer": "vcl", "normalizer_options": '{"n":10,"weight":0.01}', "state": "failed"},
    ]
    assert selected("n>=5 state=done", rows) == rows[1:2]
    assert selected("normalizer.n=10", rows) == rows[2:]
    assert selected("n!=5", rows) == [rows[0], rows[2]]


def test_a_short_name_of_two_options_is_refused() -> None:
    trial = trials(optimizer="adamw", activation="elu", normalizer="dyt")
    assert len(selected("optimizer.eps=1e-8 activation.alpha=1 normalizer.alpha=0.5", trial)) == 1
    with pytest.raises(
        ValueError, match=r"'alpha' is an option of activation and normalizer here: say activation\.alpha"
    ):
        selected("alpha=1", trial)


def test_numpy_scalars_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    row = {"a": numpy.int64(3), "b": numpy.bool_(True), "c": numpy.float32(0.5), "d": numpy.float64("nan")}
    assert Selector.parse("a=1..3 b=true c<=0.5 d=null").matches(row)
    assert not Selector.parse("a>3").matches(row)


def test_split_parts_what_a_plan_knows_from_what_results_know() -> None:
    own, rest = Selector.parse("normalizer=bn state=failed n>=2 normalizer.n=5 val_error<0.1 dataset!=x").split()
    assert str(own) == "normalizer=bn 'n>=2' normalizer.n=5 'dataset!=x'"
    assert str(rest) == "state=failed 'val_error<0.1'"
    assert Selector.parse(str(own)) == own
    assert bool(own)
    assert not Selector.parse("")


def test_fifty_thousand_rows_are_selected_quickly() -> None:
    rows = [
        {"normalizer": "vcl", "normalizer_options": '{"n":5}', "batch_size": i % 64, "state": "done"}
        for i in range(50_000)
    ]
    begin = time.process_time()
    assert len(selected("normalizer=vcl batch_size<=8 state=done,failed n>=2", rows)) == 50_000 // 64 * 9 + 9
    assert time.process_time() - begin < 1.0


def test_whole_numbers_are_compared_exactly() -> None:
    """A float would stand for both: from 2^53 on not every whole number is one."""
    row = {"seed": 2**63 - 1}
    for text, holds in (
        (f"seed={2**63 - 1}", True),
        (f"seed={2**63 - 2}", False),
        (f"seed<{2**63 - 1}", False),
        (f"seed=0..{2**63 - 2}", False),
        (f"seed={2**63 - 2}..{2**63 - 1}", True),
    ):
        assert Selector.parse(text).matches(row) is holds, text
