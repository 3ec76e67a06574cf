"""`check`, `plan`, `list`, `schema` and `--version` from outside: warnings, refusals, and what each of them says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.orchestrator.stage import Call

FILE = """
trial:
  dataset: wine
  normalizer: [none, bn]
  depth: 1
  epochs: 2
  seed: 0..2
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("mine.yaml")
    path.write_text(FILE)
    return path


@pytest.mark.parametrize("verb", ["check", "plan"])
def test_clauses_that_match_nothing_are_warned_of(call: Call, file: Path, verb: str) -> None:
    assert json.loads(call(verb, str(file), "--json")[1])["warnings"] == []
    file.write_text(FILE + '  where: [{if: "seed>3", lr: 1}]\n  exclude: ["dataset=titanic", "seed=2"]\n')
    warnings = [
        "where: 'seed>3' matches no trial",
        "exclude: 'dataset=titanic' matches no trial: it names titanic, which is no data set of this sweep",
    ]
    code, out, _ = call(verb, str(file), "--json")
    assert code == 0
    assert json.loads(out)["warnings"] == warnings
    code, out, _ = call(verb, str(file))
    assert code == 0
    assert out.splitlines()[-2:] == [f"warning: {warning}" for warning in warnings]
    assert "warnings" not in out


@pytest.mark.parametrize("verb", ["check", "plan", "run"])
@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        ("normalizer=xyz", "'normalizer=xyz': unknown normalizer 'xyz': known are"),
        ("normalizer==bn", "'normalizer==bn' has two `=`: write normalizer=bn"),
        ("normalizer=vcl", "sweep mine: no trial is left by the selector normalizer=vcl"),
        ("state=done", "unknown field 'state'"),
    ],
)
def test_a_selector_that_selects_nothing_is_refused(
    call: Call, file: Path, verb: str, selector: str, sentence: str
) -> None:
    code, _, err = call(verb, str(file), "-w", selector)
    assert code == 2
    assert err.startswith(f"normsweep: {sentence}")
    assert len(err.splitlines()) == 1


def test_check_tells_every_mistake_with_its_place(call: Call, file: Path) -> None:
    file.write_text(FILE.replace("depth", "dpeth").replace("epochs: 2", "epochs: -1") + "runn: {}\n")
    code, _, err = call("check", str(file))
    assert code == 2
    assert err.splitlines() == [
        "normsweep: mine.yaml:5:3: unknown key of trial 'dpeth': did you mean depth or width?",
        "mine.yaml:6:11: 'epochs' must be at least 0, not -1",
        "mine.yaml:8:1: unknown key of the sweep file 'runn': did you mean run?",
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("dataset: wine", "dataset: [titanic, wien]"), "mine.yaml:3:22: unknown data set 'wien': did you mean wine?"),
        (("depth: 1", "batch_size: [20, 1000]"), "mine.yaml:5:20: batch_size=1000 exceeds the 108 training samples of"),
        (("depth: 1", "zip: {batch_size: [20, 1000], lr: [1, 2]}"), "mine.yaml:5:26: batch_size=1000 exceeds"),
        (("[none, bn]", "{vcl: {n: 11}}"), "mine.yaml:4:16: vcl with n=11: a batch of 20 has no two subsets"),
        (("depth: 1", "nesterov: true"), "mine.yaml:5:13: nesterov=true needs a momentum above 0"),
        (("seed: 0..2", "seed: [0, 0, 1]"), "mine.yaml:7:9: 'seed' is 0 twice here: each value makes its trials once"),
        (("seed: 0..2", "seed: [9223372036854775808]"), "mine.yaml:7:10: 'seed' must be at most 9223372036854775807"),
        (("seed: 0..2", "lr: 1e300"), "mine.yaml:7:7: 'lr' must be at most 1e+38, not 1e+300"),
        (
            ("seed: 0..2", "seed: 0\nanalysis: {baseline: bnn}"),
            "mine.yaml:8:22: 'baseline': unknown normalizer 'bnn': did you mean bn",
        ),
    ],
)
def test_what_is_wrong_with_a_trial_has_its_place(
    call: Call, file: Path, change: tuple[str, str], sentence: str
) -> None:
    file.write_text(FILE.replace(*change))
    code, _, err = call("check", str(file))
    assert code == 2
    assert err.startswith(f"normsweep: {sentence}")
    assert len(err.splitlines()) == 1


def test_an_override_is_the_place_of_what_it_asks_for(call: Call, file: Path) -> None:
    assert call("check", str(file), "--set", "dataset=wien")[2] == (
        "normsweep: --set dataset=wien: unknown data set 'wien': did you mean wine?\n"
    )


def test_what_coincides_and_what_computes_the_same_is_told(call: Call, file: Path) -> None:
    file.write_text(FILE.replace("[none, bn]", "[bn, brn]") + "  random: {count: 500, width: {choice: [8, 16]}}\n")
    code, out, _ = call("check", str(file))
    assert code == 0
    assert "brn with ramp=1: 6 of its trials compute what bn does, bit for bit" in out
    assert out.splitlines()[-1] == "warning: random: of its 500 rows 2 differ; equal ones make the same trials"


@pytest.mark.parametrize("what", ["sweep", "site"])
def test_schemas_are_printed_as_json(call: Call, what: str) -> None:
    code, out, _ = call("schema", what)
    assert code == 0
    assert json.loads(out)["$schema"].endswith("2020-12/schema")


def test_an_unknown_schema_is_named(call: Call) -> None:
    code, _, err = call("schema", "swep")
    assert (code, err) == (2, "normsweep: unknown schema 'swep': did you mean sweep?\n")


@pytest.mark.parametrize(
    ("what", "row"),
    [
        ("settings", {"name": "epochs", "default": "100", "values": "a whole number, at least 0"}),
        ("run", {"name": "pack", "default": "32"}),
        ("analysis", {"name": "ties", "default": "shared", "values": "shared, split, none"}),
        ("site", {"name": "cpus", "default": "required"}),
    ],
)
def test_keys_are_listed_with_default_values_and_meaning(call: Call, what: str, row: dict[str, str]) -> None:
    rows = json.loads(call("list", what, "--json")[1])
    assert any(row.items() <= each.items() and each["meaning"] for each in rows)
    assert f"{row['name']} " in call("list", what)[1]


def test_the_version_is_that_of_the_results(call: Call) -> None:
    code, out, _ = call("--version")
    assert code == 0
    assert re.fullmatch(r"normsweep \d\S*\n", out)


@pytest.mark.parametrize("verb", ["check", "plan", "list", "schema"])
def test_each_help_text_stands_alone(call: Call, verb: str) -> None:
    code, out, _ = call(verb, "--help")
    assert code == 0
    assert not re.search(r" (and|of|would) so many", out)
