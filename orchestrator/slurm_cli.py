"""The verbs that need a SLURM cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli_options import DEFAULT_ROOT, Root, Set, Sweep, Where, selector_of, spec_of, workspace_at

slurm_app = typer.Typer()


@slurm_app.command()
def submit(
    sweep: Sweep,
    site: Annotated[Path, typer.Option("--site", help="site file; `normsweep init --site FILE` writes one")],
    allocations: Annotated[int, typer.Option(min=1, help="SLURM jobs that should wait or run")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="nodes of each")] = 1,
    workspace: Root = DEFAULT_ROOT,
    set_: Set = None,
    where: Where = None,
) -> None:
    """Have SLURM jobs train what is lacking; repeat at will: only what is missing is submitted."""
    from orchestrator.submit import submit_sweep
    from slurm.profile import load

    profile = load(site)
    submit_sweep(workspace_at(workspace), spec_of(sweep, set_), profile, allocations, nodes, print, selector_of(where))


@slurm_app.command()
def init(
    site: Annotated[Path, typer.Option("--site", help="where to write the site file")],
) -> None:
    """Write a commented site file, from what this cluster says of itself."""
    from slurm.command import Unanswered
    from slurm.partitions import site_file

    try:
        text = site_file()
    except Unanswered as error:
        raise ValueError(error) from None
    try:
        with site.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ValueError(f"{site} exists: it is left as it is") from None
    print(f"{site}: check partition, account and limits, then `normsweep submit SWEEP --site {site}`")
