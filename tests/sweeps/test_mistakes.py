"""Every mistake of a sweep file is told at once, each with its place; what would never end is refused at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sweeps.file.document import Mistakes, Place, each, plain
from sweeps.file.spec import SweepSpec, load_spec


def told(folder: Path, text: str, *overrides: str) -> list[str]:
    path = folder / "f.yaml"
    path.write_text(text)
    begin = time.process_time()
    with pytest.raises(Mistakes) as refused:
        load_spec(path, overrides)
    assert time.process_time() - begin < 5
    return [line.replace(f"{path}:", "") for line in str(refused.value).splitlines()]


def test_every_mistake_is_told_in_the_order_of_its_place(tmp_path: Path) -> None:
    text = """trial:
  dataset: a
  dpeth: 2
  epochs: [-1, 5, x]
  normalizer: [vlc, {bn: {affine: 3, sink: true}}, {vcl: {n: [1, 2, y]}}]
  epochs: 3
  zip: [{lr: [a, -1]}, {lr: [1]}]
  where: [{if: "seeed=3", widht: 3}]
  random: {count: 0, momentum: {uniform: [2, 3]}}
runn: 3
run: {pak: 2, cpus: x}
analysis: {average: [sed, depht], select: {over: [depth], by: x}}
"""
    assert [line.partition(" ")[0] + line.partition(" ")[2][:24] for line in told(tmp_path, text)] == [
        "3:3:unknown key of trial 'dp",
        "4:12:'epochs' must be at leas",
        "4:19:'epochs' is a whole numb",
        "5:16:unknown normalizer 'vlc'",
        "5:35:'affine' is true or fals",
        "5:38:unknown option of normal",
        "5:63:'n' must be at least 2, ",
        "5:69:'n' is a whole number, n",
        "6:3:the key 'epochs' stands ",
        "7:15:'lr' is a number, not 'a",
        "7:18:'lr' must be at least 0,",
        "7:25:'lr' is given twice, by ",
        "8:16:unknown field 'seeed': d",
        "8:27:unknown key of where 'wi",
        "9:19:'count' must be at least",
        "9:43:'momentum' must be 0 to ",
        "9:46:'momentum' must be 0 to ",
        "10:1:unknown key of the sweep",
        "11:7:unknown key of run 'pak'",
        "11:21:'cpus' is a whole number",
        "12:22:unknown value of 'averag",
        "12:27:unknown value of 'averag",
        "12:63:unknown value of 'by' 'x",
    ]


def test_a_misspelt_section_or_data_set_is_one_mistake(tmp_path: Path) -> None:
    assert told(tmp_path, "trail:\n  dataset: a\n") == [
        "1:1: unknown key of the sweep file 'trail': did you mean trial?"
    ]
    assert told(tmp_path, "trial:\n  datset: a\n") == ["2:3: unknown key of trial 'datset': did you mean dataset?"]


def test_an_alias_s_mistake_is_told_once(tmp_path: Path) -> None:
    assert len(told(tmp_path, "trial:\n  dataset: a\n  epochs: &x [-1]\n  depth: *x\n")) == 2
    assert len(told(tmp_path, "trial:\n  dataset: a\n  schedule: [&x {stop: {}}, *x]\n")) == 1


def test_mistakes_of_overrides_come_with_those_of_the_file(tmp_path: Path) -> None:
    assert told(tmp_path, "trial: {dataset: a, dataset: b, epochs: -1}\n", "depth=x") == [
        "--set depth=x: 'depth' is a whole number, not 'x'",
        "1:21: the key 'dataset' stands here for the second time",
        "1:41: 'epochs' must be at least 0, not -1",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "trial:\n  dataset: " + "[" * 3000 + "]" * 3000,
            "2:110: more than 100 lists and mappings lie within each other",
        ),
        ("trial:\n  dataset: " + "{a: " * 3000 + "}" * 3000, "2:404: more than 100 lists and mappings lie within"),
        ("trial:\n" + "".join(f"{' ' * i}a:\n" for i in range(1, 3000)), "101:101: more than 100 lists and mappings"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
            "6:8: the aliases up to here stand for more than 100,000 values",
        ),
        ("trial: {dataset: *x}", "1:18: not YAML: the alias '*x' has no anchor '&x' before it"),
        ("trial:\n  dataset:\t[iris]\n", "2:11: not YAML: a tab is here: use spaces"),
        ("trial:\n\tdataset: a\n", "2:1: not YAML: a tab is here: use spaces"),
        ("trial:\n  dataset: a\n  <<: {seed: 1}\n", "3:3: merge keys (`<<`) are not read: write the keys themselves"),
        ("trial: {dataset: a}\n---\ntrial: {}\n", "2:1: not YAML: a second document begins here; a sweep file is one"),
    ],
)
def test_what_is_not_a_plain_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (line,) = told(tmp_path, text)
    assert line.startswith(sentence)


@pytest.mark.parametrize(
    ("trial", "sentence"),
    [
        ("seed: 0..2000000", "1:27: 'seed' has 2,000,001 values: a sweep has at most 1,000,000 trials"),
        ("seed: [0..999999, 5]", "1:27: 'seed' has 1,000,001 values: a sweep has at most 1,000,000 trials"),
        ("seed: 0..999999999999999999", "1:27: 'seed' has 1,000,000,000,000,000,000 values: a sweep has at most"),
        ("seed: 0..99999999999999999999", "1:27: 'seed' must be at most 9223372036854775807"),
        (
            "seed: 0..99999, depth: 1..11, lr: 1",
            "1:8: 1,100,000 combinations (seed 100,000 x depth 11): a sweep has at most 1,000,000 trials",
        ),
        (
            "zip: {lr: [1, 2], momentum: [0, 0.9]}, random: {count: 1000000000, dropout: {uniform: [0, 1]}}",
            "1:8: 2,000,000,000 combinations (lr+momentum 2 x random 1,000,000,000)",
        ),
        ("normalizer: {vcl: {n: 2..200001, weight: [1, 2, 3, 4, 5, 6]}}", "1:33: 'vcl' has 1,200,000 values"),
    ],
)
def test_more_trials_than_a_sweep_may_have_are_counted_not_made(tmp_path: Path, trial: str, sentence: str) -> None:
    (line,) = told(tmp_path, f"trial: {{dataset: a, {trial}}}\n")
    assert line.startswith(sentence)


def test_a_million_trials_are_a_sweep(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("trial: {dataset: a, seed: 0..9999, depth: 1..100}\n")
    assert load_spec(path).trial.lengths() == {"seed": 10_000, "depth": 100}


def test_python_is_told_of_all_its_mistakes_too() -> None:
    with pytest.raises(ValueError) as refused:
        SweepSpec.from_json({"trial": {"dataset": "a", "depth": 0, "lrr": 1}})
    assert len(str(refused.value).splitlines()) == 2
    deep: list[object] = []
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(ValueError, match="more than 100 lists and mappings lie within each other"):
        plain(deep, "sweep")


def test_long_values_are_cut_in_a_sentence(tmp_path: Path) -> None:
    (line,) = told(tmp_path, f"trial: {{dataset: a, lr: {{a: [{', '.join(['x'] * 5000)}]}}}}\n")
    assert len(line) < 120


def test_each_gathers() -> None:
    def read(number: int) -> int:
        if number % 2:
            raise Place("f", number, 1).error("is odd")
        return number

    assert each(read, [0, 2]) == [0, 2]
    with pytest.raises(Mistakes, match=r"^f:1:1: is odd\nf:3:1: is odd$"):
        each(read, [3, 2, 1, 3])
