from collections.abc import Iterable

import pytest
import torch
from torch import Tensor

from tests.trainers.models.small import MODELS
from tests.trainers.trials import facts, trial
from trainers import normalizers
from trainers.models import Network, build
from trainers.normalizers.method import Method, Site
from trainers.seeding import Streams


class Whitened(Method):
    """Divides by the standard deviation over the training set that it was shown."""

    calibrated = "training"

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.deviation = 1.0
        self.seen: list[Tensor] = []
        self.inputs = 0
        self.training_when_shown = True

    def input(self, x: Tensor) -> Tensor:
        return x + 1

    def calibrate_input(self, batches: Iterable[Tensor]) -> None:
        self.inputs += sum(x.shape[1] for x in batches)

    def calibrate(self, batches: Iterable[Tensor]) -> None:
        self.training_when_shown = self.training
        self.seen = list(batches)
        self.deviation = torch.cat(self.seen, dim=1).std().item()

    def after(self, u: Tensor) -> Tensor:
        return u / self.deviation


@pytest.fixture
def whitened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalizers, "build", lambda _name, site, **_options: Whitened(site))


def network(name: str) -> tuple[Network, list[Tensor]]:
    choice, shape = MODELS[name]
    net = build([trial(model=choice)] * 2, facts(shape, 3), Streams([0, 1], dtype=torch.float64))
    generator = torch.Generator().manual_seed(1)
    return net, [torch.randn(2, 5, *shape, dtype=torch.float64, generator=generator) for _ in range(3)]


@pytest.mark.usefixtures("whitened")
@pytest.mark.parametrize("name", ["mlp", "cnn9", "resnet18", "wrn28-10", "dgcnn"])
def test_layers_are_calibrated_one_after_the_other(name: str) -> None:
    net, batches = network(name)
    assert net.training
    net.calibrate(lambda: batches)
    assert net.training
    methods = [b.method for b in net.blocks]
    assert [m.inputs for m in methods] == [15, *[0] * (len(methods) - 1)]
    assert not any(m.training_when_shown for m in methods)
    seen: list[Tensor] = []
    for block in net.blocks:
        block.observer = seen.append
    net.eval()(net.input(batches[0]))
    for method, u in zip(methods, seen, strict=True):
        torch.testing.assert_close(method.seen[0], u)  # with the deviations of all layers before it


@pytest.mark.usefixtures("whitened")
def test_methods_are_shown_the_training_set_when_they_ask() -> None:
    net, batches = network("mlp")
    net.calibrate(lambda: batches, before="evaluation")
    assert all(b.method.seen == [] for b in net.blocks)
    net.blocks[1].method.calibrated = "evaluation"
    net.calibrate(lambda: batches, before="evaluation")
    assert [len(b.method.seen) for b in net.blocks] == [0, 3]


def test_without_such_a_method_nothing_runs() -> None:
    net, batches = network("mlp")

    def samples() -> Iterable[Tensor]:
        raise AssertionError

    net.calibrate(samples)
    assert torch.equal(net.input(batches[0]), batches[0])
