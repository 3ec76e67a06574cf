"""The digest of what defines a trial's training: it knows what is computed, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator.planning.digest import HOME, defining, source_digest
from sweeps.words.kinds import NAMES
from trainers.plugins.lookup import implementation

BATCH = "normalizers/batch_statistics/batch.py"


def edited(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of the package with one edit."""
    home = shutil.copytree(HOME, tmp_path / "trainers", ignore=shutil.ignore_patterns("__pycache__", "data"))
    text = (home / file).read_text()
    assert old in text
    (home / file).write_text(text.replace(old, new, 1))
    return home


def differing(home: Path) -> set[tuple[str, str]]:
    cases = [(n, m) for n in ("none", "bn", "ws+bn", "vcl", "brn") for m in ("mlp", "resnet20")]
    return {case for case in cases if source_digest(*case, home=home) != source_digest(*case)}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (BATCH, "import torch", "# a comment\n\nimport torch"),
        (BATCH, '"""', '"""Other words. '),
        (BATCH, "import torch", '"""One more."""\nimport torch'),
        ("pack.py", "import torch", "import torch\nODD = 1"),  # packs, data and logs are not what defines a method
        ("normalizers/group.py", "import torch", "import torch\nODD = 1"),  # of methods that are not asked about
    ],
)
def test_what_computes_the_same_has_the_same_digest(tmp_path: Path, file: str, old: str, new: str) -> None:
    assert differing(edited(tmp_path, file, old, new)) == set()


@pytest.mark.parametrize(
    ("file", "methods", "models"),
    [
        (BATCH, {"bn", "ws+bn", "brn"}, {"mlp", "resnet20"}),  # brn is made from it
        ("normalizers/vcl.py", {"vcl"}, {"mlp", "resnet20"}),
        ("models/resnets/residual.py", {"none", "bn", "ws+bn", "vcl", "brn"}, {"resnet20"}),
        ("optim/optimizer.py", {"none", "bn", "ws+bn", "vcl", "brn"}, {"mlp", "resnet20"}),
    ],
)
def test_an_edit_concerns_what_imports_it(tmp_path: Path, file: str, methods: set[str], models: set[str]) -> None:
    home = edited(tmp_path, file, "\nimport torch", "\nODD = 1\nimport torch")
    assert differing(home) == {(method, model) for method in methods for model in models}


def test_a_string_that_is_no_docstring_counts(tmp_path: Path) -> None:
    home = edited(tmp_path, "optim/sgd.py", "\nfrom torch", '\n"a".join("b")\nfrom torch')
    other = edited(tmp_path / "other", "optim/sgd.py", "\nfrom torch", '\n"c".join("b")\nfrom torch')
    assert source_digest("bn", "mlp", home=home) != source_digest("bn", "mlp", home=other)


def test_every_model_is_found_where_it_is_defined() -> None:
    for name in NAMES["model"]:
        assert defining("none", name)[1] == implementation("model", name).__module__


def test_an_optimizer_concerns_its_own_trials(tmp_path: Path) -> None:
    home = edited(tmp_path, "optim/lion.py", "\nimport torch", "\nODD = 1\nimport torch")
    assert differing(home) == set()
    assert source_digest("bn", "mlp", "lion", home) != source_digest("bn", "mlp", "lion")
    assert source_digest("bn", "mlp", "adamw", home) == source_digest("bn", "mlp", "adamw")
