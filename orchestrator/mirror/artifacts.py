"""Where a sweep's files lie beside the database of a workspace: named relative to it, so that the workspace can move.

`mlflow-artifacts:/demo/...` is `mlflow/artifacts/demo/...` of the workspace whose server is asked.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.store.files import replace

_SCHEME = "mlflow-artifacts"
_PLACE = "/mlflow/artifacts"


def location(experiment: str) -> str:
    """The artifact location of a new experiment."""
    return f"{_SCHEME}:/{experiment}"


def put(folder: Path, uri: str, path: Path) -> bool:
    """Copies the file into the run of that artifact URI below `folder`; False for a URI of another kind."""
    parts = urlsplit(uri)
    if parts.scheme != _SCHEME:
        return False
    replace(folder / parts.path.lstrip("/") / path.name, path.read_bytes())
    return True


def make_relative(database: Path) -> None:
    """Renames the absolute locations that MLflow or 0.1.0 gave the experiments of a workspace's SQLite file."""
    with closing(sqlite3.connect(database, timeout=60.0)) as connection, connection:
        for experiment, old in connection.execute(
            "SELECT experiment_id, artifact_location FROM experiments"
        ).fetchall():
            new = _relative(experiment, old or "")
            if new:
                connection.execute(
                    "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (new, experiment)
                )
                connection.execute(
                    "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) WHERE experiment_id = ?",
                    (new.removesuffix("/"), len(old) + 1, experiment),
                )


def _relative(experiment: int, old: str) -> str:
    """ "" where the location is relative, or is none of ours."""
    if urlsplit(old).scheme not in ("", "file"):
        return ""
    if experiment == 0:  # MLflow's own, named after the working folder of who made the tables
        return location(str(experiment))
    _, ours, inner = old.rpartition(_PLACE)
    return f"{_SCHEME}:{inner or '/'}" if ours else ""
