from math import pi, sqrt

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.factory import blobs, trial
from tests.trainers.normalizers.alone import ELU, FLOAT64, PLACES, Place, Plain, compare, normal, packed
from tests.trainers.trials import activation, method
from trainers.layers.activations import function
from trainers.normalizers import Site, build
from trainers.normalizers.weights.gaussian import isometric_scale, moments
from trainers.pack import PackTrainer
from trainers.seeding import Streams

CHOICES = {
    "relu": activation("relu"),
    "lrelu": activation("lrelu", slope=0.2),
    "elu": activation("elu", alpha=0.7),
    "selu": activation("selu"),
    "tanh": activation("tanh"),
    "sigmoid": activation("sigmoid"),
    "abs": activation("abs"),
    "prelu": activation("prelu", init=0.25),
}
NODES, WEIGHTS = np.polynomial.legendre.leggauss(120)
Z = np.concatenate([6 * NODES - 6, 6 * NODES + 6])  # -12 to 0 and 0 to 12
DENSITY = 6 * np.concatenate([WEIGHTS, WEIGHTS]) * np.exp(-(Z**2) / 2) / np.sqrt(2 * np.pi)


def values(choice: Choice, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a(z) and a'(z)."""
    x = torch.from_numpy(z).requires_grad_()
    a = function(Choice.of("lrelu", {"slope": choice["init"]}) if choice.name == "prelu" else choice)(x)
    (derivative,) = torch.autograd.grad(a.sum(), x)
    return a.detach().numpy(), derivative.numpy()


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_moments_and_scale_by_gauss_legendre(choice: Choice) -> None:
    a, _ = values(choice, Z)
    mean = DENSITY @ a
    deviation = np.sqrt(DENSITY @ (a - mean) ** 2)
    assert moments(choice) == pytest.approx((mean, deviation), abs=1e-10)
    scale = isometric_scale(choice)
    _, derivative = values(choice, scale * Z)
    assert scale**2 * (DENSITY @ derivative**2) == pytest.approx(deviation**2, abs=1e-10)


def test_published_figures() -> None:
    mean, deviation = moments(CHOICES["relu"])
    assert mean == pytest.approx(1 / sqrt(2 * pi), abs=1e-15)
    assert deviation == pytest.approx(sqrt((1 - 1 / pi) / 2), abs=1e-15)
    assert moments(CHOICES["selu"]) == pytest.approx((0, 1), abs=1e-12)
    scales = {"relu": 0.8257, "tanh": 0.8778, "selu": 0.9587}
    for name, scale in scales.items():
        assert isometric_scale(CHOICES[name]) == pytest.approx(scale, abs=6e-5)
    assert isometric_scale(ELU) == pytest.approx(0.9589, abs=5e-5)


class Propagated(Plain):
    """Eq. 11 and 12 as they stand; Remark 2 for prelu, whose slope has a gradient through c1 and c2 too."""

    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.gamma = nn.Parameter(torch.full_like(bias, isometric_scale(activation)))
        self.beta = nn.Parameter(torch.zeros_like(bias))
        self.slope = nn.Parameter(
            torch.tensor(activation["init"] if activation.name == "prelu" else 0.0, dtype=FLOAT64)
        )
        self.project()

    def named(self) -> dict[str, Tensor]:
        return {key: p for key, p in super().named().items() if key != "slope" or self.mixed}

    def forward(self, x: Tensor) -> Tensor:
        rows = self.weight / self.weight.flatten(1).norm(dim=1).view(-1, *[1] * (self.weight.ndim - 1))
        u = (self.place.apply(x, rows).movedim(1, -1) * self.gamma + self.beta).movedim(-1, 1)
        if self.activation.name == "prelu":
            a = self.slope
            mean = (1 - a) / sqrt(2 * pi)
            return (torch.where(u > 0, u, a * u) - mean) / (0.5 * ((1 + a**2) - (1 - a) ** 2 / pi)) ** 0.5
        mean, deviation = moments(self.activation)
        unused = 0.0 * self.slope
        return (function(self.activation)(u) - mean) / deviation + unused

    def project(self) -> None:
        with torch.no_grad():
            for row in self.weight:
                row /= (row * row).sum() ** 0.5

    mixed = False


class WithSlope(Propagated):
    mixed = True


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(place: Place, replicas: int) -> None:
    fixed = (CHOICES["relu"], CHOICES["elu"], CHOICES["tanh"])
    compare("normprop", Propagated, place, replicas, activations=fixed)
    learned = (CHOICES["prelu"], CHOICES["relu"], activation("prelu", init=0.5))
    compare("normprop", WithSlope, place, replicas, activations=learned)


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_gaussian_input_leaves_with_mean_0_and_variance_1(place: Place, choice: Choice) -> None:
    block = packed("normprop", place, (choice,))
    with torch.no_grad():
        block.method.gamma.fill_(1)
    out = block(normal(1, 50_000 if not place.kernel else 8_000, place.inputs, *place.spatial, seed=1))
    if place.kernel:
        out = out[..., 1:-1, 1:-1]  # the border sees zeros
    out = out.movedim(2, -1).flatten(0, -2)
    assert out.mean(0).abs().max() < 0.025
    assert (out.var(0) - 1).abs().max() < 0.06


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_orthonormal_rows_keep_the_size_of_gradients(choice: Choice) -> None:
    place = Place(6, 6, 1)
    block = packed("normprop", place, (choice,))
    with torch.no_grad():
        block.weight.copy_(torch.linalg.qr(block.weight)[0])
    x = normal(1, 30_000, 6, seed=1).requires_grad_()
    out = block(x).sum(dim=(0, 1))
    rows = [torch.autograd.grad(out[i], x, retain_graph=True)[0][0] for i in range(6)]
    jacobian = torch.stack(rows, dim=1)
    torch.testing.assert_close((jacobian @ jacobian.mT).mean(0), torch.eye(6, dtype=FLOAT64), atol=0.03, rtol=0)


def test_weights_are_of_norm_1_after_every_step() -> None:
    data = blobs()
    settings = {"momentum": 0.9, "weight_decay": 0.01, "precision": "float64"}
    trainer = PackTrainer([trial(data, normalizer=method("normprop"), **settings)], data)
    while not trainer.finished:
        for block in trainer.network.blocks:
            assert (block.weight.detach().norm(dim=2) - 1).abs().max() < 1e-12
        trainer.advance(0.0)


def first(data: str, replicas: int) -> torch.nn.Module:
    site = Site(in_channels=3, out_channels=4, replicas=replicas, streams=Streams(range(replicas), dtype=FLOAT64))
    return build("normprop", site, data=data)


@pytest.mark.parametrize("replicas", [1, 3])
def test_global_data_normalization_takes_the_training_sets_figures(replicas: int) -> None:
    x = normal(replicas, 70, 3, 2, 2, seed=1) * 3 + 100
    x[:, :, 1, 0, 0] = 7.0
    method = first("global", replicas)
    assert torch.equal(method.input(x), x)
    method.calibrate_input(x.split(16, dim=1))
    out = method.input(x[:, :9]).numpy()
    for r in range(replicas):
        samples = x[r].numpy()
        deviation = samples.std(axis=0)
        deviation[1, 0, 0] = 1
        np.testing.assert_allclose(out[r], (samples[:9] - samples.mean(axis=0)) / deviation, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("replicas", [1, 3])
def test_batch_data_normalization_is_torchs_without_scale(replicas: int) -> None:
    method = first("batch", replicas)
    method.calibrate_input([normal(replicas, 5, 3, 2, 2, seed=9)])
    alone = [nn.BatchNorm1d(12, affine=False, dtype=FLOAT64) for _ in range(replicas)]
    for step in range(3):
        x = normal(replicas, 6, 3, 2, 2, seed=step)
        out = method.input(x)
        for r in range(replicas):
            torch.testing.assert_close(out[r].flatten(1), alone[r](x[r].flatten(1)), rtol=1e-10, atol=1e-12)
    out = method.eval().input(x)
    for r in range(replicas):
        torch.testing.assert_close(out[r].flatten(1), alone[r].eval()(x[r].flatten(1)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("data", ["global", "batch"])
def test_training_goes_on_from_a_state(data: str) -> None:
    made = blobs()
    trials = [trial(made, normalizer=method("normprop", data=data), standardize="none", seed=s) for s in (0, 1)]
    straight, begun, resumed = (PackTrainer(trials, made) for _ in range(3))
    straight.advance(1e9)
    for _ in range(10):
        begun.advance(0.0)
    resumed.load_state_dict(begun.state_dict())
    resumed.advance(1e9)
    assert resumed.rows() == straight.rows()
    assert begun.network.blocks[0].method.data.mean.shape == (2, 6)


def test_a_batch_of_one_trains_with_global_data() -> None:
    data = blobs()
    trainer = PackTrainer([trial(data, normalizer=method("normprop"), batch_size=1, steps=5)], data)
    trainer.advance(1e9)
    assert trainer.rows()[0]["diverged_epoch"] is None


def test_without_its_layer_the_initial_slope_counts() -> None:
    site = Site(
        in_channels=3, out_channels=4, activation=CHOICES["prelu"], replicas=2, streams=Streams([0, 1], dtype=FLOAT64)
    )
    a = F.leaky_relu(normal(2, 5, 4, seed=1), 0.25)
    mean, deviation = moments(CHOICES["prelu"])
    torch.testing.assert_close(build("normprop", site).activated(a), (a - mean) / deviation)
