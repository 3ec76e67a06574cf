"""The command line and everything that ties the other packages together."""

from importlib.util import find_spec
from pathlib import Path


def _check_siblings() -> None:
    """The five packages have common names: an `analysis.py` of somebody else's on the path must not pass for ours.

    Raises ImportError that names the intruder.
    """
    home = Path(__file__).resolve().parent.parent
    for name in ("sweeps", "trainers", "slurm", "analysis"):
        spec = find_spec(name)
        # A folder without __init__.py has no origin, only locations.
        found = [spec.origin] if spec and spec.origin else [*(spec.submodule_search_locations or ())] if spec else []
        if not found or Path(found[0]).resolve() != home / name / "__init__.py":
            raise ImportError(
                f"normsweep's package `{name}` is shadowed by {found[0] if found else 'nothing'}: "
                f"rename that, or run from a folder where it is not on sys.path"
            )


_check_siblings()
