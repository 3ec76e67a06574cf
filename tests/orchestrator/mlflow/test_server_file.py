"""`mlflow/server.json`, which says where the workspace's server is: read with and without a schema's number."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from orchestrator.mirror.server import credentials, down, running
from orchestrator.mirror.sync import sync
from orchestrator.store.owner import myself
from orchestrator.store.workspace import Workspace
from sweeps.errors import DamagedError
from tests.orchestrator.mlflow.ledgers import small_sweep
from tests.orchestrator.stage import Call

URI = "http://127.0.0.1:5000"


def content() -> dict[str, Any]:
    """As of a server whose process is this one."""
    return {"schema": 1, "uri": URI, "backend": "sqlite:///x.db", "password_file": None, "owner": asdict(myself())}


@pytest.fixture
def path(workspace: Workspace) -> Path:
    return workspace.mlflow / "server.json"


def test_what_is_unknown_is_ignored_and_an_old_file_has_no_number(workspace: Workspace, path: Path) -> None:
    new = content()
    old = {key: value for key, value in new.items() if key != "schema"}
    for data in (new, old, {**new, "more": 1, "owner": {**new["owner"], "more": 1}}):
        path.write_text(json.dumps(data))
        server = running(workspace)
        assert server is not None
        assert (server.uri, server.owner) == (URI, myself())


def test_the_server_of_a_workspace_is_not_that_of_its_copy(workspace: Workspace, path: Path, tmp_path: Path) -> None:
    path.write_text(json.dumps({**content(), "folder": workspace.mlflow.stat().st_ino}))
    assert running(workspace) is not None
    copy = Workspace.at(shutil.copytree(workspace.root, tmp_path / "copy"))
    assert running(copy) is None
    assert down(copy) is False
    moved = Workspace.at(workspace.root.rename(tmp_path / "moved"))
    assert running(moved) is not None


def test_a_damaged_file_is_named_with_the_way_out(workspace: Workspace, path: Path) -> None:
    whole = json.dumps(content())
    broken = [whole[:length] for length in range(len(whole))]
    broken += ["[]", "null", json.dumps({**content(), "uri": 5}), json.dumps({**content(), "owner": {"pid": 1}})]
    for text in broken:
        path.write_text(text)
        for ask in (running, down):
            with pytest.raises(DamagedError, match=r"server\.json is damaged .*delete the file"):
                ask(workspace)
    assert path.exists()


@pytest.mark.parametrize("schema", [2, 99])
def test_a_newer_file_is_named_with_the_way_out(workspace: Workspace, path: Path, schema: object) -> None:
    path.write_text(json.dumps({"schema": schema}))
    with pytest.raises(
        DamagedError, match=rf"server\.json is of schema {schema}; this program reads up to 1: update it"
    ):
        running(workspace)


def test_the_command_line_says_it_in_one_sentence(workspace: Workspace, path: Path, call: Call) -> None:
    path.write_text("{")
    code, out, err = call("mlflow", "status", "--workspace", str(workspace.root))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert str(path) in err


def test_another_mlflow_than_the_workspaces_own_does_not_care(workspace: Workspace, path: Path) -> None:
    path.write_text("{")
    small_sweep(workspace)
    assert sync(workspace).created == 12
    assert credentials(workspace, "http://elsewhere:5000") == {}
    with pytest.raises(DamagedError):
        credentials(workspace, URI)
