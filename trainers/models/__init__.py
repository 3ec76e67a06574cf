"""Networks with a leading replica dimension."""

from trainers.models.build import build
from trainers.models.network import Network

__all__ = ["Network", "build"]
