"""`python -m orchestrator.cli` is `normsweep`."""

from orchestrator.cli.main import main

main()
