"""A sweep in which something goes wrong: python -m tests.chaos.failing_run FILE WORKSPACE [endless].

One trial always raises at its second epoch; or batch norm never comes to an end, in the first process that has called
it 500 times. Without arguments it is the driver of such a run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from orchestrator.cli.live import Terminal
from orchestrator.engine import child
from orchestrator.engine.run import run
from orchestrator.store import Store
from sweeps.file.spec import load_spec

NAME = "tests.chaos.failing_run"
FAULT = "FAULT_OF_THE_RUN"  # in the driver's environment


def main(file: str, workspace: str, fault: str = "") -> int:
    os.environ[FAULT] = fault
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])  # a driver sees no working folder
    store, watcher, cores = Store.at(workspace), Terminal(Console()), len(os.sched_getaffinity(0))
    return run(store, load_spec(file), watcher, cpus=cores, tracking_uri="none", driver=NAME).exit_code


def drive() -> int:
    from orchestrator.engine import local

    local_ray = local.local_ray

    def with_culprit(*arguments: Any) -> Any:
        cluster = local_ray(*arguments)
        folder = cluster.__enter__()  # ray may be imported from here on

        import ray.cloudpickle

        from orchestrator.engine import remote

        class Endless(remote.PackTrainable):
            def step(self) -> dict[str, Any]:
                from pathlib import Path

                from trainers.normalizers.batch_statistics.batch import BatchNorm
                from trainers.pack import PackTrainer

                PackTrainer._is_ours = lambda _: False  # as with a method of one's own: its steps are not recorded
                after, mark, calls = BatchNorm.after, Path(self._task.root) / "endless", iter(range(1000))

                def endless_once(method: BatchNorm, u: Any) -> Any:
                    while next(calls, 1000) > 500 and (not mark.exists() or mark.read_text() == str(os.getpid())):
                        if not mark.exists():
                            mark.with_suffix(".new").write_text(str(os.getpid()))
                            mark.with_suffix(".new").rename(mark)
                    return after(method, u)

                BatchNorm.after = endless_once
                try:
                    return super().step()
                finally:
                    BatchNorm.after = after

        class Culprit(remote.PackTrainable):
            def step(self) -> dict[str, Any]:
                from orchestrator.engine.remote import PackJob

                trials = self._task.pack.trials
                work = PackJob.work

                def work_until_the_second_epoch(job: PackJob, seconds: float) -> str:
                    while job.trainer.epoch < 1 and not job.trainer.finished:
                        job.trainer.advance(0)
                    raise RuntimeError("seed 1 of bn cannot be trained")

                if any(t.seed == 1 and t.normalizer.name == "bn" for t in trials):
                    PackJob.work = work_until_the_second_epoch
                try:
                    return super().step()
                finally:
                    PackJob.work = work

        remote.PackTrainable = Endless if os.environ[FAULT] == "endless" else Culprit  # type: ignore[misc]
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        with_culprit.cluster = cluster  # type: ignore[attr-defined]
        return Opened(cluster, folder)

    local.local_ray = with_culprit  # type: ignore[assignment]
    return child.main()


class Opened:
    def __init__(self, cluster: Any, folder: Any) -> None:
        self._cluster, self._folder = cluster, folder

    def __enter__(self) -> Any:
        return self._folder

    def __exit__(self, *error: Any) -> None:
        self._cluster.__exit__(*error)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if sys.argv[1:] else drive())
