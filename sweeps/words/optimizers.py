"""Optimizers that a sweep file may name, with their options and sources; `trainers/optim/` computes them.

The learning rate, `weight_decay`, and for some `momentum` and `nesterov` are settings of a trial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sweeps.words.declared import Entry, Option


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer(Entry):
    """What moves the weights, as the vocabulary has it and as a plug-in declares it.

    `takes`: which of `momentum` and `nesterov` it has.
    """

    kind: ClassVar[str] = "optimizer"
    home: ClassVar[str] = "trainers.optim"
    base: ClassVar[tuple[str, ...]] = ("trainers.optim.optimizer",)
    given: ClassVar[tuple[str, ...]] = ("parameters",)

    takes: tuple[str, ...] = ()


EPS = Option("float", 1e-8, low=0.0, packs=True, help="added to the root of the mean square")


def _betas(first: float, second: float) -> Option:
    what = "decays of the gradient's mean and of the second mean"
    return Option("floats", (first, second), low=0.0, high=1.0, length=2, packs=True, help=what)


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer(
        summary="gradient descent, with `momentum` and `nesterov`",
        source="Sutskever et al. 2013",
        implementation="sgd:SGD",
        takes=("momentum", "nesterov"),
    ),
    "adam": Optimizer(
        summary="adaptive moments; weight decay is added to the gradient",
        source="Kingma and Ba 2015, Algorithm 1",
        implementation="adam:Adam",
        options={"betas": _betas(0.9, 0.999), "eps": EPS},
    ),
    "adamw": Optimizer(
        summary="adam whose weight decay shrinks the weights themselves, by lr times weight_decay",
        source="Loshchilov and Hutter 2019, Algorithm 2",
        implementation="adam:AdamW",
        options={"betas": _betas(0.9, 0.999), "eps": EPS},
    ),
    "rmsprop": Optimizer(
        summary="the gradient over the root of its mean square, with `momentum`",
        source="Hinton 2012, Neural Networks for Machine Learning, lecture 6e",
        implementation="rmsprop:RMSprop",
        takes=("momentum",),
        options={
            "rho": Option("float", 0.99, low=0.0, high=1.0, packs=True, help="decay of the mean square"),
            "eps": EPS,
        },
    ),
    "lion": Optimizer(
        summary="the sign of an interpolated momentum; weight decay as in adamw",
        source="Chen et al. 2023, Symbolic discovery of optimization algorithms, Algorithm 2",
        implementation="lion:Lion",
        options={"betas": _betas(0.9, 0.99)},
    ),
    "lars": Optimizer(
        summary="sgd with a learning rate of each layer's own, for large batches; with `momentum`",
        source="You et al. 2017, Algorithm 1",
        implementation="lars:LARS",
        takes=("momentum",),
        options={
            "trust": Option("float", 0.001, low=0.0, packs=True, help="a layer's rate over |weight| / |gradient|")
        },
    ),
    "muon": Optimizer(
        summary="`momentum` made orthogonal for all weights but the first and last layer's; adamw for all else",
        source="Jordan et al. 2024, Muon",
        implementation="muon:Muon",
        takes=("momentum", "nesterov"),
        options={
            "rest": Option("float", 0.015, low=0.0, packs=True, help="learning rate of adamw, times lr"),
            "betas": _betas(0.9, 0.95),
            "eps": EPS,
        },
    ),
}
