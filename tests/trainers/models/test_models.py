from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sweeps.trial import Trial
from sweeps.words.kinds import NAMES
from tests.trainers.models.small import MODELS
from tests.trainers.trials import activation, facts, method, model, trial
from trainers.models import Network, build
from trainers.models.resnets.branch import Branch
from trainers.seeding import Streams

CIFAR, IMAGENET, CLOUD = ((3, 32, 32), 10), ((3, 224, 224), 1000), ((3, 1024), 40)

# Weights of the layers, a bias (none) or scale and shift (bn) of each channel: published where a source is named.
COUNTS = [
    ("resnet20", "bn", CIFAR, 269_722),  # 0.27 M, He et al. 2016, table 6
    ("resnet110", "bn", CIFAR, 1_727_962),  # 1.7 M, there
    ("wrn28-10", "bn", CIFAR, 36_479_194),  # 36.5 M, Zagoruyko and Komodakis 2016, table 4
    ("resnet18", "bn", IMAGENET, 11_689_512),  # 11.69 M
    ("resnet34", "bn", IMAGENET, 21_797_672),  # 21.80 M
    ("resnet50", "bn", IMAGENET, 25_557_032),  # 25.56 M
    ("vgg16", "none", CIFAR, 14_714_688 + 5_130),  # the convolutions of VGG-16 with biases, and 512 × 10 + 10
    ("resnet9", "bn", CIFAR, 6_573_130),  # 6,573,120 and the classifier's bias
    ("dgcnn", "bn", CLOUD, 1_809_320),  # 1.81 M
    # By hand, width 8, depth 2: patches 48 × 8, positions 64 × 8; 12 × 8² and biases 8 × (3 + 1 + 4) a layer, scales
    # and shifts in place of 2 × 8 of them and of the patches'; the classifier.
    ("transformer", "ln", CIFAR, 48 * 8 + 16 + 64 * 8 + 2 * (12 * 64 + 7 * 8 + 2 * 16) + 8 * 10 + 10),
]


def network(trials: list[Trial], shape: tuple[int, ...], classes: int = 3, device: str = "cpu") -> Network:
    streams = Streams([t.seed for t in trials], device=device, dtype=torch.float64)
    return build(trials, facts(shape, classes), streams)


