"""Residual mlps and transformers against torch's own layers, with the network's weights, in float64."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.words.choice import Choice
from tests.trainers.trials import activation, facts, method, model, trial
from trainers import normalizers
from trainers.layers.block import Layer
from trainers.models import Network, build
from trainers.models.cost import macs
from trainers.models.stacks.stack import Sublayer, patches
from trainers.normalizers import Site
from trainers.seeding import Streams

IMAGE, TABLE = (3, 8, 12), (5,)
REPLICAS, BATCH, WIDTH = 2, 3, 8


def made(choice: Choice, shape: tuple[int, ...], normalizer: str = "ln") -> tuple[Network, Tensor]:
    """A network in evaluation mode with random biases, scales and shifts, and a batch for each replica."""
    trials = [trial(model=choice, normalizer=method(normalizer), bias_init="random", seed=s) for s in range(REPLICAS)]
    net = build(trials, facts(shape, 3), Streams([t.seed for t in trials], dtype=torch.float64)).eval()
    generator = torch.Generator().manual_seed(1)
    for key, p in net.named_parameters():
        if key.endswith(("gamma", "beta")):
            p.data = torch.rand(p.shape, dtype=torch.float64, generator=generator) + 0.5
    return net, torch.randn(REPLICAS, BATCH, *shape, dtype=torch.float64, generator=generator)


def norm(net: Network, block: int, r: int) -> nn.LayerNorm:
    layer = nn.LayerNorm(WIDTH, dtype=torch.float64)
    source = net.blocks[block].method
    layer.weight.data, layer.bias.data = source.gamma[r], source.beta[r]
    return layer


def sublayers(net: Network) -> list[Sublayer]:
    return [module for module in net.modules() if isinstance(module, Sublayer)]


def plain(sublayer: Sublayer) -> Layer:
    return next(module for module in sublayer.inner.modules() if isinstance(module, Layer))


@pytest.mark.parametrize("order", ["pre", "post"])
@pytest.mark.parametrize("shape", [IMAGE, TABLE])
def test_a_transformer_is_torchs_encoder(shape: tuple[int, ...], order: str) -> None:
    net, x = made(model("transformer", heads=2, norm=order), shape)
    logits = net(x)
    for r in range(REPLICAS):
        w, b = net.blocks[0].weight[r], 0.0
        if shape == IMAGE:
            squares = F.unfold(x[r], 4, stride=4).mT  # (B, T, 3 · 16)
            h = squares @ w.T + b
        else:
            h = torch.stack([x[r, :, j, None] * w[:, j] + b for j in range(shape[0])], dim=1)
        h = h + net.positions[r]
        if order == "post":
            h = norm(net, 0, r)(h)
        for i in range(2):
            attention, hidden = sublayers(net)[2 * i : 2 * i + 2]
            layer = nn.TransformerEncoderLayer(
                WIDTH, 2, 4 * WIDTH, 0.0, F.relu, batch_first=True, norm_first=order == "pre", dtype=torch.float64
            ).eval()
            layer.self_attn.in_proj_weight.data = plain(attention).weight[r]
            layer.self_attn.in_proj_bias.data = plain(attention).bias[r]
            layer.self_attn.out_proj.weight.data = attention.last.weight[r]
            layer.self_attn.out_proj.bias.data.zero_()
            layer.linear1.weight.data, layer.linear1.bias.data = plain(hidden).weight[r], plain(hidden).bias[r]
            layer.linear2.weight.data = hidden.last.weight[r]
            layer.linear2.bias.data.zero_()
            first = 2 * i if order == "pre" else 2 * i + 1
            layer.norm1, layer.norm2 = norm(net, first, r), norm(net, first + 1, r)
            h = layer(h)
        if order == "pre":
            h = norm(net, 4, r)(h)
        expected = F.linear(h.mean(dim=1), net.classifier.weight[r], net.classifier.bias[r])
        torch.testing.assert_close(logits[r], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", ["pre", "post"])
def test_a_residual_mlp_by_hand(order: str) -> None:
    net, x = made(model("resmlp", norm=order, expansion=1.5), TABLE)
    logits = net(x)
    for r in range(REPLICAS):
        s = x[r] @ net.blocks[0].weight[r].T
        a = norm(net, 0, r)(s)
        for i, sublayer in enumerate(sublayers(net)):
            hidden = plain(sublayer)
            assert hidden.weight.shape == (REPLICAS, 12, WIDTH)
            added = F.relu(a @ hidden.weight[r].T + hidden.bias[r]) @ sublayer.last.weight[r].T
            s = (s if order == "pre" else a) + added
            a = norm(net, i + 1, r)(s)
        expected = F.linear(F.relu(a), net.classifier.weight[r], net.classifier.bias[r])
        torch.testing.assert_close(logits[r], expected, rtol=1e-10, atol=1e-12)


def test_patches_are_squares_row_by_row() -> None:
    x = torch.arange(2 * 3 * 3 * 8 * 12, dtype=torch.float64).view(2, 3, *IMAGE)
    squares = patches(x, 4)
    for r in range(2):
        assert torch.equal(squares[r].unflatten(0, (3, -1)), F.unfold(x[r], 4, stride=4).mT)


def test_layers_that_share_a_number_draw_weights_of_their_own() -> None:
    net, _ = made(model("resmlp", expansion=1.0), TABLE)
    drawn = [w for s in sublayers(net) for w in (plain(s).weight[0], s.last.weight[0])]
    assert all(w.shape == (WIDTH, WIDTH) for w in drawn)
    assert not any(torch.equal(a, b) for a, b in pairwise(drawn))


def test_dropout_draws_for_samples_however_a_batch_is_divided() -> None:
    one = trial(model=model("transformer", heads=2), dropout=0.5)
    streams = Streams([0], dtype=torch.float64)
    net = build([one], facts(TABLE, 3), streams)
    x = torch.randn(1, 4, *TABLE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    streams.at(0, 0)
    whole = net(x)
    parts: list[Tensor] = []
    for first in (0, 2):
        streams.at(0, 0)
        streams.part(first, 4)
        parts.append(net(x[:, first : first + 2]))
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=1e-12, atol=1e-12)
    assert not torch.equal(whole, net.eval()(x))


def test_ghosts_and_subsets_are_of_samples_not_of_tokens() -> None:
    streams = Streams([0], dtype=torch.float64)
    samples, tokens = 8, 6
    u = torch.randn(1, samples * tokens, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    by_sample = u.unflatten(1, (samples, tokens))
    ghost = normalizers.build("gbn", Site(in_channels=3, out_channels=WIDTH, rows=tokens, streams=streams), size=4)
    expected = [F.batch_norm(part.flatten(0, 1), None, None, training=True) for part in by_sample[0].split(4)]
    torch.testing.assert_close(ghost.after(u)[0], torch.cat(expected), rtol=1e-10, atol=1e-10)
    vcl = normalizers.build(
        "vcl", Site(in_channels=3, out_channels=WIDTH, rows=tokens, streams=streams), n=3, weight=1.0
    )
    first, second = (by_sample[0, part].var(dim=0) for part in (slice(0, 3), slice(3, 6)))
    torch.testing.assert_close(vcl.penalty(u)[0], (1 - first / (second + 1)).square().mean(), rtol=1e-10, atol=1e-10)


def test_a_method_that_acts_on_activations_is_refused() -> None:
    for name in ("normprop", "sws", "sws+ln"):
        with pytest.raises(UsageError, match="acts on what an activation puts out"):
            made(model("resmlp"), TABLE, name)


def test_multiply_accumulates_count_tokens_and_attention() -> None:
    one = trial(model=model("transformer", heads=2), activation=activation("relu"))
    total, first = macs(one, facts(IMAGE, 3))
    tokens, layer = 6, 12 * WIDTH**2
    assert first == tokens * 48 * WIDTH
    assert total == first + 2 * (tokens * layer + 2 * tokens**2 * WIDTH) + 3 * WIDTH
