from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from orchestrator.mirror.mlflow_tracker import MLflowTracker
from orchestrator.mirror.server import Server, down, up
from orchestrator.store.workspace import Workspace
from tests.orchestrator.mlflow.postgres import PROGRAMS, cluster, new_database


@pytest.fixture(autouse=True)
def _working_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Each test runs in an empty folder, which stays empty: no `mlruns`, no `mlflow.db`."""
    folder = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(folder)
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow takes seconds to make the tables of an SQLite file: once for all tests."""
    workspace = Workspace.at(tmp_path_factory.mktemp("empty"))
    MLflowTracker(workspace, f"sqlite:///{workspace.mlflow / 'mlflow.db'}")
    return workspace.mlflow / "mlflow.db"


@pytest.fixture
def workspace(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in ("URI", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    workspace = Workspace.at(tmp_path / "out")
    workspace.mlflow.mkdir(parents=True)
    shutil.copy(empty_database, workspace.mlflow)
    return workspace


@pytest.fixture(scope="session")
def postgres() -> Generator[str]:
    """The URI of a database of a PostgreSQL of our own."""
    if not PROGRAMS:
        pytest.skip("needs Debian's package postgresql")
    with cluster() as uri:
        yield uri


@pytest.fixture(scope="module")
def database(postgres: str) -> str:
    """The URI of the database of `served`."""
    return new_database(postgres)


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """An MLflow server over PostgreSQL, with a password."""
    workspace = Workspace.at(tmp_path_factory.mktemp("served"))
    server = up(workspace, backend=database, port=0, password=True)
    yield server
    assert down(workspace)


@pytest.fixture
def let_in(served: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server's URI, for a client that knows the password."""
    assert served.password_file is not None
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", Path(served.password_file).read_text())
    return served.uri
