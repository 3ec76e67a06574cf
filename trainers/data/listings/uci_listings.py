"""The 44 data sets of the VCL paper's table 5, as prepared by Fernández-Delgado et al. (2014)."""

from __future__ import annotations

import csv
from pathlib import Path

from trainers.data.listings.listing import FETCH, Archive, Listing

COLLECTION = "prepared by Fernández-Delgado et al. 2014, splits of Klambauer et al. 2017"
BUNDLE = Archive("http://www.bioinf.jku.at/people/klambauer/data_py.zip")
LICENCES = {"DELVE": "DELVE, free for research", "USC": "not stated"}


def _listing(row: dict[str, str]) -> Listing:
    """`origin`: the number in the UCI repository, DELVE, or USC for sets that came with the collection only."""
    name, origin = row["name"], row["origin"]
    return Listing(
        task=row["task"],
        n=int(row["n"]),
        shape=(int(row["d"]),),
        classes=int(row["classes"]),
        source=f"{f'UCI {origin}' if origin.isdigit() else origin}, {COLLECTION}",
        licence=LICENCES.get(origin, "CC BY 4.0"),
        how=f"run `{FETCH.format(name=name)}`, or `normsweep data import data_py.zip` with the SNN bundle at hand",
        archives=(BUNDLE,),
        digest=row["digest"],
        unsplit=row["unsplit"],
        standardized=True,
        maker=row["maker"],
    )


with Path(__file__).with_name("uci44.csv").open(encoding="utf-8", newline="") as _file:
    UCI: dict[str, Listing] = {row["name"]: _listing(row) for row in csv.DictReader(_file)}
