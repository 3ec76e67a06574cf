"""`python -m orchestrator.cli` is `normsweep`; the console script calls `main`."""

from orchestrator.cli import interrupts


def main() -> None:
    interrupts.heed()
    from orchestrator.cli.main import main as typed

    typed()


if __name__ == "__main__":
    main()
