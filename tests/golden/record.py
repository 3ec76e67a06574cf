"""Records the golden workspace of the present schema: `python -m tests.golden.record`, once, when the schema is new."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from orchestrator import results
from orchestrator.store.workspace import Workspace
from sweeps.records import PART_SCHEMA
from tests.orchestrator.training import train

HERE = Path(__file__).resolve().parent
SWEEP = """
name: golden
trial:
  dataset: waveform-generated
  depth: 1
  width: 4
  normalizer: [none, {vcl: {n: 2}}]
  activation: [relu, elu]
  epochs: 3
  steps_per_epoch: 4
  seed: 0..1
"""


def home(schema: int) -> Path:
    return HERE / f"schema-{schema}"


def expected(schema: int) -> Path:
    """What `orchestrator.results` gave when the workspace was recorded."""
    return home(schema) / "results.json"


def as_json(workspace: Path) -> str:
    return results("golden", workspace=workspace, curves=True).to_json(orient="records", indent=1, double_precision=15)


def main() -> None:
    folder = home(PART_SCHEMA)
    if folder.exists():
        raise SystemExit(f"{folder} is recorded: it stays as it is")
    with tempfile.TemporaryDirectory() as temporary:
        workspace, file = Workspace.at(f"{temporary}/out"), Path(temporary) / "golden.yaml"
        file.write_text(SWEEP)
        train(workspace, file)
        shutil.copytree(workspace.root, folder)
    expected(PART_SCHEMA).write_text(as_json(folder))
    print(f"{len(json.loads(expected(PART_SCHEMA).read_text()))} trials in {folder}")


if __name__ == "__main__":
    main()
