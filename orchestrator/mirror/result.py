"""What a synchronization did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SyncResult:
    """Counts of runs, one sentence for each thing that MLflow refused, and who syncs when it is somebody else."""

    created: int = 0
    completed: int = 0  # runs that a killed sync had begun
    removed: int = 0  # of a trial that had several, or whose result a retry has replaced
    unchanged: int = 0
    problems: list[str] = field(default_factory=list)
    busy: str | None = None

    def __str__(self) -> str:
        counts = {"new": self.created, "completed": self.completed, "removed": self.removed}
        told = [f"{count} {word}" for word, count in counts.items() if count]
        summary = f"MLflow runs: {', '.join([*told, f'{self.unchanged} unchanged'])}"
        return "\n".join([*([self.busy] if self.busy else [summary]), *self.problems])
