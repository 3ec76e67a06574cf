"""All that is asked of a file's methods, one answer after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sweeps.errors import UsageError
from sweeps.plugins.loading import read
from sweeps.plugins.plugin import Plugin
from sweeps.plugins.use import use
from sweeps.words.choice import Choice, OptionValue
from sweeps.words.composition import normalizer
from trainers.checking import layers, training
from trainers.checking.subject import KINDS, Subject
from trainers.normalizers.build import class_of
from trainers.normalizers.plugin import raised

SHAPES = next(iter(layers.CHECKS))  # where these are wrong, nothing else is asked


@dataclass(frozen=True, kw_only=True)
class Answer:
    """To one question about one method: the `faults` that were found, or why nothing was asked (`note`)."""

    method: str
    question: str
    where: str
    faults: tuple[str, ...] = ()
    note: str = ""


def faults(path: Path, *, quick: bool = True) -> list[str]:
    """What `normsweep plugin check` finds in a file, a sentence each; `quick` leaves out other processes and compiling.

    UsageError for a file that is no plug-in.
    """
    answers = check_file(path, quick=quick)
    return [f"{a.method}, {a.question}, {a.where}: {fault}" for a in answers for fault in a.faults]


def check_file(path: Path, *, quick: bool = False) -> Iterator[Answer]:
    """Asks everything of every method that the file declares, with each word that an option may be."""
    plugin = read(path)
    use([plugin])
    for name in plugin.normalizers:
        yield from check_method(Subject(name=name), plugin, path, quick=quick)
        for option, value in _others(name):
            yield from check_layers(Subject(name=name, given={option: value}))


def check_method(
    subject: Subject, plugin: Plugin | None = None, path: Path | None = None, *, quick: bool = False
) -> Iterator[Answer]:
    """`plugin`, `path`: the file that declares it; None for a method that the package ships."""
    answers = list(check_layers(subject))
    yield from answers
    if any(answer.faults and answer.question == SHAPES for answer in answers):
        return
    for network in training.NETWORKS:
        yield _answer(
            subject, "goes on from a checkpoint", network, lambda n=network: training.resumed(subject, n, plugin)
        )
    if quick:
        return
    for network in training.NETWORKS:
        yield _answer(
            subject, "two processes as one", network, lambda n=network: training.ranks(subject, n, plugin, path)
        )
    if note := training.why_not_compiled(subject):
        yield Answer(method=subject.name, question="compiled as plain", where="mlp", note=note)
    else:
        yield _answer(subject, "compiled as plain", "mlp", lambda: training.compiled(subject, "mlp", plugin))


def check_layers(subject: Subject) -> Iterator[Answer]:
    """At a fully connected layer and at a convolution. Where the shapes are wrong, nothing else is asked."""
    refused: list[str] = []
    for kind in KINDS:
        for question, ask in layers.CHECKS.items():
            if ask is layers.formula and getattr(class_of(subject.name), "formula", None) is None:
                continue
            answer = _answer(subject, question, kind, lambda a=ask, k=kind: a(subject, k))
            yield answer
            if question == SHAPES and (answer.faults or answer.note):
                refused += [answer.note] if answer.note else []
                break
    if len(refused) == len(KINDS):
        yield Answer(method=_name(subject), question="layers", where="anywhere", faults=(refused[0],))


def _answer(subject: Subject, question: str, where: str, ask: Callable[[], Iterator[str]]) -> Answer:
    found, note = (), ""
    try:
        found = tuple(ask())
    except UsageError as error:
        note = f"refused: {error}"
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a user's code raises is a fault of it
        found = (raised(error),)
    return Answer(method=_name(subject), question=question, where=where, faults=found, note=note)


def _name(subject: Subject) -> str:
    return str(Choice.of(subject.name, subject.given))


def _others(name: str) -> list[tuple[str, OptionValue]]:
    """Every other value of the options that take one of a few."""
    return [
        (option, value)
        for option, spec in normalizer(name).options.items()
        for value in (spec.words if spec.kind == "word" else (True, False) if spec.kind == "bool" else ())
        if value != spec.default
    ]
