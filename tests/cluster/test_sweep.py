"""A whole sweep on six nodes: the results of a run on one machine, each pack trained once, strangers kept out."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cluster.conftest import Cluster, left_on_nodes
from tests.cluster.results import exported

pytestmark = pytest.mark.cluster

# What anybody on the cluster's network can try: to ask a Ray cluster for its nodes.
STRANGER = (
    "import sys; from ray._raylet import GcsClient; print(len(GcsClient(sys.argv[1]).get_all_node_info(timeout=10)))"
)


def knock(cluster: Cluster, node: int, address: str, *environment: str) -> str:
    """What a process on another node gets to hear; 'refused' when it is turned away."""
    try:
        return cluster.control("exec", str(node), "env", *environment, sys.executable, "-c", STRANGER, address).strip()
    except AssertionError as error:
        return "refused" if re.search("auth|token|permission", str(error), re.I) else str(error)


@pytest.mark.timeout(600)
def test_three_allocations_of_two_nodes_give_the_table_of_a_run_on_one_machine(
    cluster: Cluster, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["--site", "site.toml", "--workspace", str(out), "--allocations", "3", "--nodes", "2"]
    submitted = cluster.normsweep("submit", "sweep.yaml", *words).stdout
    assert "scratch = /tmp/ray lies on a disk that machines share" in submitted
    folder = out / "allocations" / "000001"
    heads: list[tuple[str, str]] = []

    def head_is_up() -> bool:
        logs = [(p, re.search(r"--address='([\d.]+:\d+)'", p.read_text())) for p in folder.glob("ray-*.log")]
        heads[:] = [(p.name.split("-")[1], m[1]) for p, m in logs if m]
        return len(heads) == 3

    cluster.wait(head_is_up, 120)
    assert len(set(cluster.ask("squeue", "--noheader", "--states=R", "--format=%N").split())) == 3  # six nodes in pairs
    job, address = heads[0]
    token = folder / f"token-{job}.0-1"
    assert token.stat().st_mode & 0o777 == 0o600
    with_token = ("RAY_AUTH_MODE=token", f"RAY_AUTH_TOKEN_PATH={token}")
    assert knock(cluster, 6, address, *with_token) in ("1", "2")  # the worker may still be on its way
    assert knock(cluster, 6, address) == "refused"

    cluster.wait(lambda: not cluster.jobs(), 400)
    cluster.normsweep("run", "sweep.yaml", "--workspace", str(tmp_path / "local"), "--no-mlflow")
    table = exported(cluster, out, tmp_path / "cluster.parquet")
    assert table == exported(cluster, tmp_path / "local", tmp_path / "local.parquet")
    attempts = pq.read_table(tmp_path / "cluster.parquet", columns=["attempts"])["attempts"].to_pylist()
    assert Counter(attempts) == {1: 24}
    assert not list((out / "leases").iterdir())
    assert not list((out / "heartbeats").iterdir())
    assert not list(folder.glob("tune-*"))
    assert left_on_nodes(cluster, *(job for job, _ in heads)) == []
