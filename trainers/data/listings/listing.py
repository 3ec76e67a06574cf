"""One entry of the registry: what a data set is, whose it is, and how to get it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

FETCH = "normsweep data fetch {name}"


@dataclass(frozen=True, slots=True)
class Archive:
    """A file to download; `md5` as its publisher or torchvision gives it, empty where nobody does."""

    url: str
    md5: str = ""

    @property
    def filename(self) -> str:
        return PurePosixPath(unquote(urlsplit(self.url).path)).name


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """`shape` is one sample's. `maker` ("module:function" below `trainers.data`) makes the set without a download;
    its `revision` and the versions of `libraries` are part of the set's source. `digest` is the content's, where the
    name stands for one very content, `unsplit` the same without the published splits. `standardized`: the features
    are published standardized.
    """

    task: str
    n: int
    shape: tuple[int, ...]
    classes: int
    source: str
    licence: str
    how: str = ""
    archives: tuple[Archive, ...] = ()
    digest: str = ""
    unsplit: str = ""
    standardized: bool = False
    maker: str = ""
    revision: int = 1
    libraries: tuple[str, ...] = ()

    @property
    def d(self) -> int:
        """Numbers in a sample."""
        return math.prod(self.shape)
