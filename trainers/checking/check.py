"""All that is asked of what a file declares, one answer after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sweeps.errors import UsageError
from sweeps.plugins.loading import read
from sweeps.plugins.plugin import Plugin
from sweeps.plugins.use import use
from sweeps.words.choice import Choice, OptionValue
from trainers.checking import (
    activations,
    augmentations,
    layers,
    metrics,
    models,
    optimizers,
    probes,
    schedules,
    training,
)
from trainers.checking.subject import KINDS, Subject
from trainers.normalizers.build import class_of
from trainers.plugins.declare import raised

SHAPES = "shapes"  # how questions begin of which all else depends


@dataclass(frozen=True, kw_only=True)
class Answer:
    """To one question about one method, or another thing that a file declares: the `faults` that were found, or why
    nothing was asked (`note`)."""

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


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """Of one kind: the questions, where they are asked, and the networks that are trained with it."""

    places: tuple[str, ...]
    questions: Mapping[str, Callable[[Subject, str], Iterator[str]]]
    networks: tuple[str, ...]


ASKED = {
    "normalizer": _Asked(places=KINDS, questions=layers.CHECKS, networks=(*training.NETWORKS,)),
    "model": _Asked(places=models.PLACES, questions=models.CHECKS, networks=models.PLACES),
    "activation": _Asked(places=KINDS, questions=activations.CHECKS, networks=(*training.NETWORKS,)),
    "optimizer": _Asked(places=optimizers.PLACES, questions=optimizers.CHECKS, networks=(*training.NETWORKS,)),
    "schedule": _Asked(places=schedules.PLACES, questions=schedules.CHECKS, networks=()),
    "augment": _Asked(places=augmentations.PLACES, questions=augmentations.CHECKS, networks=()),
    "metrics": _Asked(places=(*metrics.PLACES,), questions=metrics.CHECKS, networks=("mlp",)),
    "record": _Asked(places=probes.PLACES, questions=probes.CHECKS, networks=("mlp",)),
}


def check_file(path: Path, *, quick: bool = False) -> Iterator[Answer]:
    """Asks everything of all that the file declares, with each word that an option may be."""
    plugin = read(path)
    use([plugin])
    for field, name in plugin.entries:
        subject = Subject(name=name, field=field)
        yield from check_method(subject, plugin, path, quick=quick)
        for option, value in _others(subject):
            yield from check_layers(replace(subject, given={option: value}))


def check_method(
    subject: Subject, plugin: Plugin | None = None, path: Path | None = None, *, quick: bool = False
) -> Iterator[Answer]:
    """`plugin`, `path`: the file that declares it; None for what the package ships."""
    answers = list(check_layers(subject))
    yield from answers
    if any(answer.faults and answer.question.startswith(SHAPES) for answer in answers):
        return
    refused = {answer.where for answer in answers if answer.note and answer.question.startswith(SHAPES)}
    networks = [network for network in ASKED[subject.field].networks if network not in refused]
    for network in networks:
        yield _answer(
            subject, "goes on from a checkpoint", network, lambda n=network: training.resumed(subject, n, plugin)
        )
    if quick or not networks:
        return
    for network in networks:
        yield _answer(
            subject, "two processes as one", network, lambda n=network: training.ranks(subject, n, plugin, path)
        )
    if note := training.why_not_compiled(subject):
        yield Answer(method=subject.name, question="compiled as plain", where=networks[0], note=note)
    else:
        yield _answer(
            subject, "compiled as plain", networks[0], lambda: training.compiled(subject, networks[0], plugin)
        )


def check_layers(subject: Subject) -> Iterator[Answer]:
    """In every place. Where the shapes are wrong, nothing else is asked."""
    refused: list[str] = []
    asked = ASKED[subject.field]
    for place in asked.places:
        for i, (question, ask) in enumerate(asked.questions.items()):
            if ask is layers.formula and getattr(class_of(subject.name), "formula", None) is None:
                continue
            answer = _answer(subject, question, place, lambda a=ask, p=place: a(subject, p))
            yield answer
            refused += [answer.note] if i == 0 and answer.note else []
            if question.startswith(SHAPES) and (answer.faults or answer.note):
                break
    if len(refused) == len(asked.places):
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


def _others(subject: Subject) -> list[tuple[str, OptionValue]]:
    """Every other value of the options that take one of a few, but for when a probe looks."""
    return [
        (option, value)
        for option, spec in subject.entry.options.items()
        for value in (spec.words if spec.kind == "word" else (True, False) if spec.kind == "bool" else ())
        if value != spec.default and (subject.field, option) != ("record", "when")
    ]
