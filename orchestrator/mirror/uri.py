"""Where MLflow is: the tracking URI of a workspace, fit to be shown, and a quick look whether anybody answers there."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.store.workspace import Workspace
from sweeps.errors import UnavailableError, UsageError

NONE = "none"  # shows the results nowhere
_SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql")
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}
_KNOCK_SECONDS = 3.0


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
