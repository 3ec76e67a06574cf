from __future__ import annotations

import pytest

from sweeps.file.document import plain, scalar
from sweeps.file.parse import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001),
        ("no", "no"),
        ("on", "on"),
        ("010", 10),
        ("0o10", 8),
        ("0x1f", 31),
        ("true", True),
        ("null", None),
        ("~", None),
        ("-3", -3),
        (".5", 0.5),
        ("1.", 1.0),
        ("0..9", "0..9"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        (".inf", float("inf")),
        ("-.inf", float("-inf")),
        ("2020-01-01", "2020-01-01"),
    ],
)
def test_scalars_are_read_as_yaml_1_2_reads_them(text: str, expected: object) -> None:
    assert scalar(text) == expected
    assert type(scalar(text)) is type(expected)
    assert parse(f"a: {text}", "f").data()["a"] == expected


def test_quoted_scalars_are_strings() -> None:
    assert parse('["1", \'true\', ""]', "f").data() == ["1", "true", ""]


def test_nodes_know_where_they_stand() -> None:
    root = parse("a:\n  - 1\n  - bb: 2\n", "file.yaml")
    inner = root.entries("x")["a"].node.elements()[1]
    key, node = inner.entries("x")["bb"]
    assert str(key) == "file.yaml:3:5"
    assert str(node.place) == "file.yaml:3:9"


def test_aliases_and_empty_documents() -> None:
    assert parse("a: &x [1, 2]\nb: *x\n", "f").data() == {"a": [1, 2], "b": [1, 2]}
    assert parse("# nothing\n", "f").data() is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\na: 2\n", r"^f:2:1: the key 'a' stands here for the second time$"),
        ("a: [1, 2\nb: 3\n", r"^f:2:\d+: not YAML: "),
        ("a: 1\n\tb: 2\n", r"^f:2:1: not YAML: "),
        ("a: 1\n---\nb: 2\n", r"^f:2:1: not YAML: "),
        ("? [1, 2]\n: 3\n", r"^f:1:3: a key is a single word$"),
        ("a: \x07\n", r"not YAML: "),
        ("a: &x [*x]\n", r"^f:1:8: the alias '\*x' stands within what it stands for$"),
    ],
)
def test_what_is_not_a_plain_document_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(text, "f")


def test_plain_data_makes_the_same_nodes() -> None:
    data = {"a": [1, 2.5, None, True, "x"], "b": {"c": []}}
    assert plain(data, "here").data() == data
    with pytest.raises(ValueError, match=r"here: .* is not a plain value"):
        plain({"a": object()}, "here")
