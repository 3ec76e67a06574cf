"""Models that a sweep file may name, with their options and sources; `trainers/models/` builds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sweeps.words.declared import Entry, Option


@dataclass(frozen=True, kw_only=True, slots=True)
class Model(Entry):
    """A network, as the vocabulary has it and as a plug-in declares it."""

    kind: ClassVar[str] = "model"
    home: ClassVar[str] = "trainers.models"
    base: ClassVar[tuple[str, ...]] = ("trainers.models.builder", "trainers.models.network")
    given: ClassVar[tuple[str, ...]] = ("trials", "facts", "streams")


WIDTH = Option("float", 1.0, low=0.0, help="times the published channels")
NORM = Option("word", "pre", words=("pre", "post"), help="normalized before each sublayer, or after each sum")
HE = "He et al. 2016, Deep residual learning"
BNE = "Balestriero and Baraniuk 2022, appendix C"


def _resnet(*repeats: int) -> dict[str, Option]:
    return {"width": WIDTH, "repeats": Option("ints", repeats, low=1, help="blocks of each of the four stages")}


MODELS: dict[str, Model] = {
    "mlp": Model(summary="fully connected: `depth` layers of `width` units, a classifier", implementation="mlp:Mlp"),
    "resmlp": Model(
        summary="residual mlp: `depth` blocks of two layers beside a stream of `width` units",
        implementation="stacks.resmlp:residual_mlp",
        source="Gorishniy et al. 2021, section 3.2 (pre)",
        options={
            "norm": NORM,
            "expansion": Option("float", 2.0, low=0.0, high=1000.0, help="units within a block, times `width`"),
        },
    ),
    "transformer": Model(
        summary="encoder of `depth` layers and `width` channels; tokens: a table's features, an image's patches",
        implementation="stacks.transformer:Transformer",
        source="Vaswani et al. 2017 (post), Xiong et al. 2020 (pre)",
        options={
            "norm": NORM,
            "heads": Option("int", 4, low=1, help="of attention; they divide `width`"),
            "patch": Option("int", 4, low=1, help="side of an image's patches"),
        },
    ),
    "elu-cnn-11": Model(
        summary="11-layer convolutional network; `width` 2 is the wide form for Tiny ImageNet",
        implementation="plain:elu_cnn_11",
        source="Clevert et al. 2016, section 4.2; Littwin and Wolf 2018",
        options={"width": WIDTH},
    ),
    "cnn9": Model(
        summary="9-layer convolutional network",
        implementation="plain:cnn9",
        source="Ikami et al., section 4.1.1",
        options={"width": WIDTH},
    ),
    "nin": Model(
        summary="network in network",
        implementation="plain:nin",
        source="Arpit et al. 2016, section 5",
        options={"width": WIDTH},
    ),
    "vgg16": Model(
        summary="VGG-16 for CIFAR: 13 convolutions, one classifier",
        implementation="plain:vgg16",
        source="Simonyan and Zisserman 2015, network D",
        options={"width": WIDTH},
    ),
    "resnet9": Model(
        summary="9-layer residual network",
        implementation="resnets.resnet:resnet9",
        source="D. Page, DAWNBench 2018",
        options={"width": WIDTH},
    ),
    "resnet20": Model(
        summary="residual network for CIFAR, 6n + 2 layers",
        implementation="resnets.resnet:cifar_resnet",
        source=f"{HE}, section 4.2",
        options={"width": WIDTH, "depth": Option("int", 20, low=8)},
    ),
    "resnet110": Model(
        summary="residual network for CIFAR, 6n + 2 layers",
        implementation="resnets.resnet:cifar_resnet",
        source=f"{HE}, section 4.2",
        options={"width": WIDTH, "depth": Option("int", 110, low=8)},
    ),
    "wrn28-10": Model(
        summary="wide residual network, 6n + 4 layers",
        implementation="resnets.wide_resnet:wide_resnet",
        source="Zagoruyko and Komodakis 2016",
        options={
            "width": Option("float", 10.0, low=0.0, help="the widening factor"),
            "depth": Option("int", 28, low=10),
        },
    ),
    "resnet18": Model(
        summary="residual network for ImageNet",
        implementation="resnets.resnet:basic_resnet",
        source=HE,
        options=_resnet(2, 2, 2, 2),
    ),
    "resnet34": Model(
        summary="residual network for ImageNet",
        implementation="resnets.resnet:basic_resnet",
        source=HE,
        options=_resnet(3, 4, 6, 3),
    ),
    "resnet50": Model(
        summary="residual network for ImageNet, bottlenecks",
        implementation="resnets.resnet:bottleneck_resnet",
        source=HE,
        options=_resnet(3, 4, 6, 3),
    ),
    "bne-cnn": Model(
        summary="convolutional network", implementation="explained:bne_cnn", source=BNE, options={"width": WIDTH}
    ),
    "bne-resnet": Model(
        summary="residual network, Resnet<width>-<depth>",
        implementation="explained:bne_resnet",
        source=BNE,
        options={
            "width": Option("float", 2.0, low=0.0, help="the width factor: 2 is 64 to 512 channels"),
            "depth": Option("int", 2, low=1, help="residual blocks of each of the four stages"),
        },
    ),
    "dgcnn": Model(
        summary="dynamic graph CNN for point clouds",
        implementation="dgcnn:Dgcnn",
        source="Wang et al. 2019",
        options={"width": WIDTH, "k": Option("int", 20, low=1, help="neighbours of a point, itself among them")},
    ),
}
