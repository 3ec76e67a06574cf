"""The command line and everything that ties the other packages together.

For notebooks: `orchestrator.results("demo")`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["results"]


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


def results(
    sweep: str, *, workspace: str | Path = "normsweep-out", where: str = "", curves: bool = False
) -> pd.DataFrame:
    """The results of a recorded sweep so far, one row per trial, in the order of the sweep's axes.

    `where`: a selector as of `-w`, of settings and columns: `normalizer=bn lr<=0.1 state=done`. Errors are shares in
    0..1. `trial` holds every setting as JSON. `curves`: with the columns `curve_train_loss`, `curve_val_error` and
    `curve_test_error`, a list each, one value per epoch. Raises UsageError for an unknown sweep, for a selector that
    asks for what there is not, and when a part cannot be read.
    """
    from orchestrator.store import Store
    from orchestrator.store.results import whole
    from sweeps.records import CURVES
    from sweeps.select import Selector

    more = ["trial", *(CURVES if curves else ())]
    return whole(Store.at(workspace), sweep, more=more, where=Selector.parse(where)).to_pandas()
