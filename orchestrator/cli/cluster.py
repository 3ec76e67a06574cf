"""The verbs that need a SLURM cluster, and the drill, which can do with one."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import (
    DEFAULT_ROOT,
    Root,
    Set,
    Sweep,
    Where,
    Yes,
    confirmation,
    selector_of,
    spec_of,
    store_at,
)

slurm_app = typer.Typer()


@slurm_app.command()
def submit(
    sweep: Sweep,
    site: Annotated[Path, typer.Option("--site", help="site file; `normsweep init --site FILE` writes one")],
    allocations: Annotated[int, typer.Option(min=1, help="SLURM jobs that should wait or run")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="nodes of each SLURM job")] = 1,
    workspace: Root = DEFAULT_ROOT,
    set_: Set = None,
    where: Where = None,
    yes: Yes = False,
) -> None:
    """Have SLURM jobs train the trials that have no result. Repeat at will: only missing jobs are submitted."""
    from orchestrator.cluster.site import load
    from orchestrator.cluster.submit import submit_sweep
    from sweeps.file.clauses import valid

    profile = load(site)
    spec, chosen = spec_of(sweep, set_), valid(selector_of(where))
    confirm = confirmation(set_, yes)
    submit_sweep(store_at(workspace), spec, profile, allocations, nodes, print, chosen, confirm)


@slurm_app.command()
def drill(
    site: Annotated[
        Path | None, typer.Option("--site", help="site file: run on SLURM; default: on this machine")
    ] = None,
    workspace: Root = DEFAULT_ROOT,
    times: Annotated[int, typer.Option(min=1, help="how often the pack is interrupted")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="epochs of the small pack; more make it last longer")] = 2000,
    seed: Annotated[int, typer.Option(help="seed of the times at which it is interrupted")] = 0,
) -> None:
    """Interrupt a small pack on purpose and compare its results with undisturbed ones. Exit code 4 if they differ."""
    from orchestrator.cluster.site import load
    from orchestrator.steer.drill import drill as interrupt

    if site:
        load(site)  # what is wrong with it is said before anything is trained
    folder = store_at(workspace).workspace.root / f"drill-{secrets.token_hex(4)}"
    result = interrupt(folder, site and site.resolve(), times, epochs, seed, print)
    print(result)
    if result.differing:
        print(f"see {folder}")
        raise typer.Exit(4)


@slurm_app.command()
def init(
    site: Annotated[Path, typer.Option("--site", help="where to write the site file")],
) -> None:
    """Write a commented site file from what SLURM says of this cluster."""
    from orchestrator.cluster.site import write

    write(site)
    print(f"{site}: check partition, account and limits, then `normsweep submit SWEEP --site {site}`")
