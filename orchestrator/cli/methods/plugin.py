"""`normsweep plugin`: methods, models, optimizers of one's own, begun and checked."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import FAILURES, Json

plugin_app = typer.Typer(help="Begin and check methods, models, optimizers and more of your own.", no_args_is_help=True)


@plugin_app.command()
def check(
    file: Annotated[Path, typer.Argument(help="the Python file that declares it")],
    quick: Annotated[bool, typer.Option("--quick", help="leave out a second process and torch.compile")] = False,
    json_: Json = False,
) -> None:
    """Ask of a plug-in what a sweep would find out at night: gradients, replicas, checkpoints. Exit code 4: a fault."""
    from trainers.checking.check import check_file

    found = 0
    answers: list[dict[str, object]] = []
    for answer in check_file(file, quick=quick):
        found += len(answer.faults)
        answers.append(asdict(answer))
        if not json_:
            said = f"{answer.method}, {answer.where}: {answer.question}"
            print(f"{'FAULT' if answer.faults else 'left out' if answer.note else 'ok':<9}{said}")
            for sentence in (*answer.faults, *filter(None, [answer.note])):
                print(f"{'':<9}  {sentence}")
    if json_:
        print(json.dumps(answers, indent=2))
    else:
        print(f"{file}: " + (f"{found} fault{'s' * (found > 1)}" if found else "no fault was found"))
    if found:
        raise typer.Exit(FAILURES)


@plugin_app.command()
def new(
    kind: Annotated[
        str, typer.Argument(help="what it is: normalizer, model, activation, optimizer, schedule, augmentation")
    ],
    name: Annotated[str, typer.Argument(help="its name in sweep files: small letters, digits, '-'")],
    folder: Annotated[Path, typer.Option(help="where the files are written")] = Path(),
    json_: Json = False,
) -> None:
    """Write NAME.py, a plug-in to begin with, and test_NAME.py, its test, which passes."""
    from sweeps.plugins.new import written

    files = [str(path) for path in written(kind, name, folder)]
    print(json.dumps({"files": files}, indent=2) if json_ else "\n".join(files))
