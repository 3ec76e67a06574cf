"""A process that trains all trials of a sweep, for `sweep.py`: with Ray Tune or joblib.

Arguments: how (`tune`, `tune-reuse`, `joblib`), the folder of `trials.json` and the data sets, cores, seconds. Each
finished trial is a line of `done.jsonl` there; `began.json` has the seconds that passed before the first could begin.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BEGAN = time.monotonic()


def tuned(trials: list[dict[str, Any]], folder: Path, cores: int, seconds: float, reuse: bool) -> Iterator[Any]:
    import ray
    from ray import tune

    class Training(tune.Trainable):
        """One epoch a step; torch and the data are there when it is used again."""

        def setup(self, config: dict[str, Any]) -> None:
            import torch

            from benchmarks.contenders import training

            torch.set_num_threads(1)
            self.selected = training.selected
            self.epochs = training.epochs
            self.reset_config(config)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.settings, self.curve = new_config, []
            self.rest = self.epochs(new_config, folder)
            return True

        def step(self) -> dict[str, Any]:
            self.curve.append(next(self.rest))
            done = len(self.curve) == self.settings["epochs"]
            test_error = self.selected(self.curve, self.settings["smoothing"]) if done else None
            return {**self.curve[-1], "test_error": test_error, "done": done}

    ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False)
    began(folder)
    results = tune.Tuner(
        tune.with_resources(Training, {"cpu": 1}),
        param_space=tune.grid_search(trials),
        tune_config=tune.TuneConfig(reuse_actors=reuse, time_budget_s=seconds - (time.monotonic() - BEGAN)),
        run_config=tune.RunConfig(storage_path=str(folder / "tune"), verbose=0),
    ).fit()
    for result in results:
        if result.metrics and result.metrics.get("test_error") is not None:
            yield result.config["id"], result.metrics["test_error"]


def parallel(trials: list[dict[str, Any]], folder: Path, cores: int, seconds: float) -> Iterator[Any]:
    from joblib import Parallel, delayed

    began(folder)
    for found in Parallel(n_jobs=cores, return_as="generator_unordered")(delayed(one)(t, folder) for t in trials):
        yield found
        if time.monotonic() - BEGAN > seconds:
            return


def one(settings: dict[str, Any], folder: Path) -> tuple[str, float]:
    import torch

    from benchmarks.contenders import training

    torch.set_num_threads(1)
    return settings["id"], training.selected(list(training.epochs(settings, folder)), settings["smoothing"])


def began(folder: Path) -> None:
    (folder / "began.json").write_text(json.dumps(time.monotonic() - BEGAN))


def main() -> None:
    how, folder, cores, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    trials = json.loads((folder / "trials.json").read_text())
    if how == "joblib":
        found = parallel(trials, folder, cores, seconds)
    else:
        found = tuned(trials, folder, cores, seconds, reuse=how == "tune-reuse")
    with (folder / "done.jsonl").open("w") as lines:
        for trial, error in found:
            lines.write(json.dumps([trial, error]) + "\n")


if __name__ == "__main__":
    main()
