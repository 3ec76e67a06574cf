"""`ray start` and `ray.init` without what packs do not need of Ray, and with workers that are forks."""

from __future__ import annotations

from typing import Any, cast

from slurm.workers import launcher

# Nobody reads what workers print, and no cluster grows.
PARAMETERS = {"worker_path": launcher.__file__, "include_log_monitor": False, "no_monitor": True}


def lean_ray() -> None:
    """Has a Ray that this process starts launch workers by `launcher`, and no log monitor, autoscaler or dashboard."""
    from ray._private import parameter, services

    known: Any = cast(Any, parameter).RayParams

    def parameters(*given: Any, **named: Any) -> Any:
        return known(*given, **(named | PARAMETERS))

    def no_dashboard(*_: Any, **__: Any) -> tuple[str, None]:
        return "", None  # its address and its process

    cast(Any, parameter).RayParams = parameters
    cast(Any, services).start_api_server = no_dashboard


def main() -> None:
    from ray.scripts import scripts

    lean_ray()
    cast(Any, scripts).main()


if __name__ == "__main__":
    main()
