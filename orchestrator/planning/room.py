"""Whether the packs of a sweep find the room that they need: asked before anything starts."""

from __future__ import annotations

from sweeps.errors import UsageError
from sweeps.spec import SweepSpec
from trainers.compiler import needs_compiler


def on_machine(spec: SweepSpec, cores: int, gpus: int) -> None:
    """UsageError when a pack of the sweep would wait for ever on so many cores and GPUs, or for a C++ compiler."""
    run = spec.run
    if run.compile:
        needs_compiler()
    if run.gpus * run.devices > gpus:
        each = f" on each of run.devices={run.devices}" if run.devices > 1 else ""
        raise UsageError(
            f"run.gpus={run.gpus:g}{each}: a pack of {spec.name} would wait for ever on the {gpus} GPUs of this run; "
            "give it more (--gpus) or train on cores (--set run.gpus=0)"
        )
    if run.devices > 1 and run.cpus * run.devices > cores:
        raise UsageError(
            f"run.devices={run.devices} with {run.cpus} cores each: a pack of {spec.name} would wait for ever on the "
            f"{cores} cores of this run; give it more (--cpus) or take fewer devices"
        )


def on_nodes(spec: SweepSpec, cpus: int, gpus: int, nodes: int) -> None:
    """UsageError when a pack of the sweep would wait for ever in an allocation of `nodes` with so much each."""
    run = spec.run
    if run.cpus > cpus or run.gpus > gpus:
        raise UsageError(
            f"a pack of sweep {spec.name} needs {run.cpus} cores and {run.gpus:g} GPUs, a node of the site file has "
            f"{cpus} and {gpus}: raise `cpus` or `gpus` there, or lower run.cpus or run.gpus"
        )
    each = min(cpus // run.cpus, int(gpus / run.gpus) if run.gpus else cpus)
    if run.devices > nodes * each:
        raise UsageError(
            f"run.devices={run.devices}: an allocation of {nodes} nodes has room for {nodes * each} devices with "
            f"{run.cpus} cores and {run.gpus:g} GPUs each: ask for more nodes or take fewer devices"
        )
