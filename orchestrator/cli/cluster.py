"""The verbs that need a SLURM cluster, and the drill, which can do with one."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import DEFAULT_ROOT, Root, Set, Sweep, Where, selector_of, spec_of, store_at

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
    from orchestrator.cluster.site import load
    from orchestrator.cluster.submit import submit_sweep

    profile = load(site)
    submit_sweep(store_at(workspace), spec_of(sweep, set_), profile, allocations, nodes, print, selector_of(where))


@slurm_app.command()
def drill(
    site: Annotated[Path | None, typer.Option("--site", help="on SLURM, as this site file says; default: here")] = None,
    workspace: Root = DEFAULT_ROOT,
    times: Annotated[int, typer.Option(min=1, help="interruptions")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="of the small pack; more, where it is over too soon")] = 2000,
    seed: Annotated[int, typer.Option(help="of what is interrupted when")] = 0,
) -> None:
    """Interrupt a small pack on purpose; are its results the undisturbed ones? Exit code 4 when they are not."""
    from orchestrator.steer.drill import drill as interrupt

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
    """Write a commented site file, from what this cluster says of itself."""
    from orchestrator.cluster.site import write

    write(site)
    print(f"{site}: check partition, account and limits, then `normsweep submit SWEEP --site {site}`")