def samples(replicas: int, shape: tuple[int, ...], batch: int = 4) -> Tensor:
    return torch.randn(replicas, batch, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_every_model_of_the_vocabulary_is_tested() -> None:
    assert MODELS.keys() == NAMES["model"].keys()


@pytest.mark.parametrize(("name", "normalizer", "task", "count"), COUNTS)
def test_parameter_counts(name: str, normalizer: str, task: tuple[tuple[int, ...], int], count: int) -> None:
    full = network([trial(model=model(name), normalizer=method(normalizer))], *task, device="meta")
    assert sum(p.numel() for p in full.parameters()) == count


@pytest.mark.parametrize("name", MODELS)
def test_full_model_maps_samples_to_logits(name: str) -> None:
    shape, classes = {**dict.fromkeys(("mlp", "resmlp"), ((14,), 3)), "dgcnn": CLOUD}.get(name, CIFAR)
    trials = [trial(model=model(name)), trial(model=model(name), seed=1)]
    full = network(trials, shape, classes, device="meta")
    assert full(torch.empty(2, 4, *shape, device="meta", dtype=torch.float64)).shape == (2, 4, classes)


@pytest.mark.parametrize("normalizer", ["none", "bn"])
@pytest.mark.parametrize("name", MODELS)
def test_a_replica_is_the_same_in_any_pack(name: str, normalizer: str) -> None:
    choice, shape = MODELS[name]
    shared = {"model": choice, "normalizer": method(normalizer), "bias_init": "random"}
    trials = [
        trial(**shared, seed=3, activation=activation("elu"), init="lecun"),
        trial(**shared, seed=4, activation=activation("prelu"), dropout=0.5),
    ]
    x = samples(2, shape)
    packed = network(trials, shape)
    together = packed(x)
    together.square().sum().backward()
    for r, one in enumerate(trials):
        alone = network([one], shape)
        logits = alone(x[r : r + 1])
        logits.square().sum().backward()
        torch.testing.assert_close(together[r], logits[0], rtol=1e-9, atol=1e-12)
        parameters = dict(packed.named_parameters())
        for key, q in alone.named_parameters():
            torch.testing.assert_close(parameters[key].grad[r], q.grad[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_layers_are_numbered_in_order_of_definition(name: str) -> None:
    choice, shape = MODELS[name]
    blocks = network([trial(model=choice)], shape).blocks
    shortcuts = [b for b in blocks if isinstance(b.site.streams, Branch)]
    numbers = [b.site.layer for b in blocks if b not in shortcuts]
    assert numbers == list(range(1, blocks[0].site.layers + 1))
    for block in shortcuts:
        before = blocks[blocks.index(block) - 1]
        assert block.site.layer == before.site.layer, "a shortcut takes its block's last number"


@pytest.mark.parametrize("name", MODELS)
def test_sites_know_the_shapes_of_their_layers(name: str) -> None:
    choice, shape = MODELS[name]
    net = network([trial(model=choice)], shape)
    seen: dict[int, Tensor] = {}
    for i, block in enumerate(net.blocks):
        operate = block.operate
        block.operate = lambda x, i=i, operate=operate: seen.setdefault(i, operate(x))  # type: ignore[method-assign]
    net(samples(1, shape))
    for i, block in enumerate(net.blocks):
        site = block.site
        replicas, rows, *rest = seen[i].shape
        assert (replicas, rest) == (1, [site.out_channels, *site.spatial])
        assert rows == 4 * site.rows
        assert block.weight.shape == (1, site.out_channels, site.in_channels, *site.kernel)


def test_large_images_get_a_second_stem() -> None:
    sides = [network([trial(model=model("bne-cnn"))], (3, side, side), device="meta").blocks for side in (64, 128)]
    assert [len(blocks) for blocks in sides] == [21, 22]


def test_a_shortcut_draws_numbers_of_its_own() -> None:
    choice, shape = MODELS["resnet18"]
    blocks = network([trial(model=choice)], shape).blocks
    shortcut = next(b for b in blocks if b.activation is None)
    last = blocks[blocks.index(shortcut) - 1]
    draws = [b.site.streams.normal("noise", b.site.layer, (4,)) for b in (last, shortcut)]
    assert not torch.equal(*draws)
    assert torch.equal(draws[1], Streams([0], dtype=torch.float64).normal("noise/shortcut", last.site.layer, (4,)))


def test_the_penalty_is_the_sum_over_layers() -> None:
    choice, shape = MODELS["resnet20"]
    net = network([trial(model=choice, normalizer=method("vcl", n=2))] * 2, shape)
    net(samples(2, shape))
    penalties = [b._penalty for b in net.blocks]
    assert all(p is not None for p in penalties)
    torch.testing.assert_close(net.penalty(), torch.stack(penalties).sum(dim=0))
    assert net.penalty() is None
    assert network([trial(model=choice)], shape).penalty() is None


@pytest.mark.parametrize(
    ("settings", "shape", "sentence"),
    [
        ({"model": model("cnn9")}, (14,), "takes images"),
        ({"model": model("dgcnn")}, (3, 8), "at least 20 points"),
        ({"model": model("nin")}, (3, 12, 12), "take larger images"),
        ({"model": model("vgg16")}, (3, 16, 16), "take larger images"),
        ({"model": model("resnet20", depth=21)}, (3, 32, 32), "6n \\+ 2"),
        ({"model": model("wrn28-10", depth=27)}, (3, 32, 32), "6n \\+ 4"),
        ({"model": model("resnet18", repeats=(1, 2))}, (3, 32, 32), "four numbers"),
        ({"model": model("transformer", heads=3)}, (6,), "heads=3 do not divide width=8"),
        ({"model": model("transformer")}, (3, 30, 30), "patch=4 does not divide images of 30 × 30"),
        ({"model": model("transformer")}, (3, 16), "takes tables and images"),
        ({"model": model("resmlp"), "normalizer": method("normprop")}, (6,), "normprop with model resmlp"),
        ({"model": model("cnn9"), "alpha_dropout": 0.1}, (3, 32, 32), "belongs to the model mlp"),
    ],
)
def test_what_a_model_does_not_take_is_refused(
    settings: dict[str, object], shape: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        network([trial(**settings)], shape)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ValueError, match="resnet20"):
        network([trial(model=replace(model("resnet20"), name="resnet21"))], (3, 32, 32))


@pytest.mark.parametrize("other", [{"width": 9}, {"depth": 3}, {"normalizer": method("bn")}])
def test_trials_of_other_shapes_are_refused(other: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="plan these trials apart"):
        network([trial(), trial(**other)], (6,))
