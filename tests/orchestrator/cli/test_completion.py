"""What the shell offers: asked as a shell asks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli.main import app
from sweeps.words.vocabulary import NORMALIZERS


def offered(line: str) -> list[str]:
    asked = {"_NORMSWEEP_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": f"normsweep {line}"}
    return re.findall(r'"([^"]*)"', CliRunner().invoke(app, env=asked, prog_name="normsweep").stdout)


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("check de", ["demo"]),
        ("run m", ["mine.yaml"]),
        ("wins m", ["mine"]),
        ("status ", ["mine"]),
        ("compare m", ["mine"]),
        ("check mine.yaml -w normalizer=", ["normalizer=none", "normalizer=bn", "normalizer=vcl"]),
        ("export mine -w normalizer=bn,v", ["normalizer=bn,vcl"]),
        ("check mine.yaml -w 'activation=relu norma", [
            "activation=relu normalizer=", *(f"activation=relu normalizer.{name}=" for name in ("affine", "beta"))
        ]),
        ("check mine.yaml -w nesterov!=", ["nesterov!=true", "nesterov!=false"]),
        ("check mine.yaml -w seed>=", ["seed>=0", "seed>=1", "seed>=2", "seed>=3"]),
        ("status mine -w state=f", ["state=failed"]),
        ("plan mine.yaml --set normalizer=w", ["normalizer=wn", "normalizer=ws"]),
        ("plan mine.yaml --set run.comp", ["run.compile="]),
        ("plan mine.yaml --set analysis.ties=s", ["analysis.ties=shared", "analysis.ties=split"]),
        ("wins mine --direction ", ["min", "max"]),
        ("wins mine --ties n", ["none"]),
        ("wins mine --columns normalizer,dep", ["normalizer,depth"]),
        ("compare mine --source l", ["ledger"]),
        ("compare mine --metric test", ["test_error"]),
        ("compare mine --baseline b", ["bn"]),
        ("list set", ["settings"]),
        ("check no-such.yaml -w dataset=", []),
    ],
)  # fmt: skip
def test_a_line_is_completed(line: str, words: list[str]) -> None:
    assert offered(line)[: len(words) + (not words)] == words


def test_every_normalizer_is_offered_where_no_sweep_is_named() -> None:
    assert offered("check -w normalizer=") == [f"normalizer={name}" for name in NORMALIZERS]


def test_completing_is_light(tmp_path: Path) -> None:
    code = (
        "import sys; from orchestrator.cli import completion as c; import typer; "
        "c.sweeps('de'); c.override('normalizer='); "
        "print([m for m in ('torch', 'ray', 'mlflow', 'pandas', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[]\n"
