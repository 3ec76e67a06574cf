"""The network of a pack, by its model's name."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from sweeps.words.kinds import arguments, entry_of, fixed
from trainers.models.network import Network
from trainers.plugins.lookup import implementation
from trainers.seeding import Streams


def build(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams) -> Network:
    """The network of all trials of one pack, on the device and in the precision of `streams`.

    UsageError for a model that is not known, and for trials whose networks differ in their shapes.
    """
    model = trials[0].model.name
    made = implementation("model", model)
    if len({(t.depth, t.width, *_shape("model", t), *_shape("normalizer", t)) for t in trials}) > 1:
        raise UsageError(
            "the trials of a pack have one model, depth, width and normalizer, and one value of each of its options "
            "that does not pack: plan these trials apart"
        )
    if model != "mlp" and any(t.alpha_dropout for t in trials):
        raise UsageError(f"`alpha_dropout` belongs to the model mlp, not to {model}: set it to 0")
    return made(trials, facts, streams, **arguments([t.model for t in trials], entry_of("model", model)))


def _shape(field: str, trial: Trial) -> tuple[object, ...]:
    choice = trial.normalizer if field == "normalizer" else trial.model
    return choice.name, *fixed(choice, entry_of(field, choice.name))
