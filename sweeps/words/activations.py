"""Activations that a sweep file may name, with their options and sources, and how weights begin.

`trainers/layers/activations.py` computes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from sweeps.words.declared import Entry, Option


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation(Entry):
    """An elementwise function, as the vocabulary has it and as a plug-in declares it.

    `learns`: what it learns, one value a layer and replica, by name, each with the option that says where it begins.
    `init`: what `init: auto` means for weights before it, He et al. 2015's unless the function has another.
    """

    kind: ClassVar[str] = "activation"
    home: ClassVar[str] = "trainers.layers"
    base: ClassVar[tuple[str, ...]] = ("trainers.layers.activations",)
    given: ClassVar[tuple[str, ...]] = ("u",)

    learns: Mapping[str, str] = field(default_factory=dict[str, str])
    init: str = "he"


OWN = "own"  # the activation of trials whose normalizer brings it

# `init: auto`. The VCL paper does not state its own; elu and selu as in Klambauer et al. 2017, tanh and sigmoid as in
# Glorot and Bengio 2010, every other activation as in He et al. 2015.
ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(summary="max(u, 0)", implementation="activations:relu"),
    "elu": Activation(
        summary="u above 0, alpha (exp(u) - 1) below",
        implementation="activations:elu",
        init="lecun",
        source="Clevert et al. 2016",
        options={"alpha": Option("float", 1.0, low=0.0, packs=True)},
    ),
    "selu": Activation(
        summary="scaled elu with self-normalizing constants",
        implementation="activations:selu",
        init="lecun",
        source="Klambauer et al. 2017",
    ),
    "lrelu": Activation(
        summary="u above 0, slope u below",
        implementation="activations:lrelu",
        source="Maas et al. 2013",
        options={"slope": Option("float", 0.01, packs=True)},
    ),
    "prelu": Activation(
        summary="u above 0, slope u below, one slope a layer, learned",
        implementation="activations:prelu",
        learns={"slope": "init"},
        source="He et al. 2015",
        options={"init": Option("float", 0.25, packs=True, help="of the slope")},
    ),
    "tanh": Activation(summary="hyperbolic tangent", implementation="activations:tanh", init="glorot"),
    "sigmoid": Activation(summary="1/(1 + exp(-u))", implementation="activations:sigmoid", init="glorot"),
    "abs": Activation(summary="|u|", implementation="activations:absolute"),
    OWN: Activation(
        summary="the normalizer's own: of frn, evonorm-b0 and evonorm-s0, and of them alone",
        implementation="activations:own",
    ),
}

INITS: dict[str, str] = {
    "he": "normal, variance 2/fan_in (He et al. 2015)",
    "lecun": "normal, variance 1/fan_in (LeCun et al. 1998)",
    "glorot": "normal, variance 2/(fan_in + fan_out) (Glorot and Bengio 2010)",
}
