"""Whether the packs of a sweep find the room that they need: asked before anything starts."""

from __future__ import annotations

from sweeps.errors import UsageError
from sweeps.file.spec import SweepSpec
from trainers.compiling.compiler import needs_compiler


def on_machine(spec: SweepSpec, cores: int, gpus: int) -> None:
    """UsageError when a pack of the sweep needs more cores or GPUs than these, or a C++ compiler that is missing."""
    run = spec.run
    if run.compile:
        needs_compiler()
    if run.gpus * run.devices > gpus:
        each = f" for each of {run.devices} devices" if run.devices > 1 else ""
        raise UsageError(
            f"a pack of {spec.name} needs {run.gpus:g} GPUs{each}, this run has {gpus}: give it more (--gpus), or "
            "train on CPUs (--set run.gpus=0)"
        )
    if run.devices > 1 and run.cpus * run.devices > cores:
        raise UsageError(
            f"a pack of {spec.name} needs {run.cpus} cores for each of {run.devices} devices, this run has {cores}: "
            "give it more (--cpus), or lower run.devices or run.cpus"
        )


def on_nodes(spec: SweepSpec, cpus: int, gpus: int, nodes: int) -> None:
    """UsageError when a pack of the sweep has no room in an allocation of `nodes` with so much each."""
    run = spec.run
    if run.cpus > cpus or run.gpus > gpus:
        raise UsageError(
            f"a pack of sweep {spec.name} needs {run.cpus} cores and {run.gpus:g} GPUs, a node of the site file has "
            f"{cpus} and {gpus}: raise `cpus` or `gpus` there, or lower run.cpus or run.gpus"
        )
    each = min(cpus // run.cpus, int(gpus / run.gpus) if run.gpus else cpus)
    if run.devices > nodes * each:
        raise UsageError(
            f"a pack of sweep {spec.name} needs {run.devices} devices with {run.cpus} cores and {run.gpus:g} GPUs "
            f"each, an allocation of {nodes} nodes has room for {nodes * each}: ask for more nodes or lower run.devices"
        )
