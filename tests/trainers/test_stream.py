"""Images that are decoded while training: the same bits whoever decodes them, wherever training goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from torch import Tensor

from sweeps.trial import Trial
from sweeps.words.choice import Choice
from tests.trainers.folder import folder
from tests.trainers.trials import method, model, trial
from trainers import augment
from trainers.augment.frames import frames
from trainers.data.dataset import assemble
from trainers.data.folders import FolderDataset
from trainers.data.standardize import scale
from trainers.feeding.loader import Loader, LostProcess, Order
from trainers.feeding.stream import Stream
from trainers.pack import PackTrainer
from trainers.seeding import Streams

CROPS = {
    "resized-crop": Choice.of("resized-crop", {"size": 16, "least": 0.08}),
    "crop-flip": Choice.of("crop-flip", {"size": 16}),
    "flip": Choice("flip"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FolderDataset:
    return folder(tmp_path_factory.mktemp("images"))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def small(**changes: Any) -> Trial:
    shared = {"model": model("cnn9", width=0.05), "precision": "float32", "augment": CROPS["resized-crop"], "epochs": 2}
    return trial(**shared | changes)


def stream(data: FolderDataset, trials: list[Trial], *pieces: slice) -> tuple[Stream, Streams]:
    streams, parts = Streams([t.seed for t in trials]), pieces or [slice(0, 4)]
    return Stream(data, trials, streams, device="cpu", dtype=torch.float32, workers=0, pieces=parts), streams


def epoch(made: tuple[Stream, Streams], number: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """The training batches of an epoch as `PackTrainer` asks for them."""
    source, streams = made
    streams.at(number, first)
    where = source.train.gather(1, streams.order(source.train.shape[1]))
    for step in range(first, where.shape[1] // 4):
        streams.at(number, step)
        yield source.samples(where[:, 4 * step : 4 * step + 4])


def train(trainer: PackTrainer) -> PackTrainer:
    while not trainer.finished:
        trainer.advance(60.0)
    return trainer


def colours(data: FolderDataset, x: Tensor, r: int = 0) -> list[int]:
    """The classes that the samples' mean colours tell."""
    mean, std = scale(data, data.split(0))
    means = (x[r].mean(dim=(-2, -1)) * torch.from_numpy(std).flatten() + torch.from_numpy(mean).flatten()) * 255
    return ((means[:, 0] - 40) / 80).round().long().tolist()


@pytest.mark.parametrize("name", CROPS)
def test_images_come_with_their_labels_in_the_epochs_order(name: str, data: FolderDataset) -> None:
    made = stream(data, [small(augment=CROPS[name])])
    for number in (0, 1):
        seen = [(x, y) for x, y in epoch(made, number)]
        assert [x.shape for x, _ in seen] == [(1, 4, 3, 16, 16)] * 6
        assert [colours(data, x) for x, _ in seen] == [y[0].tolist() for _, y in seen]
        assert sorted(torch.cat([y[0] for _, y in seen]).tolist()) == [0] * 8 + [1] * 8 + [2] * 8
    evaluated = list(made[0].batches(made[0].test))
    assert [colours(data, x) for x, _ in evaluated] == [y[0].tolist() for _, y in evaluated]
    assert torch.cat([y for _, y in evaluated], dim=1).tolist() == [[0] * 4 + [1] * 4 + [2] * 4]


def test_samples_are_standardized_by_the_training_part(data: FolderDataset) -> None:
    made = stream(data, [small(augment=Choice("none"))])
    x = torch.cat([x for x, _ in made[0].batches(made[0].train)], dim=1).double()
    torch.testing.assert_close(x.mean(dim=(0, 1, 3, 4)), torch.zeros(3).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std(dim=(0, 1, 3, 4)), torch.ones(3).double(), atol=1e-5, rtol=0)


