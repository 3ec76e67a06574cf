"""A user's own table and method on a cluster; the method's file is edited while jobs train: the planned one counts."""

from __future__ import annotations

import hashlib
import json
import random
import re
from pathlib import Path

import pytest

from tests.cluster.conftest import Cluster
from tests.cluster.results import exported
from tests.plugins.files import RMS, written

pytestmark = pytest.mark.cluster

# Six packs, one after the other on each of two nodes.
SWEEP = """
name: cluster
plugins: [rms.py]
trial:
  dataset: leaves
  depth: [1, 2]
  width: 16
  normalizer: [bn, my-rms, ws+my-rms]
  epochs: 20
  seed: 0..1
run: {checkpoint_seconds: 2}
"""
OTHER = RMS.replace("* u / square", "* 2.0 * u / square")
HALF_WRITTEN = "class RmsNorm(:\n"


def begun(workspace: Path) -> list[str]:
    """Nodes on which the training of a pack has begun, one for each pack."""
    logs = (path.read_text() for path in workspace.glob("logs/*.log"))
    return [m[1] for log in logs for m in re.finditer(r"attempt 1 on (\S+): starts", log)]


@pytest.mark.timeout(400)
def test_an_edit_while_jobs_train_changes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    draw = random.Random(4)
    lines = [f"{x:.3f},{draw.choice('abc')},{'yes' if x + draw.gauss(0, 0.5) > 0 else 'no'}"
             for x in (draw.gauss(0, 1) for _ in range(2000))]  # fmt: skip
    Path("leaves.csv").write_text("\n".join(["length,colour,oak", *lines]) + "\n")
    cluster.normsweep("data", "import", "leaves.csv", "--name", "leaves", "--target", "oak")
    file = written(tmp_path)
    Path("sweep.yaml").write_text(SWEEP)
    out, local = tmp_path / "out", tmp_path / "local"
    cluster.normsweep("run", "sweep.yaml", "--workspace", str(local), "--no-mlflow")
    cluster.normsweep("submit", "sweep.yaml", "--site", "site.toml", "--workspace", str(out), "--nodes", "2")

    assert OTHER != RMS
    file.write_text(OTHER)
    assert begun(out) == []
    cluster.wait(lambda: bool(begun(out)), 120)
    file.write_text(HALF_WRITTEN)
    assert len(begun(out)) <= 3
    cluster.wait(lambda: not cluster.jobs(), 200)

    assert (len(begun(out)), len(set(begun(out)))) == (6, 2)
    assert exported(cluster, out, tmp_path / "out.parquet") == exported(cluster, local, tmp_path / "local.parquet")
    digest = hashlib.sha256(RMS.encode()).hexdigest()
    trial = "normalizer=ws+my-rms depth=2 seed=1"
    told = json.loads(cluster.normsweep("why", trial, "--json", "--workspace", str(out)).stdout)
    assert told["state"] == "done"
    assert f"plug-in: {digest}, of which {out}/plugins/{digest}.py is the copy that is run" in told["notes"]
    assert not any((out / "failures").glob("*"))
