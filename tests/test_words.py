"""One word, one meaning: public names hold no word that `docs/glossary.md` rules out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import typer.main

from orchestrator.cli.main import app
from slurm.profile import Profile
from sweeps.file.sections import ANALYSIS, RUN
from sweeps.words.kinds import NAMES
from sweeps.words.settings import CHOICES, SETTINGS

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"
PACKAGES = ("sweeps", "slurm", "trainers", "analysis", "orchestrator")

# Names of others, which we do not choose, and words of another field.
ALLOWED = {
    "reset_config": "a method of ray.tune.Trainable",
    "experiment": "MLflow's word for what it keeps the runs of a sweep in",
}


def ruled_out() -> dict[str, str]:
    """By word, the word that the glossary wants in its place."""
    words: dict[str, str] = {}
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3:
            for word in re.findall(r"`([a-z]+)`", cells[2]):
                words[word] = cells[0]
    return words


def defined() -> Iterator[tuple[str, str]]:
    """Where a public name stands, and the name: modules, classes, functions, methods."""

    def names(body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                if not node.name.startswith(("_", "test_")):  # a test's name is a sentence
                    yield node.name
                if isinstance(node, ast.ClassDef):
                    yield from names(node.body)

    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            yield from ((place, part) for part in path.relative_to(ROOT).with_suffix("").parts)
            yield from ((place, name) for name in names(ast.parse(path.read_text(encoding="utf-8")).body))


def offered() -> Iterator[tuple[str, str]]:
    """Options of the command line, settings of sweep files and keys of site files."""
    commands = [("normsweep", typer.main.get_command(app))]
    for path, command in commands:
        commands += [(f"{path} {name}", inner) for name, inner in getattr(command, "commands", {}).items()]
        yield path, path.rpartition(" ")[2]
        yield from (
            (path, option) for parameter in command.params for option in (parameter.name or "", *parameter.opts)
        )
    yield from (("a sweep file", name) for name in (*SETTINGS, *CHOICES, *RUN, *ANALYSIS))
    for entries in NAMES.values():
        yield from ((f"the options of {name}", option) for name, entry in entries.items() for option in entry.options)
    yield from (("a site file", field.name) for field in fields(Profile))


def words_of(name: str) -> list[str]:
    """`LostProcess` and `lost_process`: lost, process."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def test_public_names_hold_no_word_that_the_glossary_rules_out() -> None:
    forbidden = ruled_out()
    assert len(forbidden) > 25
    names = [*defined(), *offered()]
    assert len(names) > 1000
    wrong = [
        f"{place}: {name} (`{word}`: say {forbidden[word]})"
        for place, name in names
        if name not in ALLOWED
        for word in words_of(name)
        if word in forbidden
    ]
    assert not wrong, "\n".join(wrong)


def test_every_exception_is_needed() -> None:
    names = {name for _, name in (*defined(), *offered())}
    forbidden = ruled_out()
    for name in ALLOWED:
        assert name in names
        assert any(word in forbidden for word in words_of(name))


def test_the_glossary_says_each_word_once() -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    said = [word for row in rows for word in row.split(", ") if row not in ("word", "instead of")]
    assert sorted(said) == sorted(set(said))
    assert not set(said) & set(ruled_out())
