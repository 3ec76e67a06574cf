"""Shared by the tests of golden workspaces."""

from __future__ import annotations

from tests.orchestrator.conftest import call

__all__ = ["call"]
