"""An MLflow server of a workspace: on loopback, over SQLite or PostgreSQL, with a password on request."""

from __future__ import annotations

import dataclasses
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from orchestrator.mirror.uri import check_address, knock, masked, sqlite_file, with_driver, workspace_uri
from orchestrator.store.codec import Format
from orchestrator.store.files import replaced_whole
from orchestrator.store.owner import Owner, myself, started
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError

HOST = "127.0.0.1"
PORT = 5000
USER = "admin"
LOG = "mlflow-server"
_START_SECONDS = 180.0  # PostgreSQL's tables are made within it
_STOP_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A running server; `backend` is shown without its password; `folder`: the inode of the workspace's folder for
    MLflow, which a copy of the workspace has not. 0: not known."""

    uri: str
    backend: str
    password_file: str | None
    owner: Owner
    folder: int = 0

    @property
    def alive(self) -> bool:
        """Whether its process runs; of another host nobody knows, so it counts as alive."""
        me = myself()
        if (self.owner.boot, self.owner.namespace) == (me.boot, me.namespace):
            return started(self.owner.pid) == self.owner.started
        return self.owner.host != me.host


SERVER = Format(
    record="MLflow server",
    schema=1,
    type=Server,
    remedy="end the MLflow server that it tells of, if one runs, and delete the file",
)


def running(workspace: Workspace) -> Server | None:
    """The server that was started for the workspace, if it still runs.

    Raises UsageError when it is another host's, DamagedError when its file cannot be read.
    """
    try:
        server = SERVER.read(_state(workspace))
    except FileNotFoundError:
        return None
    if server.alive and server.owner.host != myself().host:
        raise UsageError(f"an MLflow server of this workspace was started on {server.owner.host}: stop it there")
    return server if server.alive and server.folder in (0, workspace.mlflow.stat().st_ino) else None


def up(workspace: Workspace, *, backend: str | None = None, port: int = PORT, password: bool = False) -> Server:
    """Starts a server and waits until it answers; returns the running one where there is one.

    `backend`: a database's URI, by default the workspace's SQLite file. Its password reaches the server by its
    environment, never by a command line, a log or the state file. `port` 0: any free one. `password`: MLflow's basic
    authentication for the user `admin`, with a password made here. Raises UsageError for an invalid backend or port and
    when the server does not come up, UnavailableError when nobody listens at the database's address, DamagedError when
    the file of an earlier server cannot be read.
    """
    if (server := running(workspace)) is not None:
        return server
    backend = backend or workspace_uri(workspace)
    _check(backend, password)
    port = _free(port)
    uri = f"http://{HOST}:{port}"
    workspace.mlflow.mkdir(parents=True, exist_ok=True)
    if (file := sqlite_file(backend)) is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "MLFLOW_BACKEND_STORE_URI": with_driver(backend),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # a process of its own that nothing of ours asks
        **(_authentication(workspace) if password else {}),
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "2"]
    command += ["--artifacts-destination", str(workspace.mlflow / "artifacts")]
    command += ["--app-name", "basic-auth"] if password else []
    log = workspace.log(LOG)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=workspace.mlflow,
            env=environment,
            start_new_session=True,
        )
    server = Server(
        uri=uri,
        backend=masked(backend),
        password_file=str(_password(workspace)) if password else None,
        owner=dataclasses.replace(myself(), pid=process.pid, started=started(process.pid) or 0),
        folder=workspace.mlflow.stat().st_ino,
    )
    _write_privately(_state(workspace), SERVER.encode(server).decode())
    try:
        _wait(process, uri, log)
    except BaseException:
        _end(process.pid)
        _state(workspace).unlink()
        raise
    finally:
        process.returncode = 0  # it outlives this process: `down` ends it, whoever calls that
    return server


def down(workspace: Workspace) -> bool:
    """Stops the server and all its processes; False when none ran. Raises what `running` raises."""
    server = running(workspace)
    if server is not None:
        _end(server.owner.pid)
    _state(workspace).unlink(missing_ok=True)
    return server is not None


def _end(group: int) -> None:
    """Ends all processes of the server's group, and waits for them."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + _STOP_SECONDS
        with suppress(ProcessLookupError):
            os.killpg(group, number)
            while time.monotonic() < until:
                with suppress(ChildProcessError):  # when it was started by another process
                    os.waitpid(group, os.WNOHANG)
                os.killpg(group, 0)
                time.sleep(0.05)


def credentials(workspace: Workspace, uri: str) -> dict[str, str]:
    """The environment that lets this user's MLflow client into the workspace's own server; empty for any other.

    Raises what `running` raises, for an address on loopback.
    """
    server = running(workspace) if uri.startswith(f"http://{HOST}:") else None
    if server is None or server.uri != uri or server.password_file is None:
        return {}
    password = Path(server.password_file).read_text()
    return {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": password}


def _check(backend: str, password: bool) -> None:
    check_address(backend)
    if backend.startswith("http"):
        raise UsageError(f"a server's backend is a database, sqlite:///... or postgresql://..., but got '{backend}'")
    needed = {"psycopg2": backend.startswith("postgresql://"), "flask_wtf": password}
    knock(backend, "the database")
    if missing := [name for name, need in needed.items() if need and find_spec(name) is None]:
        raise UsageError(f"the server needs the package {missing[0]}: pip install 'normsweep[server]'")


def _free(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UsageError(f"port {port} of {HOST} is not free ({error.strerror}): choose another, or 0") from None
        return probe.getsockname()[1]


def _authentication(workspace: Workspace) -> dict[str, str]:
    """Makes the password once, and MLflow's own file about it; both are for this user only."""
    path = _password(workspace)
    if not path.exists():
        _write_privately(path, secrets.token_urlsafe(24))
    config = workspace.mlflow / "auth.ini"
    lines = {
        "default_permission": "READ",
        "database_uri": f"sqlite:///{workspace.mlflow / 'auth.db'}",
        "admin_username": USER,
        "admin_password": path.read_text(),
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        "auth_cache_ttl_seconds": "60",
    }
    _write_privately(config, "[mlflow]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items()))
    return {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32)}


def _wait(process: subprocess.Popen[bytes], uri: str, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if started(process.pid) is None:
            break
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"{uri}/health", timeout=5).close()  # noqa: S310 (our own http address)
            return
        time.sleep(0.1)
    last = [line for line in log.read_text(errors="replace").splitlines() if line]
    raise UsageError(f"the MLflow server did not come up, see {log}: {last[-1] if last else 'it said nothing'}")


def _write_privately(path: Path, text: str) -> None:
    with replaced_whole(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(text)


def _state(workspace: Workspace) -> Path:
    return workspace.mlflow / "server.json"


def _password(workspace: Workspace) -> Path:
    return workspace.mlflow / "password"
