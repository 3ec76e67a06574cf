"""A PostgreSQL of Debian's package, in a folder of its own, on a free port of loopback."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
PASSWORD = "open sesame:/@"  # must be quoted in a URI
QUOTED = "open%20sesame%3A%2F%40"


@contextmanager
def cluster() -> Generator[str]:
    """Yields the URI of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="normsweep-pg-"))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    as_postgres: list[str] = []
    if os.getuid() == 0:  # which PostgreSQL refuses
        user = pwd.getpwnam("postgres")
        for path in (folder, secret):
            os.chown(path, user.pw_uid, user.pw_gid)
        as_postgres = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, programs = folder / "data", PROGRAMS[-1].parent
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"

    def run(program: str, *arguments: str) -> None:
        command = [*as_postgres, str(programs / program), "-D", str(data), *arguments]
        done = subprocess.run(command, capture_output=program == "initdb", text=True, cwd=folder, timeout=120)
        assert done.returncode == 0, done.stderr

    run("initdb", "-U", "mlflow", "-A", "scram-sha-256", f"--pwfile={secret}")
    run("pg_ctl", "-w", "-s", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://mlflow:{QUOTED}@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-w", "-s", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def new_database(uri: str) -> str:
    """Creates a database of a fresh name in the cluster; returns its URI."""
    import psycopg2

    name = f"test_{secrets.token_hex(4)}"
    connection = psycopg2.connect(uri)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return uri.rpartition("/")[0] + f"/{name}"
