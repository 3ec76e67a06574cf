"""Normalizers that a sweep file may name, with their options, sources and revisions.

One that the package ships is one file in `trainers/normalizers/` and one entry of `NORMALIZERS`; a file of a user's own
declares a `Normalizer` above its class, which joins `NORMALIZERS` while it is in use (`sweeps.plugins`). So it is with
every other kind of name: each has a module beside this one, its entries a type of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sweeps.words.choice import OptionValue
from sweeps.words.declared import Entry, Option


@dataclass(frozen=True, kw_only=True, slots=True)
class Normalizer(Entry):
    """A normalization method, as the vocabulary has it and as a plug-in declares it.

    `points` are the moments of training it acts at: those whose hooks the class overrides. `least_values`: the fewest
    values its batch statistic may be taken over (1 = any). `revision` enters every trial's identity: raise it when the
    method is mended, and only this method's trials are trained again.

    `own_activation`: it activates as well, at the point `activated`; its trials have the activation `own`, which hands
    it the pre-activation as it is.
    """

    kind: ClassVar[str] = "normalizer"
    home: ClassVar[str] = "trainers.normalizers"
    base: ClassVar[tuple[str, ...]] = ("trainers.normalizers.method",)
    given: ClassVar[tuple[str, ...]] = ("site",)

    points: frozenset[str] = frozenset()
    revision: int = 1
    least_values: int = 1
    own_activation: bool = False


def resolved(options: Mapping[str, Option], values: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """The values of a choice's options: those filled in that go by another's, younger ones left out at the default."""
    filled = dict(values)
    for name, option in options.items():
        if option.by is not None and filled[name] is None:
            other, table = option.by
            filled[name] = table[str(filled[other])]
    return {n: v for n, v in filled.items() if not (options[n].younger and v == options[n].default)}


IOFFE_SZEGEDY = "Ioffe and Szegedy 2015"
BALESTRIERO_BARANIUK = "Balestriero and Baraniuk 2022"
SALIMANS_KINGMA = "Salimans and Kingma 2016"
SYNC = "statistics over the shards of a batch together"
CWO = "Ikami et al., Constrained Weight Optimization for Learning without Activation Normalization"
CWO_SIGMAS = {"linear": 1.0, "constant": 0.2}
RENORM_START = 5_000  # steps of plain batch normalization at the beginning, times `ramp`
EVONORM = "Liu et al. 2020, Evolving normalization-activation layers"
VCL = "Littwin and Wolf 2018, Regularizing by the variance of the activations' sample-variances, Eq. 17"

NORMALIZERS: dict[str, Normalizer] = {
    "none": Normalizer(summary="no normalization; the layer keeps its bias", implementation="identity:Identity"),
    "bn": Normalizer(
        summary="batch normalization",
        source=IOFFE_SZEGEDY,
        implementation="batch_statistics.batch:BatchNorm",
        points=frozenset({"after", "calibrate"}),
        least_values=2,
        options={
            "affine": Option("bool", True, help="false: gamma = 1 and beta = 0"),
            "beta": Option("word", "learned", words=("learned", "fixed"), help="fixed: 0, gamma is learned"),
            "statistics": Option(
                "word",
                "batch",
                words=("batch", "population"),
                help="population: at evaluation those of the training set, in place of running averages",
            ),
            "sync": Option("bool", False, help=SYNC),
        },
    ),
    "bn-frozen": Normalizer(
        summary="batch normalization with the training set's statistics at initialization, kept",
        source=f"{BALESTRIERO_BARANIUK}, section 4",
        implementation="batch_statistics.frozen:FrozenBatchNorm",
        points=frozenset({"after", "calibrate"}),
        options={"affine": Option("word", "trainable", words=("trainable", "frozen"), help="whether beta learns")},
    ),
    "bn-noise": Normalizer(
        summary="batch normalization whose statistics vary as those of a smaller batch",
        source=f"{BALESTRIERO_BARANIUK}, section 5",
        implementation="batch_statistics.noise:NoisyBatchNorm",
        points=frozenset({"after", "calibrate"}),
        least_values=2,
        options={
            "virtual_batch": Option("int", 0, low=0, packs=True, help="the smaller batch, from 2 on; 0: see `extra`"),
            "extra": Option("float", 0.15, low=0.0, packs=True, help="share added to the statistics' variances"),
            "sync": Option("bool", False, younger=True, help=SYNC),
        },
    ),
    "brn": Normalizer(
        summary="batch renormalization",
        source="Ioffe 2017",
        implementation="batch_statistics.renorm:BatchRenorm",
        points=frozenset({"after", "calibrate"}),
        least_values=2,
        options={
            "ramp": Option("float", 1.0, low=0.0, packs=True, help="times the steps 5,000, 25,000 and 40,000"),
            "sync": Option("bool", False, younger=True, help=SYNC),
        },
    ),
    "popnorm": Normalizer(
        summary="pre-operation normalization: of a layer's input",
        source="POP-Norm, ICLR 2020 submission, Eq. 11, 12",
        implementation="batch_statistics.popnorm:PopNorm",
        points=frozenset({"before"}),
        least_values=2,
        options={
            "parts": Option("word", "both", words=("mean", "division", "both")),
            "norm": Option("word", "l2", words=("l2", "l1", "linf")),
            "order": Option("word", "mean-first", words=("mean-first", "division-first")),
            "shift": Option("word", "additive", words=("additive", "relative"), help="beta, or beta times the mean"),
            "kappa": Option("float", 4.0, low=1.0, packs=True, help="times the norm"),
            "sync": Option("bool", False, younger=True, help=SYNC),
        },
    ),
    "vcl": Normalizer(
        summary="variance constancy loss on the pre-activations",
        source=VCL,
        implementation="vcl:VarianceConstancy",
        points=frozenset({"penalty", "gradients", "project"}),
        options={
            "n": Option("int", 10, low=2, packs=True, help="samples in each of the two subsets, at most B/2"),
            "weight": Option("float", 0.01, low=0.0, packs=True, help="gamma, the weight of the loss"),
        },
    ),
    "ln": Normalizer(
        summary="layer normalization: over channels and space of a sample",
        source="Ba et al. 2016",
        implementation="group:LayerNorm",
        points=frozenset({"after"}),
    ),
    "in": Normalizer(
        summary="instance normalization: over space of a sample's channel; not for fully connected layers",
        source="Ulyanov et al. 2016",
        implementation="group:InstanceNorm",
        points=frozenset({"after"}),
    ),
    "gn": Normalizer(
        summary="group normalization: over space and a group of channels of a sample",
        source="Wu and He 2018",
        implementation="group:GroupNorm",
        points=frozenset({"after"}),
        options={"groups": Option("int", 16, low=1, help="reduced to the largest divisor of the channels below it")},
    ),
    "wn": Normalizer(
        summary="weight normalization",
        source=SALIMANS_KINGMA,
        implementation="weights.weight:WeightNorm",
        points=frozenset({"weight"}),
    ),
    "mbn": Normalizer(
        summary="mean-only batch normalization, for wn+mbn",
        source=SALIMANS_KINGMA,
        implementation="batch_statistics.mean_only:MeanOnlyBatchNorm",
        points=frozenset({"after"}),
        least_values=2,
    ),
    "cwn": Normalizer(
        summary="centred weight normalization",
        source="Huang et al. 2017",
        implementation="weights.weight:CentredWeightNorm",
        points=frozenset({"weight"}),
    ),
    "ws": Normalizer(
        summary="weight standardization",
        source="Qiao et al. 2019",
        implementation="weights.weight:WeightStandardization",
        points=frozenset({"weight"}),
    ),
    "cwo": Normalizer(
        summary="constrained weight optimization: centred weights on a sphere, noise on the outputs",
        source=CWO,
        implementation="weights.cwo:ConstrainedWeights",
        points=frozenset({"after", "gradients", "project"}),
        options={
            "c": Option("float", 2.0, low=0.0, packs=True, help="the squared norm of an output's weights"),
            "center": Option("bool", True, help="weights of mean 0"),
            "sphere": Option("bool", True, help="weights of squared norm c"),
            "noise": Option("word", "linear", words=tuple(CWO_SIGMAS), help="linear: sigma l/L in layer l of L"),
            "sigma": Option(
                "float", None, low=0.0, packs=True, by=("noise", CWO_SIGMAS), help="linear: 1, constant: 0.2; 0: none"
            ),
            "noise_per": Option(
                "word", "step", words=("step", "sample"), help="a draw per unit and step, or sample too"
            ),
        },
    ),
    "normprop": Normalizer(
        summary="normalization propagation: by the moments of the activation of a Gaussian",
        source="Arpit et al. 2016, Eq. 9, 11, 12",
        implementation="weights.normprop:NormProp",
        points=frozenset({"input", "weight", "after", "activated", "project"}),
        options={
            "data": Option(
                "word", "global", words=("global", "batch"), help="the input's figures: the training set's, the batch's"
            )
        },
    ),
    "dyt": Normalizer(
        summary="dynamic tanh: gamma tanh(alpha u) + beta, without a statistic",
        source="Zhu et al. 2025, Transformers without normalization",
        implementation="dyt:DynamicTanh",
        points=frozenset({"after"}),
        options={"alpha": Option("float", 0.5, low=0.0, packs=True, help="at the start; learned, one a layer")},
    ),
    "gbn": Normalizer(
        summary="ghost batch normalization: over parts of the batch",
        source="Hoffer et al. 2017, Train longer, generalize better",
        implementation="batch_statistics.ghost:GhostBatchNorm",
        points=frozenset({"after"}),
        least_values=2,
        options={"size": Option("int", 10, low=2, help="samples of a part; divides the batch, or a shard of it")},
    ),
    "sws": Normalizer(
        summary="scaled weight standardization, as in NF-nets: weights and activations of variance 1",
        source="Brock et al. 2021, section 4.1",
        implementation="weights.scaled:ScaledWeightStandardization",
        points=frozenset({"weight", "activated"}),
    ),
    "sn": Normalizer(
        summary="spectral normalization: weights over their largest singular value",
        source="Miyato et al. 2018, Algorithm 1",
        implementation="weights.spectral:SpectralNorm",
        points=frozenset({"weight"}),
    ),
    "rms": Normalizer(
        summary="root mean square normalization: layer normalization without its mean",
        source="Zhang and Sennrich 2019, Eq. 4",
        implementation="rms:RootMeanSquareNorm",
        points=frozenset({"after"}),
    ),
    "frn": Normalizer(
        summary="filter response normalization, with a learned threshold as activation",
        source="Singh and Krishnan 2020",
        implementation="frn:FilterResponseNorm",
        points=frozenset({"after", "activated"}),
        own_activation=True,
    ),
    "evonorm-b0": Normalizer(
        summary="EvoNorm-B0: normalization by batch and sample, and activation, in one",
        source=EVONORM,
        implementation="evonorm:EvoNormB0",
        points=frozenset({"activated"}),
        least_values=2,
        own_activation=True,
        options={"sync": Option("bool", False, help=SYNC)},
    ),
    "evonorm-s0": Normalizer(
        summary="EvoNorm-S0: normalization by groups of a sample, and activation, in one",
        source=EVONORM,
        implementation="evonorm:EvoNormS0",
        points=frozenset({"activated"}),
        own_activation=True,
        options={"groups": Option("int", 32, low=1, help="reduced to the largest divisor of the channels below it")},
    ),
}
