import pytest

from sweeps.cost import MACS
from tests.trainers.trials import facts, model, trial
from trainers.models.cost import macs

# In 10^9, as published or as others count them: convolutions and the classifier.
PUBLISHED = [
    ("resnet18", (3, 224, 224), 1000, 1.81),
    ("resnet34", (3, 224, 224), 1000, 3.66),
    ("resnet50", (3, 224, 224), 1000, 4.09),
    ("wrn28-10", (3, 32, 32), 10, 5.25),
    ("resnet20", (3, 32, 32), 10, 0.041),
    ("resnet110", (3, 32, 32), 10, 0.253),
    ("vgg16", (3, 32, 32), 10, 0.313),
]


@pytest.mark.parametrize(("name", "shape", "classes", "billions"), PUBLISHED)
def test_known_models(name: str, shape: tuple[int, ...], classes: int, billions: float) -> None:
    total, _ = macs(trial(model=model(name)), facts(shape, classes))
    assert total / 1e9 == pytest.approx(billions, rel=0.02)


def test_the_estimate_of_planning_is_the_same() -> None:
    one, data = trial(depth=5, width=7, dropout=0.5), facts((6,), 3)
    assert macs(one, data) == MACS["mlp"](one, data)
