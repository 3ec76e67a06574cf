"""A pack in tiles: so many replicas as the caches hold, each tile trained for an epoch before the next has its turn."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from sweeps import cost
from sweeps.errors import UsageError
from sweeps.trial import Trial
from trainers.checkpoint import Checkpointed
from trainers.data.dataset import Dataset
from trainers.data.folders import FolderDataset
from trainers.feeding.pool import Pool
from trainers.history import in_order
from trainers.pack import DTYPES, PackTrainer, check
from trainers.pulse import Pace
from trainers.trainer import Trainer

# Of a tile's weights. Every step reads and writes all of them: what is no longer in the caches by the next step costs
# more than Python's share of a step, which the replicas of a tile divide among them.
TILE_BYTES = 8 * 2**20


def build(
    trials: Sequence[Trial], data: Dataset | FolderDataset, *, device: str = "cpu", compile: bool = False, **how: Any
) -> Trainer:
    """The trainer of a pack, in tiles where these are faster: on cores, for mlps. `how`: what else `PackTrainer` takes.

    Tiles follow from the shapes of the trials alone, as their results do.
    """
    size = tile_size(trials[0], data) if device == "cpu" and isinstance(data, Dataset) and not compile else len(trials)
    if size < len(trials):
        assert isinstance(data, Dataset)
        return TiledTrainer(trials, data, size)
    return PackTrainer(trials, data, device=device, compile=compile, **how)


def tile_size(trial: Trial, data: Dataset) -> float:
    """How many replicas of a trial make a tile: infinity where its model is no mlp."""
    if trial.model.name not in cost.MACS:
        return math.inf
    weights, _ = cost.MACS[trial.model.name](trial, data.facts)
    return max(1, TILE_BYTES // (weights * DTYPES[trial.precision].itemsize))


class TiledTrainer(Checkpointed):
    """Trains the trials of a pack tile by tile. A `Trainer`; its epoch is the one that all tiles have reached."""

    def __init__(self, trials: Sequence[Trial], data: Dataset, size: float) -> None:
        """Tiles have at most `size` replicas and are as equal as possible; trials of one activation lie together."""
        check(trials, data)
        self._order = sorted(range(len(trials)), key=lambda i: str(trials[i].activation))
        self.trials = [trials[i] for i in self._order]
        count = math.ceil(len(trials) / size)
        bounds = [len(trials) * i // count for i in range(count + 1)]
        pool = Pool(data, self.trials, device="cpu", dtype=DTYPES[trials[0].precision])
        self.tiles = [PackTrainer(self.trials[a:b], data, pool=pool.of(slice(a, b))) for a, b in pairwise(bounds)]
        self.device = self.tiles[0].device

    @property
    def finished(self) -> bool:
        return all(tile.finished for tile in self.tiles)

    @property
    def progress(self) -> float:
        return sum(tile.progress for tile in self.tiles) / len(self.tiles) if not self.finished else 1.0

    @property
    def epoch(self) -> int:
        training = [tile.epoch for tile in self.tiles if not tile.finished]
        return min(training) if training else max(tile.epoch for tile in self.tiles)

    @property
    def pace(self) -> Pace:
        return self.tiles[0].pace

    def advance(self, seconds: float, steps: float = math.inf) -> None:
        """Trains until finished, about so many seconds have passed or so many steps of tiles are done; one at least."""
        end, before = time.monotonic() + seconds, self._steps_done
        while not self.finished:
            turn = min((tile for tile in self.tiles if not tile.finished), key=lambda tile: tile.epoch)
            turn.steps_elsewhere = self._steps_done - turn.steps_done
            turn.advance(end - time.monotonic(), min(steps - (self._steps_done - before), turn.steps_left_in_epoch))
            if time.monotonic() >= end or self._steps_done - before >= steps:
                break

    def rows(self) -> list[dict[str, object]]:
        """RESULTS and CURVES of `sweeps.records`, one row a trial in the order given, as far as trained."""
        return in_order(self._order, (row for tile in self.tiles for row in tile.rows()))

    def readings(self) -> list[list[dict[str, object]]]:
        """READINGS of `sweeps.records`, of each trial in the order given."""
        return in_order(self._order, (own for tile in self.tiles for own in tile.readings()))

    def state_dict(self) -> dict[str, Any]:
        return {"tiles": [tile.state_dict() for tile in self.tiles]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from where `state_dict` was taken, bit for bit. UsageError for the state of other trials."""
        if [t.id for t in self.trials] != [trial for tile in state["tiles"] for trial in tile["trials"]]:
            raise UsageError("the checkpoint holds other trials: delete it and train the pack again")
        for tile, own in zip(self.tiles, state["tiles"], strict=True):
            tile.load_state_dict(own)

    def fits(self, state: Mapping[str, Any]) -> bool:
        return len(state.get("tiles", ())) == len(self.tiles)

    def close(self) -> None:
        """Nothing to end."""

    @property
    def _steps_done(self) -> int:
        return sum(tile.steps_done for tile in self.tiles)
