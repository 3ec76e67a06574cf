"""Shared by all tests: a clean environment, and where real data lies."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

# Before torch is imported: threads of processes that train beside each other would wait for each other's cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

HERE = Path(__file__).resolve().parent
REAL_DATA = Path(os.environ.get("NORMSWEEP_DATA", HERE.parent.parent / "shared" / "data"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing skips: what a test needs and does not find is a failure there."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the user's data, caches or servers, nor leaves any."""
    for name in ("NORMSWEEP_DATA", "MLFLOW_TRACKING_URI", "RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data-home"))


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the real UCI sets; skipped, with the way to get them, where there is none."""
    if not (REAL_DATA / "uci").is_dir():
        pytest.skip("needs the real UCI sets: `normsweep data fetch`, then NORMSWEEP_DATA=<folder>")
    monkeypatch.setenv("NORMSWEEP_DATA", str(REAL_DATA))
    return REAL_DATA
