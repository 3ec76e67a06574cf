"""What a step of training costs on the whole machine: packs, and other ways to train the same networks, in turn.

    python benchmarks/packing.py                                  # every method, depths 4, 8 and 16: some minutes
    python benchmarks/packing.py --methods none bn --depths 8 --packs 16 --rounds 5 --jax ~/jax/bin/python
    python benchmarks/packing.py --methods vcl --depths 8 --contenders plain packs

Networks: mlps of width 256 on 122 features, batches of 20, plain SGD. One process of one thread a core trains each
contender, all cores at once, while the others wait; only `jax 1x16` is one process with a thread a core. `2x16`: two
processes, each with a pack of 16. Before anything is timed, the losses of four replicas after 20 steps from the same
weights, batches and noise agree to 1e-5. Contenders take turns, round by round; the figures are medians over the rounds
of the microseconds that a step of one replica takes the whole machine, ratios the medians of the rounds' own ratios.

`plain`: torch.nn and torch.optim, one network after the other, eager. `vmap`: torch.func.vmap of its gradients. `jax`:
jit(vmap(scan)), by a Python that has JAX. `warm` and `cold`: the three matrix products a layer alone, the third one
updating the weights, of one replica again and again (its weights stay in the caches), or of 64 one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.contenders import start
from trainers import host

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("plain", "vmap", "packs", "jax", "warm", "cold")
LEAST_STEPS = 20  # in a turn
COLD = 64  # replicas, more than the caches hold


class Process:
    """A process that trains, on some cores."""

    def __init__(self, python: str, script: str, number: int, cores: Sequence[int]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(len(cores))}
        if len(cores) == 1:
            environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        words = [python, str(ROOT / "benchmarks" / "contenders" / script), str(number), ",".join(map(str, cores))]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, **request: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a process that trains has ended: {' '.join(map(str, self._process.args))}")
        return json.loads(line)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@dataclass(kw_only=True, slots=True)
class Contender:
    """`kind` of the processes' own, with so many replicas in each of `processes`."""

    name: str
    kind: str
    replicas: int
    processes: list[Process]

    def turn(self, steps: int) -> float:
        """Microseconds of the whole machine for a step of one replica."""
        begin = time.perf_counter()
        for process in self.processes:
            process.ask(train=self.name, steps=steps)
        done = [process.answer() for process in self.processes]
        return (time.perf_counter() - begin) * 1e6 / (self.replicas * sum(done))


def contenders(options: argparse.Namespace, stack: ExitStack) -> list[Contender]:
    cores = sorted(os.sched_getaffinity(0))

    def processes(python: str, script: str, groups: list[list[int]]) -> list[Process]:
        return [stack.enter_context(Process(python, script, n, group)) for n, group in enumerate(groups)]

    each = [[core] for core in cores]
    found: list[Contender] = []
    chosen = [kind for kind in options.contenders if kind != "jax"]
    if chosen:
        torch = processes(sys.executable, "torch_worker.py", each)
        sizes = {"plain": [1], "vmap": options.vmap, "packs": options.packs, "warm": [1], "cold": [COLD]}
        kinds = {"packs": "pack", "warm": "products", "cold": "products"}
        for kind in chosen:
            for size in sizes[kind]:
                name = f"{kind} {len(each)}x{size}" if kind in ("packs", "vmap") else kind
                found.append(Contender(name=name, kind=kinds.get(kind, kind), replicas=size, processes=torch))
    if options.jax and "jax" in options.contenders:
        for groups, sizes in ((each, options.jax_packs), ([cores], options.jax_whole)):
            if sizes:
                jax = processes(options.jax, "jax_worker.py", groups)
                names = [(f"jax {len(groups)}x{size}", size) for size in sizes]
                found += [Contender(name=name, kind="jax", replicas=size, processes=jax) for name, size in names]
    return found


def begin(found: list[Contender], method: str, depth: int, folder: Path) -> None:
    """Brings everybody to the same start and compares the losses after the first steps."""
    file = folder / "start.npz"
    expected = start.write(file, method, depth)
    processes = list(dict.fromkeys(process for each in found for process in each.processes))
    for process in processes:
        mine = {c.name: (c.kind, c.replicas) for c in found if process in c.processes}
        process.ask(start=str(file), method=method, depth=depth, contenders=mine)
    for answer in [process.answer() for process in processes]:
        for name, losses in answer.items():
            start.agree(f"{name} of {method}, depth {depth}", losses, expected)


def measure(found: list[Contender], method: str, depth: int, options: argparse.Namespace) -> dict[str, Any]:
    """Medians by contender, and the ratios that the results are about."""
    steps: dict[str, int] = {}
    for each in found:  # the first turn warms up and tells how many steps a turn has
        seconds = each.turn(LEAST_STEPS) * 1e-6 * each.replicas * len(each.processes)
        steps[each.name] = max(LEAST_STEPS, round(options.seconds / seconds))
    rounds = [{each.name: each.turn(steps[each.name]) for each in found} for _ in range(options.rounds)]
    medians = {each.name: statistics.median(one[each.name] for one in rounds) for each in found}

    def best(kind: str) -> str | None:
        return min((name for name in medians if name.split()[0] == kind), key=medians.__getitem__, default=None)

    def ratio(a: str | None, b: str | None) -> float | None:
        return None if a is None or b is None else statistics.median(one[a] / one[b] for one in rounds)

    packs = best("packs")
    largest = max((c for c in found if c.name.startswith("packs")), key=lambda c: c.replicas, default=None)
    return {
        "method": method,
        "depth": depth,
        "us": medians,
        "best packs": packs,
        "plain / packs": ratio(best("plain"), packs),
        "vmap / packs": ratio(best("vmap"), packs),
        "jax / packs": ratio(best("jax"), packs),
        "packs / warm": ratio(packs, best("warm")),
        "largest / best": ratio(None if largest is None else largest.name, packs),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """In Markdown; the columns of ratios have one for each that some row has."""
    names = list(rows[0]["us"])
    ratios = [key for key in rows[0] if "/" in key and rows[0][key] is not None]
    lines = [["method", "depth", *names, *ratios], ["---", *["---:"] * (1 + len(names) + len(ratios))]]
    for row in rows:
        figures = [f"{row['us'][name]:,.0f}" for name in names]
        lines.append([row["method"], str(row["depth"]), *figures, *(f"{row[key]:.2f}" for key in ratios)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=start.METHODS, default=list(start.METHODS))
    parser.add_argument("--depths", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--contenders", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--packs", type=int, nargs="+", default=[4, 8, 16, 64], help="replicas in each pack")
    parser.add_argument("--vmap", type=int, nargs="+", default=[8], help="replicas in each process")
    parser.add_argument("--jax", metavar="PYTHON", help="one that has JAX; without it JAX is left out")
    parser.add_argument("--jax-packs", type=int, nargs="*", default=[4, 16], help="replicas in a process of one thread")
    parser.add_argument("--jax-whole", type=int, nargs="*", default=[16], help="replicas in a process with all cores")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a turn, which has 20 steps at least")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    host.prepare(1)
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        found = contenders(options, stack)
        for method in options.methods:
            for depth in options.depths:
                begin(found, method, depth, Path(folder))
                rows.append(measure(found, method, depth, options))
                print(f"{method}, depth {depth}: measured", file=sys.stderr)
    print(json.dumps(rows, indent=2) if options.json else table(rows))


if __name__ == "__main__":
    main()