def test_a_files_rectangle_is_that_of_the_same_image_in_memory(tmp_path: Path) -> None:
    """On a plane, any linear interpolation is exact away from the border, so that the corners tell the rectangle."""
    data = folder(tmp_path, classes=1, train=4, test=1)
    ramp = np.arange(64)
    plane = np.stack([np.tile(3 * ramp, (64, 1)), np.tile(3 * ramp[:, None], (1, 64)), np.full((64, 64), 99)], axis=-1)
    for i in range(4):  # PNG under another name: nothing is lost
        Image.fromarray(plane.astype(np.uint8)).save(data.root / f"train/c0/{i}.jpeg", format="png")
    one = small(augment=Choice.of("resized-crop", {"size": 16, "least": 0.3}), standardize="none")
    source, streams = stream(data, [one])
    pixels = np.stack([plane.transpose(2, 0, 1)] * 8).astype(np.uint8)
    memory = augment.build([one], streams, assemble("made", pixels, np.arange(8) % 2, 2))
    streams.at(0, 0)
    (x, _), expected = next(epoch((source, streams), 0)), torch.from_numpy(pixels[:4] / np.float32(255))[None]
    found = memory.training(expected.float())
    torch.testing.assert_close(x[..., 2:-2, 2:-2], found[..., 2:-2, 2:-2], atol=0.6 / 255, rtol=0)


