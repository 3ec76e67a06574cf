"""The verbs that need a SLURM cluster, and the drill, which can do with one."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import (
    DEFAULT_ROOT,
    FAILURES,
    Json,
    Root,
    SameResults,
    Set,
    Trained,
    Where,
    Yes,
    confirmation,
    number,
    print_answer,
    selector_of,
    spec_of,
    store_at,
    teller,
)

slurm_app = typer.Typer()


@slurm_app.command()
def submit(
    sweep: Trained,
    site: Annotated[Path, typer.Option("--site", help="site file; `normsweep init --site FILE` writes one")],
    allocations: Annotated[int, number("--allocations", "SLURM jobs that should wait or run", 1)] = 1,
    nodes: Annotated[int, number("--nodes", "nodes of each SLURM job", 1)] = 1,
    workspace: Root = DEFAULT_ROOT,
    set_: Set = None,
    where: Where = None,
    same_results: SameResults = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Have SLURM jobs train the trials that have no result. Repeat at will: only missing jobs are submitted."""
    from orchestrator.cluster.site import load
    from orchestrator.cluster.submit import submit_sweep
    from sweeps.file.clauses import valid

    profile = load(site)
    store, chosen = store_at(workspace), valid(selector_of(where))
    spec = spec_of(sweep, set_, store)
    confirm = confirmation(set_, yes, json_)
    jobs = submit_sweep(store, spec, profile, allocations, nodes, teller(json_), chosen, confirm, same_results)
    if json_:
        print_answer({"sweep": spec.name, "submitted": jobs}, True)


@slurm_app.command()
def drill(
    site: Annotated[
        Path | None, typer.Option("--site", help="site file: run on SLURM; default: on this machine")
    ] = None,
    workspace: Root = DEFAULT_ROOT,
    times: Annotated[int, number("--times", "how often the pack is interrupted", 1)] = 3,
    epochs: Annotated[int, number("--epochs", "epochs of the small pack; more make it last longer", 1)] = 2000,
    seed: Annotated[int, number("--seed", "seed of the times at which it is interrupted")] = 0,
    json_: Json = False,
) -> None:
    """Interrupt a small pack on purpose and compare its results with undisturbed ones. Exit code 4 if they differ."""
    from orchestrator.cluster.site import load
    from orchestrator.steer.drill import drill as interrupt

    if site:
        load(site)  # what is wrong with it is said before anything is trained
    folder = store_at(workspace).workspace.root / f"drill-{secrets.token_hex(4)}"
    tell = teller(json_)
    result = interrupt(folder, site and site.resolve(), times, epochs, seed, tell)
    tell(str(result))
    if json_:
        print_answer({**asdict(result), "folder": str(folder) if result.differing else None}, True)
    if result.differing:
        tell(f"see {folder}")
        raise typer.Exit(FAILURES)


@slurm_app.command()
def init(
    site: Annotated[Path, typer.Option("--site", help="where to write the site file")],
    json_: Json = False,
) -> None:
    """Write a commented site file from what SLURM says of this cluster."""
    from orchestrator.cluster.site import write

    write(site)
    teller(json_)(f"{site}: check partition, account and limits, then `normsweep submit SWEEP --site {site}`")
    if json_:
        print_answer({"site": str(site)}, True)
