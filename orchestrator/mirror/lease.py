"""Whose turn it is to mirror a workspace: one writer at a time holds the lease `mirror`."""

from __future__ import annotations

from orchestrator.store.leases import Leases

LEASE = "mirror"


def holder(leases: Leases) -> str:
    """One sentence: who mirrors the workspace."""
    newest = leases.newest(LEASE)
    who = f"process {newest.owner.pid} on {newest.owner.host}" if newest else "another process"
    return f"{who} is mirroring this workspace: it, or a later sync, brings MLflow up to date"
