"""Two sweeps side by side, packs with images and gangs; when one is done, the next of its kind begins."""

from __future__ import annotations

from pathlib import Path

from orchestrator.store import Store
from tests.trainers.folder import tree

IMAGES = "squares"
SWEEPS = {
    "packs": """
name: NAME
trial:
  dataset: [wine, titanic, squares]
  activation: [relu, elu]
  normalizer: [bn, {vcl: {n: 3}}]
  depth: 2
  width: 64
  epochs: 150
  schedule: {step: {at: [3]}}
  seed: SEED
  where:
    - {if: "activation=elu", dropout: 0.5}
    - {if: "dataset=titanic", epochs: 40}
    - if: "dataset=squares"
      model: {resnet18: {width: 0.125, repeats: [1, 1, 1, 1]}}
      augment: {resized-crop: {size: 32}}
      batch_size: 6
      epochs: 5
  exclude: [dataset=squares normalizer=vcl]
run: {checkpoint_seconds: SECONDS}
""",
    "gangs": """
name: NAME
trial:
  dataset: [wine, squares]
  normalizer: brn
  batch_size: 20
  shards: 2
  epochs: 40
  dropout: 0.5
  seed: SEED
  where:
    - if: "dataset=squares"
      model: {resnet18: {width: 0.125, repeats: [1, 1, 1, 1]}}
      augment: {resized-crop: {size: 32}}
      batch_size: 6
      epochs: 5
run: {devices: 2, checkpoint_seconds: SECONDS}
""",
}


class Lane:
    """Sweeps of one kind, one after the other, each with a seed of its own."""

    def __init__(self, kind: str, folder: Path, checkpoint_seconds: float, more: str = "") -> None:
        self.kind, self._folder = kind, folder
        self._text = SWEEPS[kind].replace("SECONDS", f"{checkpoint_seconds}{more}")
        self.number = 0
        self.over = False
        self.next()

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number}"

    @property
    def names(self) -> list[str]:
        """Of the sweeps so far."""
        return [f"{self.kind}-{i + 1}" for i in range(self.number)]

    @property
    def file(self) -> Path:
        return self.file_of(self.name)

    def file_of(self, name: str) -> Path:
        return self._folder / f"{name}.yaml"

    def next(self) -> None:
        self.number += 1
        self.file.write_text(self._text.replace("NAME", self.name).replace("SEED", str(self.number)))

    def packs(self, workspace: Path) -> set[str]:
        """Of the sweep that is under way; none before it is planned."""
        store = Store.at(workspace)
        versions = store.sweeps.versions(self.name)
        trials = set(versions[-1].trials) if versions else set[str]()
        return {pack.id for pack in store.roster.live if not trials.isdisjoint(pack.trial_ids)}

    def done(self, workspace: Path) -> bool:
        """Whether every pack has its part."""
        packs = self.packs(workspace)
        return bool(packs) and packs <= Store.at(workspace).ledger.done()


def make_images(folder: Path) -> Path:
    """A folder of images, to be imported under the name of `IMAGES`."""
    return tree(folder / IMAGES)
