"""The name under which jobs that normsweep 0.1.0 queued find what they run."""

from __future__ import annotations

import sys

from orchestrator.cluster.allocation import main, work

__all__ = ["main", "work"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), spread="spread" in sys.argv[3:]))
