from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.choice import Choice
from trainers.layers.activations import Activation
from trainers.layers.block import Block, Convolution
from trainers.layers.linear import linear
from trainers.normalizers.method import Method, Site
from trainers.seeding import Streams

FLOAT64 = {"device": torch.device("cpu"), "dtype": torch.float64}


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def block(method: Method, *, replicas: int = 2) -> Block:
    site = Site(in_channels=3, out_channels=4, replicas=replicas, streams=Streams([0] * replicas))
    weight, bias = normal(replicas, 4, 3), normal(replicas, 4, seed=2)
    return Block(site, method, linear, Activation([Choice("relu")] * replicas, **FLOAT64), weight=weight, bias=bias)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_each_replicas_own_layer(bias: bool) -> None:
    x, w, b = normal(3, 5, 4), normal(3, 6, 4), normal(3, 6) if bias else None
    u = linear(x, w, b)
    for r in range(3):
        torch.testing.assert_close(u[r], F.linear(x[r], w[r], None if b is None else b[r]))


@dataclass
class Case:
    spatial: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: int = 1
    padding: int = 0


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize(
    "case", [Case((7, 8), (3, 3), 2, 1), Case((5, 5), (1, 1), 1, 2), Case((9,), (1,)), Case((6, 3), (1, 1))]
)
def test_convolution_is_each_replicas_own_layer(case: Case, replicas: int, bias: bool) -> None:
    x, w = normal(replicas, 4, 2, *case.spatial), normal(replicas, 5, 2, *case.kernel, seed=2)
    b = normal(replicas, 5, seed=3) if bias else None
    u = Convolution(stride=case.stride, padding=case.padding)(x, w, b)
    convolve = F.conv2d if len(case.spatial) == 2 else F.conv1d
    for r in range(replicas):
        expected = convolve(x[r], w[r], None if b is None else b[r], case.stride, case.padding)
        torch.testing.assert_close(u[r], expected)


def test_convolutions_in_a_row_copy_nothing() -> None:
    convolution = Convolution(padding=1)
    u = convolution(normal(3, 4, 2, 5, 5), normal(3, 6, 2, 3, 3), None)
    folded = F.relu(u).transpose(0, 1)
    assert folded.flatten(1, 2).data_ptr() == folded.data_ptr()


class Recorder(Method):
    """Marks every moment by a number that later moments change in another way."""

    bias = True

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.ones(2, 4, dtype=torch.float64))
        self.seen: list[str] = []

    def before(self, x: Tensor) -> Tensor:
        return x + 1

    def weight(self, w: Tensor) -> Tensor:
        return 2 * w

    def after(self, u: Tensor) -> Tensor:
        return u * self.beta.unsqueeze(1) - 3

    def activated(self, a: Tensor) -> Tensor:
        return a / 5

    def penalty(self, u: Tensor) -> Tensor | None:
        return u.square().sum(dim=(1, 2))

    def gradients(self, named: dict[str, Tensor]) -> None:
        self.seen += sorted(named)
        for gradient in named.values():
            gradient.zero_()

    def project(self, named: dict[str, Tensor]) -> None:
        self.seen.append("project")
        named["weight"].clamp_(-0.5, 0.5)


def test_the_moments_come_in_their_order() -> None:
    b, x = block(Recorder()), normal(2, 5, 3)
    u = linear(x + 1, 2 * b.weight, b.bias) - 3
    torch.testing.assert_close(b(x), u.relu() / 5)
    torch.testing.assert_close(b.take_penalty(), u.square().sum(dim=(1, 2)))
    assert b.take_penalty() is None


def test_no_penalty_is_taken_in_evaluation() -> None:
    b = block(Recorder()).eval()
    b(normal(2, 5, 3))
    assert b.take_penalty() is None


def test_gradients_and_projection_reach_the_method_by_name() -> None:
    b = block(Recorder())
    assert b.weight.abs().max() == 0.5, "projected at initialization"
    b(normal(2, 5, 3)).sum().backward()
    b.gradients()
    assert b.method.seen == ["project", "beta", "bias", "weight"]
    assert all(p.grad.abs().sum() == 0 for p in b.parameters())
    with torch.no_grad():
        b.weight.mul_(10)
    b.project()
    assert b.weight.abs().max() == 0.5


def test_a_method_without_hooks_changes_nothing() -> None:
    b, x = block(Method()), normal(2, 5, 3)
    torch.testing.assert_close(b(x), linear(x, b.weight, b.bias).relu())
    b(x).sum().backward()
    before = [p.grad.clone() for p in b.parameters()]
    b.gradients()
    b.project()
    assert all(torch.equal(p.grad, g) for p, g in zip(b.parameters(), before, strict=True))


def test_a_method_may_take_the_bias() -> None:
    method = Method()
    method.bias = False
    b, x = block(method), normal(2, 5, 3)
    assert b.bias is None
    torch.testing.assert_close(b(x), linear(x, b.weight, None).relu())