def test_an_image_is_decoded_once_for_replicas_that_share_it(
    data: FolderDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = [small(seed=1, lr=0.1), small(seed=2), small(seed=1, lr=0.2), small(seed=1, standardize="none")]
    together = stream(data, trials)
    decoded: list[str] = []
    original = Loader.run

    def counted(self: Loader, orders: Any) -> Any:
        def passed() -> Iterator[Any]:
            for order in orders:
                decoded.extend(order.files)
                yield order

        return original(self, passed())

    monkeypatch.setattr(Loader, "run", counted)
    batches = list(epoch(together, 0))
    assert len(decoded) == len(batches) * 4 * 2
    for r, one in enumerate(trials):
        alone = list(epoch(stream(data, [one]), 0))
        for (x, y), (own, labels) in zip(batches, alone, strict=False):
            assert torch.equal(x[r], own[0])
            assert torch.equal(y[r], labels[0])
    decoded.clear()
    list(together[0].batches(together[0].test))
    assert len(decoded) == 12


def test_an_epoch_entered_anywhere_goes_on_with_the_same_bits(data: FolderDataset) -> None:
    made = stream(data, [small(seed=1), small(seed=2)])
    whole = list(epoch(made, 1))
    for first in (3, 0, 5):
        for (x, y), (other, labels) in zip(epoch(made, 1, first), whole[first:], strict=True):
            assert torch.equal(x, other)
            assert torch.equal(y, labels)
        list(made[0].batches(made[0].test))


def test_pieces_are_the_batch(data: FolderDataset) -> None:
    """As the ranks of a gang take it, each its own columns, one shard after the other."""
    trials = [small(batch_size=4)]
    whole = list(epoch(stream(data, trials), 0))
    source, streams = stream(data, trials, slice(2, 3), slice(3, 4))
    streams.at(0, 0)
    where = source.train.gather(1, streams.order(24))
    for step in range(6):
        streams.at(0, step)
        for column in (2, 3):
            x, y = source.samples(where[:, 4 * step + column : 4 * step + column + 1])
            assert torch.equal(x[:, 0], whole[step][0][:, column])
            assert torch.equal(y[:, 0], whole[step][1][:, column])


def test_the_global_generator_is_left_alone(data: FolderDataset) -> None:
    before = torch.get_rng_state()
    list(epoch(stream(data, [small()]), 0))
    assert torch.equal(before, torch.get_rng_state())


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    data = folder(tmp_path)
    scale(data, data.split(0))
    torn = data.path(5)
    torn.write_bytes(torn.read_bytes()[:300])
    with pytest.raises(ValueError, match=rf"^{torn} cannot be decoded \([Tt]runcated.*\)$"):
        list(epoch(stream(data, [small()]), 0))


def test_a_folder_is_not_published_standardized(data: FolderDataset) -> None:
    with pytest.raises(ValueError, match="made is not published standardized: use `standardize: train`"):
        PackTrainer([small(standardize="published")], data)


@pytest.mark.smoke
def test_any_number_of_workers_gives_the_same_bits(data: FolderDataset) -> None:
    trials = [small(seed=1, normalizer=method("bn")), small(seed=2, normalizer=method("bn"), lr=0.1)]
    trained = [train(PackTrainer(trials, data, workers=workers)) for workers in (0, 1, 2)]
    assert trained[0].rows()[0]["state"] == "done"
    states = [trainer.network.state_dict() for trainer in trained]
    for other, state in zip(trained[1:], states[1:], strict=True):
        assert other.rows() == trained[0].rows()
        assert all(torch.equal(state[name], states[0][name]) for name in states[0])


@pytest.mark.smoke
def test_training_goes_on_in_the_middle_of_an_epoch_with_other_workers(data: FolderDataset) -> None:
    trials = [small(seed=1), small(seed=2, lr=0.1)]
    whole = train(PackTrainer(trials, data))
    begun = PackTrainer(trials, data, workers=1)
    for _ in range(8):  # two steps into the second epoch
        begun.advance(0.0)
    rest = PackTrainer(trials, data, workers=2)
    rest.load_state_dict(begun.state_dict())
    assert (rest.epoch, rest.step) == (1, 2)
    train(rest)
    assert rest.rows() == whole.rows()
    ours, theirs = rest.network.state_dict(), whole.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_trial_in_shards_takes_them_in_turn(data: FolderDataset) -> None:
    whole, shards = (train(PackTrainer([small(shards=n, precision="float64")], data)) for n in (1, 2))
    assert whole.rows()[0]["curve_train_loss"] == pytest.approx(shards.rows()[0]["curve_train_loss"], rel=1e-9)


@pytest.mark.smoke
def test_a_lost_worker_is_told_in_one_sentence(data: FolderDataset) -> None:
    trainer = PackTrainer([small(epochs=10_000)], data, workers=2)
    trainer.advance(0.0)
    victim = workers_of(os.getpid())[-1]
    os.kill(victim, signal.SIGKILL)
    with pytest.raises(LostProcess, match=r"^a process that reads images ended before its time; .*$"):
        train(trainer)


@pytest.mark.smoke
def test_a_worker_lost_between_two_runs_is_told_too(data: FolderDataset) -> None:
    loader = Loader(frames(small().augment, 16), workers=2)
    orders = [Order([str(data.root / name)], None) for name in data.files[:4]]
    assert len(list(loader.run(orders))) == 4
    for pid in workers_of(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(LostProcess):
        next(loader.run(orders))


@pytest.mark.smoke
def test_workers_end_with_what_they_work_for(data: FolderDataset) -> None:
    trainer = PackTrainer([small()], data, workers=2)
    before = workers_of(os.getpid())  # of another test, which are ending
    trainer.advance(0.0)
    begun = [pid for pid in workers_of(os.getpid()) if pid not in before]
    assert len(begun) == 2
    del trainer
    assert gone(begun, seconds=20)


@pytest.mark.smoke
def test_no_worker_survives_its_trainer(data: FolderDataset) -> None:
    code = f"""
import os, sys
from pathlib import Path
from tests.trainers.folder import folder
from tests.trainers.test_stream import small, workers_of
from trainers.pack import PackTrainer
if __name__ == "__main__":
    trainer = PackTrainer([small(epochs=10_000)], folder(Path({str(data.root)!r})), workers=2)
    trainer.advance(0.0)
    print(*workers_of(os.getpid()), flush=True)
    trainer.advance(600.0)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        begun = [int(word) for word in process.stdout.readline().split()]
        process.kill()
    assert len(begun) == 2
    assert gone(begun, seconds=20)


def workers_of(pid: int) -> list[int]:
    """The workers of a process: the processes that its fork server forked."""
    children = [child for child in psutil.Process(pid).children(recursive=True) if runs(child.pid)]
    servers = {child.pid for child in children if "forkserver" in " ".join(child.cmdline())}
    return sorted(child.pid for child in children if child.ppid() in servers)


def gone(pids: list[int], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(runs(pid) for pid in pids):
            return True
        time.sleep(0.1)
    return False


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
