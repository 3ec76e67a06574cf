"""SLURM: jobs, hosts and Ray clusters; knows nothing of machine learning.

What others may use is in `__all__`; each name is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slurm.errors import NoSlurm, SiteError, SlurmError, Unanswered
    from slurm.keys import schema as site_schema
    from slurm.partitions import site_file
    from slurm.profile import Profile
    from slurm.profile import load as load_profile

__all__ = [
    "NoSlurm",
    "Profile",
    "SiteError",
    "SlurmError",
    "Unanswered",
    "load_profile",
    "site_file",
    "site_schema",
]

_HOMES = {
    "Profile": "profile",
    "load_profile": "profile:load",
    "site_file": "partitions",
    "site_schema": "keys:schema",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, own = _HOMES.get(name, "errors").partition(":")
    return getattr(import_module(f"{__name__}.{module}"), own or name)


def __dir__() -> list[str]:
    return sorted(__all__)
