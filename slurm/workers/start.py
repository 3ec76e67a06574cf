"""`ray start` and `ray.init` without what packs do not need of Ray, and with workers that are forks."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from slurm.workers import launcher


def lean_ray() -> None:
    """Has a Ray that this process starts launch workers by `launcher`, and follow no worker's log."""
    from ray._private import parameter

    parameters = cast(Any, parameter)
    parameters.RayParams = partial(parameters.RayParams, worker_path=launcher.__file__, include_log_monitor=False)


def main() -> None:
    from ray.scripts import scripts

    lean_ray()
    cast(Any, scripts).main()
