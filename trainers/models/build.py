"""The network of a pack, by its model's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.trial import Trial
from sweeps.words.composition import normalizer
from sweeps.words.near import unknown
from trainers.models.dgcnn import Dgcnn
from trainers.models.explained import bne_cnn, bne_resnet
from trainers.models.mlp import Mlp
from trainers.models.network import Network
from trainers.models.plain import cnn9, elu_cnn_11, nin, vgg16
from trainers.models.resnets.resnet import basic_resnet, bottleneck_resnet, cifar_resnet, resnet9
from trainers.models.resnets.wide_resnet import wide_resnet
from trainers.models.stacks.resmlp import residual_mlp
from trainers.models.stacks.transformer import Transformer
from trainers.seeding import Streams

MODELS: dict[str, Callable[[Sequence[Trial], DatasetFacts, Streams], Network]] = {
    "mlp": Mlp,
    "resmlp": residual_mlp,
    "transformer": Transformer,
    "elu-cnn-11": elu_cnn_11,
    "cnn9": cnn9,
    "nin": nin,
    "vgg16": vgg16,
    "resnet9": resnet9,
    "resnet20": cifar_resnet,
    "resnet110": cifar_resnet,
    "wrn28-10": wide_resnet,
    "resnet18": basic_resnet,
    "resnet34": basic_resnet,
    "resnet50": bottleneck_resnet,
    "bne-cnn": bne_cnn,
    "bne-resnet": bne_resnet,
    "dgcnn": Dgcnn,
}


def build(trials: Sequence[Trial], facts: DatasetFacts, streams: Streams) -> Network:
    """The network of all trials of one pack, on the device and in the precision of `streams`.

    UsageError for a model that is not known, and for trials whose networks differ in their shapes.
    """
    model = trials[0].model.name
    if model not in MODELS:
        raise UsageError(unknown("model", model, MODELS))
    shapes = {(t.model, t.depth, t.width, _method(t)) for t in trials}
    if len(shapes) > 1:
        raise UsageError(
            "the trials of a pack have one model, depth, width and normalizer, and one value of each of its options "
            "that does not pack: plan these trials apart"
        )
    if model != "mlp" and any(t.alpha_dropout for t in trials):
        raise UsageError(f"`alpha_dropout` belongs to the model mlp, not to {model}: set it to 0")
    return MODELS[model](trials, facts, streams)


def _method(trial: Trial) -> tuple[object, ...]:
    options = normalizer(trial.normalizer.name).options
    return trial.normalizer.name, *(pair for pair in trial.normalizer.options if not options[pair[0]].packs)
