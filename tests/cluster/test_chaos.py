"""All that can happen to jobs, nodes and processes of a cluster, one upon another. Then calm; nothing is lost."""

from __future__ import annotations

import os
import secrets
from functools import partial

import pytest

from benchmarks.chaos import storm
from benchmarks.faults.cluster import CHECKPOINT_SECONDS, PATTERNS, Machines
from tests.cluster.conftest import Cluster

FAULTS = int(os.environ.get("NORMSWEEP_FAULTS", "25"))


@pytest.mark.cluster
@pytest.mark.timeout(600 + 60 * FAULTS)
def test_sweeps_on_three_allocations_survive_every_fault(cluster: Cluster) -> None:
    seed = int(os.environ.get("NORMSWEEP_SEED", secrets.randbelow(2**32)))
    print(f"what is hit is drawn with seed {seed}")
    report = storm(partial(Machines, cluster), FAULTS, seed)
    print(report)
    assert report.problems == []
    assert report.hits.total() > 2 * report.misses.total()
    assert {f"kill {what}" for what in PATTERNS} <= report.hits.keys()
    # What each interruption cost each pack.
    assert report.interruptions > 0
    assert report.lost_at_once <= CHECKPOINT_SECONDS
