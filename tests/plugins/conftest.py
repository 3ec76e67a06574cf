from __future__ import annotations

from collections.abc import Iterator

import pytest

from sweeps.plugins.loading import load
from tests.orchestrator.conftest import call
from tests.plugins.files import forgotten

__all__ = ["call"]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    with forgotten():
        yield
    load.cache_clear()
