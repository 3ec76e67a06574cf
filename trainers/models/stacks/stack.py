"""A stream that sublayers add to, normalized before each of them or after each sum."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.limits import NO_ACTIVATION
from sweeps.trial import Trial
from sweeps.words.composition import normalizer
from trainers.layers.block import Block, Layer
from trainers.layers.dropout import Dropout
from trainers.models.network import Network
from trainers.seeding import Streams


class Sublayer(nn.Module):
    """What is added to the stream: (R, rows, C) → (R, rows, C) through `inner` and the block's layer, with dropout.

    The block has no activation. Its normalizer is that of the sum which it completes.
    """

    def __init__(self, inner: nn.Module, last: Block, dropout: Dropout) -> None:
        super().__init__()
        self.inner, self.last, self.dropout = inner, last, dropout

    def forward(self, a: Tensor) -> Tensor:
        return self.dropout(self.last.operate(self.inner(a)))


class Stack(Network):
    """first → sublayers → mean over a sample's tokens → `end` → classifier.

    Pre-norm, s ← s + f(normalized s), or post-norm, s ← normalized (s + f(s)) (Xiong et al. 2020, figure 1); either way
    what enters a sublayer, and the classifier, is normalized. Activations are (R, B T, C): the T tokens of a sample
    follow each other. A batch statistic is taken over the tokens of all samples, a sample's over each token by itself.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        first: Block,
        sublayers: Sequence[Sublayer],
        classifier: Layer,
        *,
        norm: str,
        positions: Tensor | None = None,
        end: nn.Module | None = None,
    ) -> None:
        """`positions`: (R, T, C), learned, added to what `first` makes of each token; None: T = 1.

        UsageError for methods that act on activations, as normprop.
        """
        super().__init__()
        method, model = trials[0].normalizer.name, trials[0].model.name
        if "activated" in normalizer(method).points:
            raise UsageError(
                f"{method} with model {model}: {NO_ACTIVATION.of(model=model)}; use the model mlp, or another method"
            )
        self.first = first
        self.sublayers = nn.ModuleList(sublayers)
        self.classifier = classifier
        self.end = nn.Identity() if end is None else end
        self.positions = None if positions is None else nn.Parameter(positions)
        self.blocks = [first, *(sublayer.last for sublayer in sublayers)]
        self._post = norm == "post"

    def tokens(self, x: Tensor) -> Tensor:
        """(R, B, *sample) → what the first block's layer takes."""
        return x.flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        batch = x.shape[1]
        s = self.first.operate(self.tokens(x))
        if self.positions is not None:
            s = (s.unflatten(1, (batch, -1)) + self.positions.unsqueeze(1)).flatten(1, 2)
        a = self.first.normalize(s)
        for sublayer in self.sublayers:
            assert isinstance(sublayer, Sublayer)
            s = (a if self._post else s) + sublayer(a)
            a = sublayer.last.normalize(s)
        return self.classifier(self.end(a.unflatten(1, (batch, -1)).mean(dim=2)))


class OfTokens(Streams):
    """The streams of `trunk` where a sample is `tokens` rows: what leads with rows is drawn sample by sample."""

    def __init__(self, trunk: Streams, tokens: int) -> None:
        super().__init__(trunk.seeds, device=str(trunk.device), dtype=trunk.dtype)
        self._trunk, self._tokens = trunk, tokens

    def uniform(self, purpose: str, layer: int, shape: tuple[int, ...], *, samples: bool = False) -> Tensor:
        return self._rows(self._trunk.uniform(purpose, layer, self._split(shape, samples), samples=samples), samples)

    def normal(self, purpose: str, layer: int, shape: tuple[int, ...], *, samples: bool = False) -> Tensor:
        return self._rows(self._trunk.normal(purpose, layer, self._split(shape, samples), samples=samples), samples)

    def initial(self, layer: int, shape: tuple[int, ...], purpose: str = "init") -> Tensor:
        return self._trunk.initial(layer, shape, purpose)

    def _split(self, shape: tuple[int, ...], samples: bool) -> tuple[int, ...]:
        return (shape[0] // self._tokens, self._tokens, *shape[1:]) if samples else shape

    def _rows(self, numbers: Tensor, samples: bool) -> Tensor:
        return numbers.flatten(1, 2) if samples else numbers


def by_token(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Each feature times a vector of its own: (R, B, F), (R, C, F), (R, C) → (R, B F, C), a token a feature.

    Source: Gorishniy et al. 2021, section 3.3; biases of single features are the positions'.
    """
    tokens = x.unsqueeze(-1) * weight.mT.unsqueeze(1)
    if bias is not None:
        tokens = tokens + bias.view(len(bias), 1, 1, -1)
    return tokens.flatten(1, 2)


def patches(x: Tensor, side: int) -> Tensor:
    """(R, B, C, H, W) → (R, B T, C side²): T = H W/side² squares without overlap, row by row."""
    x = x.unflatten(-1, (-1, side)).unflatten(-3, (-1, side))
    return x.permute(0, 1, 3, 5, 2, 4, 6).flatten(4).flatten(1, 3)


def attended(qkv: Tensor, tokens: int, heads: int) -> Tensor:
    """softmax(q kᵀ/√d) v in each head: (R, B T, 3C), queries, keys and values, → (R, B T, C), d = C/heads.

    Source: Vaswani et al. 2017, Eq. 1. No fused kernel: their gradients may differ from one time to the next.
    """
    q, k, v = qkv.unflatten(1, (-1, tokens)).unflatten(3, (3, heads, -1)).transpose(2, 4).unbind(3)
    weights = torch.softmax((q * q.shape[-1] ** -0.5) @ k.mT, dim=-1)
    return (weights @ v).transpose(2, 3).flatten(3).flatten(1, 2)
