"""What `docs/notebook.md` shows, typed as it stands there, against a small sweep that was really trained."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator
from orchestrator.mirror.sync import sync
from orchestrator.store.workspace import Workspace
from tests.orchestrator.training import train

PAGE = Path(__file__).resolve().parents[3] / "docs" / "notebook.md"
SMALL = [
    "dataset=wine,titanic",
    "depth=1,2",
    "width=8",
    "activation=relu,elu",
    "epochs=4",
    "steps_per_epoch=5",
    "seed=0..1",
]

# After the page's own lines: each says something of what they are to show.
LOOK = """
assert len(frame) == 48 and table.shape == (2, 6) and not table.isna().any(axis=None)
assert len(paired) == 16
assert list(means.columns) == ["bn", "none", "vcl"] and list(means.index) == [0, 1, 2, 3]
assert len(axes.lines) == 3
assert comparison.runs == 48 and {line["against"] for line in comparison.lines} == {"bn", None}
assert {line["column"] for line in win_table.as_json()} == {"bn", "none", "vcl"}
assert progress.counts == {"done": 48}
assert len(runs) == 5 and runs["metrics.test_error"].is_monotonic_increasing
assert [point.step for point in curve] == [0, 1, 2, 3]
joined = runs.merge(frame, left_on="tags.normsweep.trial_id", right_on="trial_id")
assert list(joined["test_error"]) == list(joined["metrics.test_error"])
"""


@pytest.mark.mlflow
def test_the_page_does_what_it_says(tmp_path: Path, empty_database: Path) -> None:
    workspace = Workspace.at(tmp_path / "normsweep-out")
    workspace.mlflow.mkdir(parents=True)
    shutil.copy(empty_database, workspace.mlflow)
    train(workspace, "demo", SMALL)
    assert sync(workspace).created == 48
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 7
    script = tmp_path / "session.py"
    script.write_text("\n".join([*blocks, LOOK]))
    before = {path.name for path in tmp_path.iterdir()}
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(PAGE.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == before


def test_importing_results_is_light() -> None:
    code = (
        "import sys; import orchestrator; from orchestrator import results; assert results is orchestrator.results;"
        "import orchestrator.store.results; assert callable(orchestrator.results);"
        "print([m for m in ('pandas', 'mlflow', 'torch', 'ray') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_where_asks_for_settings_and_columns(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(
        "{name: small, trial: {dataset: wine, depth: 1, width: 4, lr: [0.01, 0.1], normalizer: [none, {vcl: {n: 2}}],"
        " activation: [relu, {lrelu: {slope: 0.3}}], epochs: 2, steps_per_epoch: 2}}"
    )
    workspace = Workspace.at(tmp_path / "out")
    train(workspace, file)

    def count(where: str) -> int:
        return len(orchestrator.results("small", workspace=workspace.root, where=where))

    assert count("") == 8
    assert count("lr<0.1") == 4
    assert count("normalizer=vcl normalizer.n=2 activation=lrelu") == 2
    assert count("state=done test_error<=1") == 8
    assert count("state=failed") == 0
    with pytest.raises(ValueError, match="unknown field 'normaliser': did you mean normalizer"):
        count("normaliser=bn")
    frame = orchestrator.results("small", workspace=workspace.root, curves=True)
    assert [len(curve) for curve in frame["curve_val_error"]] == [2] * 8
    with pytest.raises(ValueError, match="unknown sweep 'smal': did you mean small"):
        orchestrator.results("smal", workspace=workspace.root)
