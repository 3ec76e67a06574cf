"""What the verbs of the command line share: options, how they are read, how an answer is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import completion
from sweeps.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.store import Store
    from sweeps.file.spec import SweepSpec
    from sweeps.select import Selector

Sweep = Annotated[str, typer.Argument(help="a preset's name or a sweep file (.yaml)", autocompletion=completion.sweeps)]
Trained = Annotated[
    str,
    typer.Argument(
        help="a preset's name, a sweep file (.yaml) or a recorded sweep's name; SWEEP@2: its second version",
        autocompletion=completion.sweeps,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="override the sweep file: axis=v1,v2 or run.pack=8", autocompletion=completion.override),
]
Uri = Annotated[
    str | None, typer.Option("--tracking-uri", help="where MLflow is, or none; default: SQLite in the workspace")
]
Recorded = Annotated[
    str, typer.Argument(help="a recorded sweep; SWEEP@2: its second version", autocompletion=completion.recorded)
]
AnyRecorded = Annotated[
    str | None,
    typer.Argument(
        help="a recorded sweep; SWEEP@2: its second version; default: all", autocompletion=completion.recorded
    ),
]
Root = Annotated[
    Path, typer.Option("--workspace", help="the folder of all sweeps and results", envvar="NORMSWEEP_WORKSPACE")
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "-w", "--where", help="trials, e.g. 'normalizer=bn batch_size<=8'", autocompletion=completion.selector
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")]
SameResults = Annotated[bool, typer.Option("--same-results", help="record that an edit of the code changed no result")]
AllVersions = Annotated[bool, typer.Option("--all-versions", help="of all versions of the sweep; one: SWEEP@2")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document; sentences go to standard error")]

DEFAULT_ROOT = Path("normsweep-out")
FAILURES = 4  # exit code: done, and something failed
Unreadable: type[Exception] = typer.BadParameter.__mro__[1]  # what typer raises for any line that it cannot read


def offering(completer: Callable[..., list[str]], help: str) -> Any:
    """An option of which the shell offers what `completer` knows."""
    return typer.Option(help=help, autocompletion=completer)


class NoNumber(typer.BadParameter):
    """Its message is a whole sentence."""


def number(name: str, help: str, low: int | None = None, high: int | None = None) -> Any:
    """The option `name`, a whole number in the closed range."""
    limits = "" if low is None else f", at least {low}" if high is None else f", {low} to {high}"

    def read(text: str | int) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or (low is not None and value < low) or (high is not None and value > high):
            raise NoNumber(f"{name} is a whole number{limits}, not {text}")
        return value

    return typer.Option(name, help=help, parser=read, metavar="N")


def refusal(error: Any) -> str:
    """One sentence of what typer says of a line that it cannot read; "" where it has shown the help instead."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""
    command = error.ctx.command_path if error.ctx else "normsweep"
    if isinstance(error, NoNumber):
        return error.message
    told = error.format_message().rstrip(".")
    return f"{told[:1].lower()}{told[1:]}; see `{command} --help`"


def store_at(root: Path, *, patient: bool = False) -> Store:
    """`patient`: waits for a disk that refuses, as a training does."""
    from orchestrator.store import Store
    from orchestrator.store.files import PATIENCE

    if root.exists() and not root.is_dir():
        raise UsageError(f"--workspace {root} is a file: name a folder")
    store = Store.at(root, patience=PATIENCE if patient else 0.0)
    store.sweeps.declare()
    return store


def spec_of(sweep: str, overrides: Sequence[str] | None, store: Store | None = None) -> SweepSpec:
    """The sweep of a preset or a file; `SWEEP@2`, or the latest version of any other name, of what the store has
    recorded."""
    from sweeps.file.spec import load_spec, presets

    version = "@" in sweep
    recorded = version or (store is not None and sweep in store.sweeps.names() and sweep not in presets())
    if not recorded or Path(sweep).exists():
        return load_spec(sweep, overrides or ())
    if store is None:
        raise UsageError(f"a preset or a file is checked, {sweep} is recorded: `normsweep plan {sweep}` reads it")
    if overrides:
        raise UsageError(f"{sweep} is trained as it was recorded: leave --set out, or name a file of the sweep")
    return store.sweeps.one(sweep) if version else store.sweeps.needed(sweep).sweep


def teller(as_json: bool) -> Callable[[str], None]:
    """What prints sentences: on standard error where a JSON document is the answer."""
    return partial(print, file=sys.stderr if as_json else sys.stdout, flush=True)


def confirmation(overrides: Sequence[str] | None, yes: bool, as_json: bool) -> Callable[[str], None]:
    """What `--set` drops from a sweep is confirmed; a sweep file says what is wanted."""

    def confirm(sentence: str) -> None:
        if yes or not overrides:
            return
        if not sys.stdin.isatty():
            raise UsageError(
                f"by --set, {sentence}: repeat with --yes, or give the variant a name of its own with --set name=NAME"
            )
        teller(as_json)(f"By --set, {sentence}.")
        typer.confirm("Go on?", abort=True, err=as_json)

    return confirm


def referring(sweep: str, all_versions: bool) -> str:
    """The sweep's name, with what asks for all of its versions. UsageError for two answers."""
    if not all_versions:
        return sweep
    if "@" in sweep:
        raise UsageError(f"{sweep} is one version, --all-versions asks for all: leave one of them out")
    return f"{sweep}@all"


def selector_of(where: Sequence[str] | None, *, of_table: bool = False) -> Selector | None:
    """`of_table`: of any table, whose columns may hold what no setting can be."""
    from sweeps.file.clauses import selector_from
    from sweeps.select import Selector

    text = " ".join(where or ())
    return (Selector.parse(text) or None) if of_table else selector_from(text)


def print_answer(answer: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer, indent=2, default=str))
    elif isinstance(answer, str):
        print(answer)
    else:
        from orchestrator.cli.printing import show

        show(answer)
