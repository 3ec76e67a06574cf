"""Folders of data sets for the tests, and a server that misbehaves on demand."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trainers import data

SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of data sets and an empty cache of facts."""
    monkeypatch.setenv("NORMSWEEP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of the real UCI sets."""
    named = os.environ.get("NORMSWEEP_DATA")
    folder = Path(named) if named else SHARED
    if not (folder / "uci").is_dir():
        pytest.skip("needs the UCI sets: `normsweep data fetch uci44`, or NORMSWEEP_DATA=FOLDER")
    return folder.resolve()


@pytest.fixture
def real(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real sets as the folder of data sets, with an empty cache of facts."""
    monkeypatch.setenv("NORMSWEEP_DATA", str(published))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return published


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """small(name, n=…, classes=…): the registry speaks of a set of another size."""

    def change(name: str, **figures: object) -> None:
        monkeypatch.setitem(data.REGISTRY, name, replace(data.REGISTRY[name], **figures))  # type: ignore[arg-type]

    return change


@dataclass
class Server:
    """Files by name. `cut`: answers that break off half way; `etag`, `ranges`: what the server supports."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut: int = 0
    errors: int = 0
    etag: str | None = '"1"'
    ranges: bool = True
    seconds: float = 0.0
    requests: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            state.requests.append((name, self.headers.get("Range", "")))
            content = state.files.get(name)
            if content is None or state.errors > 0:
                state.errors -= content is not None
                self.send_error(404 if content is None else 503)
                return
            first = 0
            asked = self.headers.get("Range")
            if asked and state.ranges and self.headers.get("If-Range") == state.etag:
                first = int(asked.removeprefix("bytes=").rstrip("-"))
                if first >= len(content):
                    self.send_error(416)
                    return
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(content) - first))
            if state.etag:
                self.send_header("ETag", state.etag)
            self.end_headers()
            time.sleep(state.seconds)
            if state.cut > 0:
                state.cut -= 1
                self.wfile.write(content[first : first + (len(content) - first) // 2])
                self.wfile.flush()
                self.connection.close()
            else:
                self.wfile.write(content[first:])

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Quiet(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{running.server_port}/mirror"
        yield state
        running.shutdown()
        thread.join()
