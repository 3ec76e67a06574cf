"""Every normalizer, behind one protocol."""

from trainers.normalizers.build import build
from trainers.normalizers.method import Method, Site

__all__ = ["Method", "Site", "build"]
