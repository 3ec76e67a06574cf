"""Every model at an eighth of its width or less, at its least depth, on small images."""

from sweeps.words.choice import Choice
from tests.trainers.trials import model

EIGHTH = 0.125
ONE_EACH = (1, 1, 1, 1)

MODELS: dict[str, tuple[Choice, tuple[int, ...]]] = {
    "mlp": (model("mlp"), (6,)),
    "resmlp": (model("resmlp"), (6,)),
    "transformer": (model("transformer", heads=2), (6,)),
    "elu-cnn-11": (model("elu-cnn-11", width=EIGHTH), (3, 32, 32)),
    "cnn9": (model("cnn9", width=EIGHTH), (3, 16, 16)),
    "nin": (model("nin", width=EIGHTH), (3, 24, 24)),
    "vgg16": (model("vgg16", width=EIGHTH), (3, 32, 32)),
    "resnet9": (model("resnet9", width=EIGHTH), (3, 16, 16)),
    "resnet20": (model("resnet20", width=EIGHTH, depth=8), (3, 16, 16)),
    "resnet110": (model("resnet110", width=EIGHTH, depth=8), (3, 16, 16)),
    "wrn28-10": (model("wrn28-10", width=1.25, depth=10), (3, 16, 16)),
    "resnet18": (model("resnet18", width=EIGHTH, repeats=ONE_EACH), (3, 32, 32)),
    "resnet34": (model("resnet34", width=EIGHTH, repeats=ONE_EACH), (3, 32, 32)),
    "resnet50": (model("resnet50", width=EIGHTH, repeats=ONE_EACH), (3, 32, 32)),
    "bne-cnn": (model("bne-cnn", width=EIGHTH), (3, 32, 32)),
    "bne-resnet": (model("bne-resnet", width=0.25, depth=1), (3, 32, 32)),
    "dgcnn": (model("dgcnn", width=EIGHTH, k=4), (3, 16)),
}
