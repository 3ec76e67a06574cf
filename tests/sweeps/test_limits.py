"""What is said of a method is what `check` says of a trial: no limit without a trial that is refused for it."""

from __future__ import annotations

from typing import Any

import pytest

from sweeps import limits as words
from sweeps.errors import UsageError
from sweeps.limits import LIMITS, Limit, limits
from sweeps.words.rules import problems
from sweeps.words.vocabulary import NORMALIZERS
from tests.sweeps.sets import facts, trials

ONE = {"width": 1}
FEW = ("bn", "bn-noise", "brn", "popnorm", "mbn", "gbn", "evonorm-b0")
JOINED = {"shards": 2, "batch_size": 20}
CASES: list[tuple[str, Limit, dict[str, Any], dict[str, Any]]] = [
    *((name, words.FEW_VALUES, {"batch_size": 1}, {"few": "1 value", "least": 2}) for name in FEW),
    *((name, words.ONE_WEIGHT, ONE, {}) for name in ("cwn", "ws", "cwo", "sws")),
    *(
        (name, words.NO_ACTIVATION, {"model": model}, {"model": model})
        for name in ("normprop", "sws", "frn", "evonorm-b0", "evonorm-s0")
        for model in ("resmlp", "transformer")
    ),
    ("vcl", words.SUBSETS, {"batch_size": 4}, {"B": 4, "n": 10}),
    ("gbn", words.GHOSTS, {"batch_size": 12}, {"B": 12, "size": 10}),
    ("bn-noise", words.ONE_IMAGE, {"model": "resnet20", "batch_size": 1}, {"B": 1}),
    ("bn-noise", words.VIRTUAL_BATCH, {"options": {"virtual_batch": 21}}, {"virtual": "it", "B": 20}),
    ("bn-noise", words.POSITIONS, {"options": {"virtual_batch": 2}, "model": "resnet20"}, {"positions": "positions"}),
    ("in", words.ONE_POSITION, {}, {}),
    ("gn", words.GROUP_OF_ONE, {"width": 16}, {"width": 16}),
    ("evonorm-s0", words.GROUP_OF_ONE, {"width": 32}, {"width": 32}),
    ("ln", words.LAYER_OF_ONE, ONE, {}),
    ("normprop", words.DROPOUT, {"dropout": 0.5}, {"dropout": "it"}),
    ("normprop", words.NO_VARIANCE, {"options": {"data": "batch"}, "batch_size": 1}, {"B": 1}),
    ("vcl", words.ALONE, JOINED | {"beside": "bn", "options": {"n": 2}}, {"part": "vcl"}),
    ("gbn", words.ALONE, JOINED | {"beside": "popnorm"}, {"part": "gbn"}),
    ("mbn", words.ALONE, JOINED | {"beside": "popnorm"}, {"part": "mbn"}),
    ("normprop", words.ALONE, JOINED | {"beside": "popnorm", "options": {"data": "batch"}}, {"part": "normprop"}),
]


@pytest.mark.parametrize(("name", "limit", "changes", "figures"), CASES)
def test_a_limit_is_refused_in_its_words(
    name: str, limit: Limit, changes: dict[str, Any], figures: dict[str, Any]
) -> None:
    settings = dict(changes)
    options, beside = settings.pop("options", {}), settings.pop("beside", "")
    chosen = f"{beside}+{name}" if beside else name
    found = problems(trials(normalizer={chosen: options | ({"sync": True} if beside else {})}, **settings), facts)
    assert any(limit.of(**figures) in sentence for sentence in found), found
    general = words.FEW_VALUES.of(few="too few values", least=2) if limit is words.FEW_VALUES else str(limit)
    assert general in limits(name)


def test_every_limit_has_its_trial() -> None:
    shown = {(name, limit) for name, limit, _, _ in CASES}
    assert {(name, limit) for name, own in LIMITS.items() for limit in own} <= shown
    count = {name: len({limit for of, limit in shown if of == name}) for name in NORMALIZERS}
    assert {name: len(limits(name)) for name in NORMALIZERS} == count


def test_a_composition_has_the_limits_of_its_parts_once() -> None:
    assert limits("ws+gbn") == [*limits("ws"), *limits("gbn")]
    assert limits("bn+evonorm-b0") == limits("evonorm-b0")
    with pytest.raises(UsageError, match="unknown normalizer 'nb'"):
        limits("nb")
