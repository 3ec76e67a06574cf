"""`drill --site` on the cluster: a job is interrupted on purpose, and the results are those of a run at rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.conftest import Cluster

pytestmark = pytest.mark.cluster


@pytest.mark.timeout(500)
def test_a_drill_requeues_and_warns_a_job_and_finds_the_same_results(cluster: Cluster, tmp_path: Path) -> None:
    words = ["--site", "site.toml", "--times", "1", "--epochs", "600", "--workspace", str(tmp_path / "out")]
    told = cluster.normsweep("drill", *words).stdout
    assert "1 interruption (warning of the time limit)" in told
    assert told.endswith("2 attempts: the results are the undisturbed ones, bit for bit\n")
    assert list((tmp_path / "out").iterdir()) == []
    cluster.wait(lambda: not cluster.jobs(), 60)
