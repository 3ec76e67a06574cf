"""The keys of a site file: declared once, the same in the schema, in the file that `init` writes, in the docs."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import slurm
from slurm import keys, partitions, profile

LEAST: dict[str, Any] = {"partition": "gpu", "minutes": 60, "cpus": 8}


def problems(site: object) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(keys.schema()).iter_errors(site)]


def test_every_key_has_its_type_its_default_and_its_meaning() -> None:
    rows = keys.table()
    assert [row["name"] for row in rows] == list(profile.Profile.__dataclass_fields__)
    assert all(row["values"] and len(row["meaning"]) > 8 for row in rows)
    assert {row["name"] for row in rows if row["default"] == "required"} == set(LEAST)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"setup": ["module load cuda"], "memory_gb": 1.5}, ""),
        ({"acount": "x"}, "'acount' was unexpected"),
        ({"minutes": "1:00:00"}, "is not of type 'integer'"),
        ({"cpus": 0}, "less than the minimum of 1"),
        ({"spread": "yes"}, "is not of type 'boolean'"),
        ({"setup": "module load cuda"}, "is not of type 'array'"),
        ({"scratch": "/a/very/long/path/to/scratch"}, "is too long"),
    ],
)
def test_the_schema_says_what_reading_says(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(json.dumps(slurm.site_schema())))
    site = LEAST | change
    found = problems(site)
    assert [told in sentence for sentence in found] == ([True] if told else [])
    path = tmp_path / "site.toml"
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in site.items()))
    if told:
        with pytest.raises(ValueError):
            slurm.load_profile(path)
    else:
        slurm.load_profile(path)


def test_a_site_file_without_the_least_keys_is_not_one() -> None:
    assert len(problems({})) == 3


def test_the_file_that_init_writes_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(command: list[str], seconds: float = 30.0) -> str:
        return "low*|2:00:00|4|8|16000+|(null)\n" if command[0] == "sinfo" else "MaxArraySize = 501\n"

    monkeypatch.setattr(partitions, "ask", asked)
    text = slurm.site_file()
    path = tmp_path / "site.toml"
    path.write_text(text)
    assert slurm.load_profile(path) == profile.Profile(partition="low", minutes=120, cpus=8, max_array=500)
    assert not problems(tomllib.loads(text))
    assert "#   low: 4 nodes, 8 cores, 15 GB, gres none, at most 120 minutes\n" in text
    assert '# account = ""           # account that is charged' in text
    assert all(f"{key} = " in text for key in profile.Profile.__dataclass_fields__)
