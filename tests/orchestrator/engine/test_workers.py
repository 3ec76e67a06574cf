"""Ray's workers here: forks of one process that has imported torch, and others when that one is gone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, os, signal, subprocess, sys, time
import psutil
from orchestrator.engine.local import local_ray

with local_ray(1, 0) as folder:
    import ray

    @ray.remote(num_cpus=1)
    class Worker:
        def seen(self):
            began = time.process_time()
            import torch
            from orchestrator.engine.remote import PackTrainable
            parent, child = psutil.Process(os.getppid()), subprocess.Popen(["sleep", "600"])
            return dict(
                parent=parent.pid, command=parent.cmdline()[1:],
                name=open("/proc/self/comm").read().strip(), seconds=time.process_time() - began,
                own=os.getpid(), child=child.pid, grandparent=parent.parent().name(),
            )

    def living(pid):
        return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

    def seen(stopped=False):
        worker = Worker.remote()
        found = ray.get(worker.seen.remote())
        if stopped:
            os.kill(found["own"], signal.SIGSTOP)
        ray.kill(worker)
        until = time.monotonic() + 30
        while living(found["own"]) or living(found["child"]):  # Ray ends it, and what it started
            assert time.monotonic() < until
            time.sleep(0.1)
        return found

    first, second = seen(), seen(stopped=True)
    os.kill(first["parent"], signal.SIGKILL)
    third = seen()
print(json.dumps([first, second, third]))
until = time.monotonic() + 10
while living(third["parent"]):
    assert time.monotonic() < until, "it outlives its Ray"
    time.sleep(0.1)
"""


@pytest.mark.kill
def test_workers_are_forks_of_a_process_that_may_die() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second, third = json.loads(done.stdout.splitlines()[-1])
    assert first["command"][:3] == ["-P", "-m", "slurm.workers.forks"]
    assert first["parent"] == second["parent"] != third["parent"]
    assert first["own"] != second["own"]
    assert third["command"] == first["command"]
    for worker in (first, second, third):
        assert worker["seconds"] < 0.5  # of seconds that an import of torch takes
        assert worker["name"].startswith("ray::Worker")
        assert worker["grandparent"] == "raylet"
