"""Claim: a 95 % t interval over seeds holds the true mean in 93.5 to 96.5 % of experiments with normal errors.

python benchmarks/interval_coverage.py [--json]
"""

from __future__ import annotations

import sys

from analysis.statistics.coverage import coverage


def main() -> None:
    table = coverage()
    if "--json" in sys.argv:
        print(table.to_json(orient="records"))
        return
    wide = table.pivot_table(index=["errors", "seeds"], columns="kind", values=["coverage", "width"])
    print(wide.round(3).to_string())


if __name__ == "__main__":
    main()
