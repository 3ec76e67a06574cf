"""Training of a pack: R trials of the same shapes at once, as the leading dimension of every tensor."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from sweeps import cost
from sweeps.errors import UsageError
from sweeps.trial import Trial
from sweeps.words.rules import joined
from trainers import augment, host, models, pulse
from trainers.checkpoint import Checkpointed
from trainers.compiling.compiled import compiled
from trainers.compiling.recording import Repeated
from trainers.data.dataset import Dataset
from trainers.data.folders import FolderDataset
from trainers.distributed import Ranks
from trainers.feeding.pool import Pool
from trainers.feeding.stream import Stream
from trainers.history import History, in_order, row
from trainers.layers.block import pixel_by_pixel
from trainers.layers.descent import descending
from trainers.metrics import counted, counts, cross_entropy, smoothed
from trainers.normalizers.batch_statistics.sync import processes
from trainers.optim import build as optim
from trainers.probes.recorder import Recorder, unchanged
from trainers.probes.subject import Subject, subject_of
from trainers.pulse import Pace
from trainers.schedule import Position, factor
from trainers.seeding import Streams
from trainers.shards import Shards

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16-mixed": torch.float32}  # of the parameters
# What all trials of a pack have in common beside what fixes the shapes of the network.
COMMON = ("dataset", "batch_size", "shards", "epochs", "steps_per_epoch", "steps", "precision", "metrics", "record")


class PackTrainer(Checkpointed):
    """Trains the trials of one pack, epoch by epoch, in slices of time.

    An epoch takes each replica's own permutation of its training part in full batches; an incomplete last one is
    dropped. Losses are summed over replicas, so that no replica's gradient depends on another. A replica whose loss
    or evaluated logits are not finite is `diverged` from that epoch on; its history ends before it.
    Nothing reads from the device but the end of an epoch.

    Where `torch.distributed` is initialized, its processes train the pack together: each its share of every batch's
    shards and of what is evaluated. All of them hold the same state. `agree_every` has them compare it every so many
    steps (0: never): RuntimeError where they differ.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        data: Dataset | FolderDataset,
        *,
        device: str = "cpu",
        workers: int = 0,
        agree_every: int = 0,
        channels_last: bool = False,
        compile: bool = False,
        pool: Pool | None = None,
    ) -> None:
        """`workers`: processes that decode the images of a folder ahead; 0: this one does.

        `channels_last`: images lie in memory pixel by pixel. `compile`: through `torch.compile`. Both change the
        rounding of results. Without a C++ compiler, and what torch would get wrong, is trained uncompiled.
        `pool`: the trials' samples, where they lie ready.
        """
        check(trials, data)
        self._ranks, self._agree_every = Ranks(), agree_every
        # Replicas are ordered by activation, so that each activation works on one slice.
        self._order = sorted(range(len(trials)), key=lambda i: str(trials[i].activation))
        self.trials = [trials[i] for i in self._order]
        self._sizes, self._classes = data.facts.sizes(trials[0].split), data.facts.classes
        first = trials[0]
        self._batch_size = first.batch_size
        self._epoch_steps, self._steps = cost.steps_per_epoch(first, data.facts), cost.steps(first, data.facts)
        self._warmup_steps = [cost.warmup_steps(t, data.facts) for t in self.trials]
        self._epochs = math.ceil(self._steps / self._epoch_steps)

        dtype = DTYPES[first.precision]
        self.streams = Streams([t.seed for t in self.trials], device=device, dtype=dtype)
        self._augmentation = augment.build(self.trials, self.streams, data)
        facts = replace(data.facts, shape=self._augmentation.shape(data.facts.shape))
        self.network = models.build(self.trials, facts, self.streams)
        self.network.train()
        self._forward: Callable[[Tensor], Tensor] = self.network
        if compile:
            self._forward = compiled(self.network, self.streams, synchronized=processes(joined(first)) > 1)
        self._channels_last = channels_last and len(facts.shape) == 3
        self.optimizer = optim.build(self.trials, self.network.named_parameters())
        self._clipping = optim.clipping(self.trials, self.network)
        self._average = optim.average(self.trials, self.network)
        smoothing = [t.label_smoothing for t in self.trials]
        self._label_smoothing = torch.tensor(smoothing, dtype=dtype, device=device) if any(smoothing) else None
        self._shards = Shards(first, self.network, self._ranks)
        rides = self.optimizer.plain and self._clipping is None and self._shards.alone and not compile
        rides = rides and not first.model.plugin  # which may read a weight elsewhere
        self._descents = self.network.descents() if rides else []
        repeats = self._shards.alone and not compile and len(facts.shape) == 1 and self._is_ours()
        self._repeated = Repeated(self._learn, self.streams) if repeats else None
        self._edited = [block for block in self.network.blocks if block.edits]
        self._projected = [block for block in self.network.blocks if block.projects]
        if isinstance(data, FolderDataset):
            mine = self._shards.mine
            self._pool = Stream(
                data, self.trials, self.streams, device=device, dtype=dtype, workers=workers, pieces=mine
            )
        else:
            self._pool = pool or Pool(data, self.trials, device=device, dtype=dtype)
        self.device = host.device_name(device)
        self.epoch = 0
        self.step = 0  # within the epoch
        self.steps_elsewhere = 0  # that others of the same pack have done
        self._begun = False  # what comes before the first step is done
        self._histories = [History() for _ in self.trials]
        self._recorder = Recorder(self.trials)
        self._metrics = [metric.name for metric in first.metrics]
        self._loss_sums = torch.zeros(len(self.trials), dtype=torch.float64, device=device)  # of this epoch's steps
        self._where: Tensor | None = None  # (R, n): this epoch's order of the training samples
        self._pulse, self._compiled = pulse.mine(), compile
        self._pulse.reset()

    @property
    def finished(self) -> bool:
        over = self.epoch == self._epochs or all(h.diverged_epoch is not None for h in self._histories)
        return self._begun and over

    @property
    def progress(self) -> float:
        """The share of the steps that is done, 1 when finished."""
        return 1.0 if self.finished else self.steps_done / max(self._steps, 1)

    @property
    def pace(self) -> Pace:
        """How training moves in this process."""
        return self._pulse.pace

    @property
    def steps_done(self) -> int:
        return self.epoch * self._epoch_steps + self.step

    @property
    def steps_left_in_epoch(self) -> int:
        return self._steps_of_epoch() - self.step

    def advance(self, seconds: float, steps: float = math.inf) -> None:
        """Trains until finished, about so many seconds have passed or so many steps are done; one step at least.

        Processes that train together must be told the same number of steps, and no seconds that could end before.
        """
        end = time.monotonic() + seconds
        self._pulse.train(self.steps_elsewhere + self.steps_done)
        if not self._begun:
            self._begin()
        while not self.finished:
            self._train_step()
            self._pulse.move(self.steps_elsewhere + self.steps_done, warm=not self._compiled)
            if self.step == self._steps_of_epoch():
                self._end_epoch()
                self._pulse.move(warm=True)  # what is evaluated is compiled apart
            steps -= 1
            if steps <= 0 or time.monotonic() >= end:
                break

    def rows(self) -> list[dict[str, object]]:
        """RESULTS and CURVES of `sweeps.records`, one row a trial in the order given, as far as trained."""
        rows = [
            row(
                history,
                finished=self.finished,
                smoothing=trial.smoothing,
                validation=self._sizes.validation,
                test=self._sizes.test,
                majority_error=majority_error,
            )
            for history, trial, majority_error in zip(
                self._histories, self.trials, self._pool.majority_errors, strict=True
            )
        ]
        return in_order(self._order, rows)

    def readings(self) -> list[list[dict[str, object]]]:
        """What the probes have seen, READINGS of `sweeps.records`, of each trial in the order given."""
        return in_order(self._order, self._recorder.readings())

    @property
    def subject(self) -> Subject:
        """What probes are shown."""
        return subject_of(self.network, self.trials, self._pool, self._prepared)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain data; the tensors are those in use, to be written before training goes on."""
        return {
            "trials": [t.id for t in self.trials],
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": {} if self._average is None else self._average.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "loss_sums": self._loss_sums,
            "histories": [h.as_dict() for h in self._histories],
            "readings": self._recorder.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from where `state_dict` was taken, bit for bit. UsageError for the state of other trials."""
        if state["trials"] != [t.id for t in self.trials]:
            raise UsageError("the checkpoint holds other trials: delete it and train the pack again")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self.epoch, self.step = state["epoch"], state["step"]
        self._loss_sums.copy_(state["loss_sums"])
        self._histories = [History.from_dict(h) for h in state["histories"]]
        self._begun = self.steps_done > 0
        self._recorder.load_state_dict(state.get("readings", []) if self._begun else [])
        self._where = None
        if self._repeated is not None:
            self._repeated.reset()

    def fits(self, state: Mapping[str, Any]) -> bool:
        return "trials" in state

    def close(self) -> None:
        """Nothing to end: processes that decode images end with this one."""

    def _is_ours(self) -> bool:
        """Whether all that takes part in a step is this package's, whose steps differ in tensors alone."""
        parts = (*self.network.modules(), self.optimizer)
        known = all(type(part).__module__.partition(".")[0] in ("trainers", "torch") for part in parts)
        return known and not any(t.activation.plugin for t in self.trials)

    def _steps_of_epoch(self) -> int:
        return min(self._epoch_steps, self._steps - self.epoch * self._epoch_steps)

    def _begin(self) -> None:
        """What comes before the first step; where there is none, the network is evaluated as it begins."""
        self._calibrate("training")
        self._begun = True
        if not self._epochs:
            self._assess(None)
        self._record()

    def _record(self) -> None:
        """Has the probes look at the network, as it would be evaluated now. Nothing of training changes."""
        if not self._recorder.due(self.epoch, finished=self.finished):
            return
        alive = [h.diverged_epoch is None for h in self._histories]
        with self._evaluated(), unchanged(self.network):
            self._calibrate("evaluation")
            self._recorder.look(self.subject, self.epoch, finished=self.finished, alive=alive)

    def _prepared(self, x: Tensor) -> Tensor:
        self._pulse.move()
        return self._augmentation.evaluation(x)

    def _calibrate(self, before: Literal["training", "evaluation"]) -> None:
        def samples() -> Iterator[Tensor]:
            for x, _ in self._pool.batches(self._pool.train):
                yield self._prepared(x)

        self.streams.at(self.epoch, self.step)
        self.network.calibrate(samples, before=before)
        self._ranks.copy_first(self.network.buffers())

    def _train_step(self) -> None:
        self.streams.at(self.epoch, self.step)
        if self._where is None:
            self._where = self._pool.train.gather(1, self.streams.order(self._sizes.train))
        begin = self.step * self._batch_size
        batch = self._where[:, begin : begin + self._batch_size]
        self.optimizer.set_rates(self._rates())
        if self._repeated is not None:
            x, y = self._pool.samples(batch)
            self._repeated(self._augmentation.training(x), y)
        else:
            self._move(lambda: self._shards.train(lambda part: self._losses(*self._samples(batch, part))))
        self.step += 1
        if self._agree_every and self.steps_done % self._agree_every == 0:
            self._ranks.agree(self.network.state_dict().items())

    def _learn(self, x: Tensor, y: Tensor) -> None:
        """A step on the batch x (R, B, *sample), y (R, B), where this process trains all of it as one shard."""
        self._move(lambda: self._shards.train(lambda _: self._losses(x, y)))

    def _move(self, train: Callable[[], Tensor]) -> None:
        """A step along the gradients that `train` leaves; it returns the losses (R,)."""
        with descending(self._descents, self.optimizer.rates):
            losses = train()
            for block in self._edited:
                block.gradients()
        if self._clipping is not None:
            self._clipping.clip()
        self.optimizer.step()
        self.optimizer.clear()
        for block in self._projected:
            block.project()
        if self._average is not None:
            self._average.follow()
        self._loss_sums += losses

    def _samples(self, batch: Tensor, part: slice) -> tuple[Tensor, Tensor]:
        """What is learned from in a part of the batch (R, B), which says where its samples lie."""
        self.streams.part(part.start, self._batch_size)
        x, y = self._pool.samples(batch[:, part])
        return self._augmentation.training(x), y

    def _losses(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The losses (R,), and what is descended."""
        logits = self._logits(x)
        losses = descended = cross_entropy(logits, y)
        if self._label_smoothing is not None:
            descended = smoothed(losses, logits, self._label_smoothing)
        penalty = self.network.penalty()
        return losses, descended if penalty is None else descended + penalty

    def _logits(self, x: Tensor) -> Tensor:
        x = self.network.input(x)
        return self._forward(pixel_by_pixel(x) if self._channels_last else x)

    def _rates(self) -> list[float]:
        position = Position(epoch=self.epoch, epochs=self._epochs, step=self.steps_done, steps=self._steps)
        warmups = map(self._warmup, self._warmup_steps)
        return [t.lr * factor(t.schedule, position) * share for t, share in zip(self.trials, warmups, strict=True)]

    def _warmup(self, steps: float) -> float:
        """The share of its learning rate that a trial has reached: 1/w at the first of w steps of warm-up."""
        return 1.0 if self.steps_done + 1 >= steps else (self.steps_done + 1) / steps

    def _end_epoch(self) -> None:
        self._assess((self._loss_sums / self._steps_of_epoch()).tolist())
        self._loss_sums.zero_()
        self._where = None
        self.step = 0
        self.epoch += 1
        self._record()

    def _assess(self, losses: list[float] | None) -> None:
        """Evaluates the network and notes, for each replica, its errors and the loss of the epoch, if there was one."""
        self.network.eval()
        with self._evaluated():
            self._calibrate("evaluation")
            val, test = self._evaluate(self._pool.validation), self._evaluate(self._pool.test)
        self.network.train()
        for r, history in enumerate(self._histories):
            if history.diverged_epoch is None:
                loss = losses[r] if losses else None
                history.follow(self.epoch, loss, val[r], test[r], self._metrics, self._sizes)

    @contextmanager
    def _evaluated(self) -> Generator[None]:
        """Within it the network is what is evaluated: the average, once it follows, kept where the methods keep the
        weights."""
        if self._average is None or not self.steps_done:
            yield
            return
        with self._average.in_place():
            for block in self.network.blocks:
                block.project()
            yield

    @torch.no_grad()
    def _evaluate(self, part: Tensor) -> list[list[int]]:
        """Of each replica the `counts` of `trainers.metrics` over a part (R, m)."""
        columns = counted(self._metrics, self._classes)
        total = torch.zeros(len(part), columns, dtype=torch.int64, device=part.device)
        mine = part.tensor_split(self._ranks.world, dim=1)[self._ranks.rank]
        if mine.shape[1]:
            for x, y in self._pool.batches(mine):
                total += counts(self._logits(self._prepared(x)), y, self._metrics)
        return self._ranks.sum(total).tolist()


def check(trials: Sequence[Trial], data: Dataset | FolderDataset) -> None:
    """Refuses trials that do not make a pack or that the data set has too few samples for."""
    first = trials[0]
    for name in COMMON:
        values = sorted({getattr(t, name) for t in trials}, key=str)
        if len(values) > 1:
            raise UsageError(f"the trials of a pack have one `{name}`, these have {values}: plan them apart")
    if len({data.facts.sizes(t.split) for t in trials}) > 1:
        raise UsageError("the trials of a pack have splits of the same sizes: plan these apart")
    if first.digest != data.facts.digest:
        raise UsageError(f"the trials are of another version of {data.facts.name}: plan the sweep again")
    train = data.facts.sizes(first.split).train
    if train < first.batch_size:
        raise UsageError(f"`batch_size` {first.batch_size} exceeds the {train} training samples: choose a smaller one")
