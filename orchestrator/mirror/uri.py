"""Where MLflow is: the tracking URI of a workspace, fit to be shown, and a quick look whether anybody answers there.

Where its files lie beside a workspace's database: `mlflow-artifacts:/demo/...` is `mlflow/artifacts/demo/...` of the
workspace whose server is asked, wherever that workspace lies.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.store.files import replace
from orchestrator.store.workspace import Workspace
from sweeps.errors import UnavailableError, UsageError

NONE = "none"  # shows the results nowhere
_SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql")
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}
_KNOCK_SECONDS = 3.0
_ARTIFACTS = "mlflow-artifacts"
_PLACE = "/mlflow/artifacts"


def tracking_uri(workspace: Workspace, given: str | None = None) -> str:
    """The URI `given`, else `MLFLOW_TRACKING_URI`, else an SQLite file in the workspace. `none`: show results nowhere.

    Raises UsageError for a store that MLflow no longer opens (a folder of files) or does not know.
    """
    uri = given or os.environ.get("MLFLOW_TRACKING_URI") or workspace_uri(workspace)
    check_address(uri)
    if uri != NONE and urlsplit(uri).scheme.partition("+")[0] not in _SCHEMES:
        raise UsageError(
            f"a tracking URI begins with sqlite:///, http(s):// or postgresql://, or is none, but got '{masked(uri)}': "
            f"MLflow no longer keeps runs in a folder of files"
        )
    return uri


def workspace_uri(workspace: Workspace) -> str:
    """The SQLite file in the workspace."""
    return f"sqlite:///{workspace.mlflow / 'mlflow.db'}"


def check_address(uri: str) -> None:
    """UsageError for an address that is none. It does not show the address, which may hold a password."""
    try:
        _ = urlsplit(uri).port
    except ValueError:
        raise UsageError(
            "the address is invalid: it is scheme://host:port/..., and in a password `/` is written %2F, `@` %40, "
            "`#` %23, `?` %3F"
        ) from None


def with_driver(uri: str) -> str:
    """The URI with the one PostgreSQL driver that the project installs; SQLAlchemy's own choice changes."""
    return uri.replace("postgresql://", "postgresql+psycopg2://", 1) if uri.startswith("postgresql://") else uri


def masked(uri: str) -> str:
    """The URI without its password."""
    password = urlsplit(uri).password
    return uri.replace(f":{password}@", ":***@") if password else uri


def sqlite_file(uri: str) -> Path | None:
    """The file of an SQLite URI, else None."""
    parts = urlsplit(uri)
    return Path(parts.path[1:]).absolute() if parts.scheme.startswith("sqlite") and len(parts.path) > 1 else None


def knock(uri: str, what: str = "MLflow") -> None:
    """Looks whether `what` listens at the address, for seconds: MLflow itself would try for minutes.

    Raises UnavailableError when nobody listens.
    """
    parts = urlsplit(uri)
    port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
    if port is None or parts.hostname is None:
        return
    try:
        socket.create_connection((parts.hostname, port), timeout=_KNOCK_SECONDS).close()
    except OSError as error:
        then = ", then `normsweep sync` catches up" if what == "MLflow" else ""
        raise UnavailableError(
            f"{what} at {masked(uri)} cannot be reached ({error.strerror or error}): start it{then}"
        ) from error


def artifact_location(experiment: str) -> str:
    """The artifact location of a new experiment."""
    return f"{_ARTIFACTS}:/{experiment}"


def put_artifact(folder: Path, uri: str, path: Path) -> bool:
    """Copies the file into the run of that artifact URI below `folder`; False for a URI of another kind."""
    parts = urlsplit(uri)
    if parts.scheme != _ARTIFACTS:
        return False
    replace(folder / parts.path.lstrip("/") / path.name, path.read_bytes())
    return True


def make_relative(database: Path) -> None:
    """Renames the absolute locations that MLflow or 0.1.0 gave the experiments of a workspace's SQLite file. Those of a
    user's own experiments stay. sqlite3.OperationalError for a file that cannot be written now."""
    with closing(sqlite3.connect(database, timeout=60.0)) as connection, connection:
        for experiment, name, old, runs in connection.execute(
            "SELECT experiment_id, name, artifact_location, "
            "(SELECT count(*) FROM runs WHERE runs.experiment_id = experiments.experiment_id) FROM experiments"
        ).fetchall():
            new = _relative(experiment, name, old or "", runs)
            if new:
                connection.execute(
                    "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (new, experiment)
                )
                connection.execute(
                    "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) WHERE experiment_id = ? "
                    "AND substr(artifact_uri, 1, ?) = ?",
                    (new.removesuffix("/"), len(old) + 1, experiment, len(old), old),
                )


def _relative(experiment: int, name: str, old: str, runs: int) -> str:
    """The new location; empty for one that is relative already, or is none of ours."""
    if urlsplit(old).scheme not in ("", "file"):
        return ""
    if experiment == 0:  # MLflow's own, named after the working folder of who made the tables; we put no run there
        return "" if runs else artifact_location(str(experiment))
    ours = old.endswith((_PLACE, f"{_PLACE}/{name}"))  # 0.1.0 had one for all, or one for each
    return f"{_ARTIFACTS}:{old.rpartition(_PLACE)[2] or '/'}" if ours else ""
