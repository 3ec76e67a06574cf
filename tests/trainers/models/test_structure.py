"""Forward passes against plain ones, written from the papers with the network's own weights."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from sweeps.words.choice import Choice
from tests.trainers.models.small import MODELS
from tests.trainers.trials import facts, method, model, trial
from trainers.layers.block import Layer
from trainers.models import Network, build
from trainers.models.dgcnn import neighbourhoods
from trainers.seeding import Streams

Parameters = Iterator[tuple[Tensor, ...]]


def prepared(name: str, normalizer: str, choice: Choice | None = None) -> tuple[Network, Tensor]:
    """A network in evaluation mode with random biases, scales and shifts, and a batch."""
    small, shape = MODELS[name]
    one = trial(model=choice or small, normalizer=method(normalizer), bias_init="random")
    net = build([one], facts(shape, 3), Streams([0], dtype=torch.float64)).eval()
    generator = torch.Generator().manual_seed(1)
    for key, p in net.named_parameters():
        if key.endswith(("gamma", "beta")):
            p.data = torch.rand(p.shape, dtype=torch.float64, generator=generator) + 0.5
    x = torch.randn(1, 4, *shape, dtype=torch.float64, generator=generator)
    return net, x


def layers(net: Network) -> tuple[Parameters, Parameters]:
    """(weight, scale, shift) of each block, by its bias or its batch normalization; (weight, bias) of the others."""

    def blocks() -> Parameters:
        for block in net.blocks:
            w = block.weight[0]
            if block.bias is not None:
                yield w, torch.ones(len(w), dtype=w.dtype), block.bias[0]
            else:
                yield w, block.method.gamma[0] / (1 + 1e-5) ** 0.5, block.method.beta[0]

    def others() -> Parameters:
        for module in net.modules():
            if isinstance(module, Layer):
                yield module.weight[0], torch.zeros(0) if module.bias is None else module.bias[0]

    return blocks(), others()


def convolve(x: Tensor, w: Tensor, stride: int = 1) -> Tensor:
    return F.conv2d(x, w, None, stride, (w.shape[-1] - 1) // 2)


def normalized(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return x * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


def classified(x: Tensor, others: Parameters) -> Tensor:
    *_, (w, b) = others
    return F.linear(x.mean(dim=(-2, -1)), w, b)


def test_resnet_adds_before_the_last_activation() -> None:
    for normalizer in ("none", "bn"):
        net, x = prepared("resnet18", normalizer, model("resnet18", width=0.125, repeats=(2, 1, 1, 1)))
        blocks, others = layers(net)
        w, *rest = next(blocks)
        h = F.relu(normalized(convolve(x[0], w, 2), *rest))
        h = F.max_pool2d(h, 3, 2, 1)
        for stride, shortcut in ((1, False), (1, False), (2, True), (2, True), (2, True)):
            w, *rest = next(blocks)
            branch = F.relu(normalized(convolve(h, w, stride), *rest))
            w, *rest = next(blocks)
            branch = normalized(convolve(branch, w), *rest)
            if shortcut:
                w, *rest = next(blocks)
                h = normalized(convolve(h, w, stride), *rest)
            h = F.relu(branch + h)
        torch.testing.assert_close(net(x)[0], classified(h, others))


def test_bottleneck_strides_in_its_middle() -> None:
    net, x = prepared("resnet50", "bn")
    blocks, others = layers(net)
    w, *rest = next(blocks)
    h = F.max_pool2d(F.relu(normalized(convolve(x[0], w, 2), *rest)), 3, 2, 1)
    for stride in (1, 2, 2, 2):
        branch = h
        for i, step in enumerate((1, stride, 1)):
            w, *rest = next(blocks)
            branch = normalized(convolve(branch, w, step), *rest)
            branch = branch if i == 2 else F.relu(branch)
        w, *rest = next(blocks)
        h = F.relu(branch + normalized(convolve(h, w, stride), *rest))
    torch.testing.assert_close(net(x)[0], classified(h, others))


def test_cifar_resnet_subsamples_and_pads_its_shortcuts() -> None:
    net, x = prepared("resnet20", "bn")
    blocks, others = layers(net)
    w, *rest = next(blocks)
    h = F.relu(normalized(convolve(x[0], w), *rest))
    for stride in (1, 2, 2):
        w, *rest = next(blocks)
        branch = F.relu(normalized(convolve(h, w, stride), *rest))
        w, *rest = next(blocks)
        branch = normalized(convolve(branch, w), *rest)
        if stride == 2:
            quarter = branch.shape[1] // 4
            zeros = torch.zeros_like(branch[:, :quarter])
            h = torch.cat([zeros, h[:, :, ::2, ::2], zeros], dim=1)
        h = F.relu(branch + h)
    torch.testing.assert_close(net(x)[0], classified(h, others))


def test_wide_resnet_normalizes_and_activates_before_it_convolves() -> None:
    net, x = prepared("wrn28-10", "bn", model("wrn28-10", width=1.25, depth=16))
    blocks, others = layers(net)
    *shortcuts, _ = layers(net)[1]
    plain = iter([w for w, b in shortcuts if len(b) == 0])
    w, *rest = next(blocks)
    s = convolve(x[0], w)
    for group in range(3):
        for i in range(2):
            stride = 2 if i == 0 and group else 1
            a = F.relu(normalized(s, *rest))
            w, *rest = next(blocks)
            inner = F.relu(normalized(convolve(a, w, stride), *rest))
            w, *rest = next(blocks)
            s = convolve(inner, w) + (convolve(a, next(plain), stride) if i == 0 else s)
    torch.testing.assert_close(net(x)[0], classified(F.relu(normalized(s, *rest)), others))


def test_bne_resnet_activates_before_it_adds() -> None:
    net, x = prepared("bne-resnet", "bn", model("bne-resnet", width=0.25, depth=2))
    blocks, others = layers(net)
    plain = iter([w for w, b in layers(net)[1] if len(b) == 0])
    w, *rest = next(blocks)
    h = F.max_pool2d(F.relu(normalized(convolve(x[0], w), *rest)), 2)
    for _ in range(4):
        for _ in range(2):
            branch = h
            for _ in range(2):
                w, *rest = next(blocks)
                branch = F.relu(normalized(convolve(branch, w), *rest))
            h = branch + (h if h.shape == branch.shape else convolve(h, next(plain)))
        h = F.avg_pool2d(h, 2)
    w, *rest = next(blocks)
    torch.testing.assert_close(net(x)[0], classified(F.relu(normalized(convolve(h, w), *rest)), others))


def test_resnet9_adds_after_the_activation() -> None:
    net, x = prepared("resnet9", "bn")
    blocks, others = layers(net)

    def block(h: Tensor) -> Tensor:
        w, *rest = next(blocks)
        return F.relu(normalized(convolve(h, w), *rest))

    h = F.max_pool2d(block(block(x[0])), 2)
    h = h + block(block(h))
    h = F.max_pool2d(block(h), 2)
    h = F.max_pool2d(block(h), 2)
    h = h + block(block(h))
    torch.testing.assert_close(net(x)[0], classified(h.amax(dim=(-2, -1), keepdim=True), others))


def test_neighbourhoods_are_offsets_to_the_nearest_points_and_the_point() -> None:
    x = torch.randn(2, 3, 4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = neighbourhoods(x, 3)
    assert found.shape == (2, 3, 8, 9, 3)
    for r in range(2):
        for b in range(3):
            points = x[r, b].T
            for i, point in enumerate(points):
                nearest = sorted(range(9), key=lambda j: (points[j] - point).norm().item())[:3]
                for place, j in enumerate(nearest):
                    torch.testing.assert_close(found[r, b, :4, i, place], points[j] - point)
                    torch.testing.assert_close(found[r, b, 4:, i, place], point)
