"""What Ray runs for each worker: asks the process that forks for one and ends, or becomes a worker as Ray starts them.

A script that imports little, as it runs before every worker.
"""

import fcntl
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

IMPORTS = "NORMSWEEP_WORKER_IMPORTS"  # the modules that workers need, with spaces between; without it none is forked
START_SECONDS = 10.0  # for the process that forks to listen
READY_SECONDS = 50.0  # for it to have imported everything; Ray waits a minute for a worker
READY, GO = b"r", b"g"


def meeting_place(arguments: Sequence[str]) -> Path:
    """The socket of the process that forks for the raylet of these arguments: beside the raylet's own."""
    (raylet,) = [Path(a.partition("=")[2]) for a in arguments if a.startswith("--raylet-name=")]
    return raylet.with_name(raylet.name.replace("raylet", "forks"))


def request(arguments: Sequence[str]) -> bytes:
    """What a worker is to have of this process: how many arguments, these, its folder, its process group, its
    environment; zeros between. Ray ends the group with the worker."""
    words = [str(len(arguments)), *arguments, str(Path.cwd()), str(os.getpgid(0))]
    return b"\0".join([*map(os.fsencode, words), *(name + b"=" + value for name, value in os.environb.items())])


def connected(place: Path) -> socket.socket:
    """To the process that forks. When none answers, this process becomes it, a child of the raylet and in its process
    group; a fork of this one goes on."""
    until, begun = time.monotonic() + START_SECONDS, False
    with Path(f"{place}.lock").open("a") as lock:
        while True:
            mine = _locked(lock)  # before the call: who is alone and gets no answer is the one to begin
            try:
                return _call(place)
            except OSError:
                if time.monotonic() > until:
                    raise
            if mine and not begun:
                begun = True
                if os.fork():
                    os.setpgid(0, os.getpgid(os.getppid()))
                    os.execv(sys.executable, [sys.executable, "-P", "-m", "slurm.workers.forks", str(place)])  # noqa: S606
            time.sleep(0.01)


def _locked(file: IO[str]) -> bool:
    """Takes the lock, or finds that it has it; never waits for somebody who may be stopped."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _call(place: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(READY_SECONDS)
        line.connect(str(place))
    except OSError:
        line.close()
        raise
    return line


def forked(arguments: Sequence[str]) -> bool:
    """Whether a worker is forked. Nothing is before we said so, and what is forked says so: there are never two."""
    for _ in range(2):  # the process that forks may die, and another take its place
        try:
            with connected(meeting_place(arguments)) as line:
                wanted = request(arguments)
                socket.send_fds(line, [len(wanted).to_bytes(8, "big")], [0, 1, 2])
                line.sendall(wanted)
                if line.recv(1) == READY:
                    line.sendall(GO)
                    if _joined(line):
                        return True
        except ConnectionError:
            pass
        except OSError:
            break
    return False


def _joined(line: socket.socket) -> bool:
    """Whether a fork is in our process group, which is over with us: false when there is none, nor will be."""
    try:
        return line.recv(1) == READY
    except TimeoutError:  # somebody was stopped in this moment
        return True


def main(arguments: Sequence[str]) -> None:
    if sys.platform == "linux" and os.environ.get(IMPORTS) and forked(arguments):
        return
    os.execv(sys.executable, [sys.executable, rays_own(), *arguments])  # noqa: S606


def rays_own() -> str:
    """The script that Ray runs for a worker, found without an import of Ray."""
    from importlib.util import find_spec

    ray = find_spec("ray")
    assert ray is not None
    return str(Path(str(ray.origin)).with_name("_private") / "workers" / "default_worker.py")


if __name__ == "__main__":
    main(sys.argv[1:])
