"""What is asked of a schedule."""

from __future__ import annotations

from collections.abc import Iterator

from trainers.checking.subject import Subject
from trainers.schedule import Position, factor, is_factor

PLACES = ("one epoch", "ten epochs")
STEPS = 4  # of an epoch


def factors(subject: Subject, place: str) -> Iterator[str]:
    """A number from 0 on at every step, the same when asked again."""
    epochs = 1 if place == "one epoch" else 10
    for step in range(epochs * STEPS):
        at = Position(epoch=step // STEPS, epochs=epochs, step=step, steps=epochs * STEPS)
        value, again = factor(subject.choice(), at), factor(subject.choice(), at)
        if not is_factor(value):
            yield f"its factor at step {step} of {epochs * STEPS} is {value!r}, no number from 0 on"
            return
        if value != again:
            yield f"its factor at step {step} is {value}, and {again} the second time"
            return


CHECKS = {"a factor at every step": factors}
