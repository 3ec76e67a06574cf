import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.normalizers.alone import FLOAT64, PLACES, Place, Plain, compare, normal
from trainers.normalizers import Site, build
from trainers.seeding import Streams


class PlainNorm(Plain):
    """A layer without bias, then torch's own normalization."""

    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.norm = self.make(place)

    @staticmethod
    def make(place: Place) -> nn.Module:
        raise NotImplementedError

    def named(self) -> dict[str, Tensor]:
        return {"weight": self.weight, "gamma": self.norm.weight, "beta": self.norm.bias}

    def forward(self, x: Tensor) -> Tensor:
        return F.elu(self.norm(self.place.apply(x, self.weight)))


class PlainGroup(PlainNorm):
    @staticmethod
    def make(place: Place) -> nn.Module:
        return nn.GroupNorm(4, place.outputs, dtype=FLOAT64)


class PlainLayer(PlainNorm):
    @staticmethod
    def make(place: Place) -> nn.Module:
        return (
            nn.GroupNorm(1, place.outputs, dtype=FLOAT64)
            if place.kernel
            else nn.LayerNorm(place.outputs, dtype=FLOAT64)
        )


class PlainInstance(PlainNorm):
    @staticmethod
    def make(place: Place) -> nn.Module:
        return nn.InstanceNorm2d(place.outputs, affine=True, dtype=FLOAT64)


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_layer_and_group_norm_are_torchs(place: Place, replicas: int) -> None:
    compare("ln", PlainLayer, place, replicas)
    compare("gn", PlainGroup, place, replicas, groups=4)


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
def test_instance_norm_is_torchs(replicas: int) -> None:
    compare("in", PlainInstance, PLACES["conv"], replicas)


def site(channels: int, spatial: tuple[int, ...] = (), replicas: int = 2) -> Site:
    streams = Streams(range(replicas), dtype=FLOAT64)
    return Site(in_channels=3, out_channels=channels, spatial=spatial, replicas=replicas, streams=streams)


@pytest.mark.parametrize(("channels", "groups", "taken"), [(8, 4, 4), (12, 5, 4), (24, 16, 12), (7, 6, 1), (4, 16, 4)])
def test_channels_are_divided_into_the_largest_number_of_equal_groups(channels: int, groups: int, taken: int) -> None:
    u = normal(2, 3, channels, 4, 5, seed=1)
    y = build("gn", site(channels, (4, 5)), groups=groups).after(u)
    for r in range(2):
        torch.testing.assert_close(y[r], F.group_norm(u[r], taken))


def test_default_of_sixteen_groups() -> None:
    u = normal(2, 3, 64, seed=1)
    torch.testing.assert_close(build("gn", site(64)).after(u)[1], F.group_norm(u[1], 16))


@pytest.mark.parametrize(
    ("name", "where", "sentence"),
    [
        ("in", site(8), "in needs spatial axes"),
        ("in", site(8, (1, 1)), "one value"),
        ("gn", site(8), "fewer `groups`"),
        ("gn", site(8, (1,)), "one value"),
        ("ln", site(1), "one value"),
    ],
)
def test_a_group_of_one_value_is_refused(name: str, where: Site, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build(name, where)


def test_a_sample_is_normalized_by_itself() -> None:
    method = build("gn", site(8, (3, 3)), groups=2)
    u = normal(2, 4, 8, 3, 3, seed=1)
    torch.testing.assert_close(method.after(u[:, 1:2]), method.after(u)[:, 1:2])
    assert torch.equal(method.after(u), method.eval().after(u))
