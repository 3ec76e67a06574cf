"""What every Tracker must do, as tests:

class TestMine(TrackerContract):
    @pytest.fixture
    def tracker(self, tmp_path): ...
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.mirror.run_data import MEMBER_TAG, PACK_TAG, SWEEP_TAG, TRIAL_TAG, RunData, member_tag
from orchestrator.mirror.tracker import Refused, Selected, Tracker, TrialRun

_END = 1_800_000_000_000  # ms


class TrackerContract:
    """Each test has a sweep and trials of its own, so that a tracker may live for many of them."""

    keeps = True  # False: of a tracker that takes every run and keeps none

    @pytest.fixture
    def tracker(self, tmp_path: Path) -> Tracker:
        """The implementation, connected; `tmp_path` is a folder of the test's own."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _quiet(self, tracker: Tracker) -> Generator[None]:
        with tracker.quiet():
            yield

    @pytest.fixture
    def sweep(self) -> str:
        """A name that nobody has used."""
        return f"contract-{secrets.token_hex(6)}"

    def test_a_sweep_that_nobody_showed_has_no_runs(self, tracker: Tracker, sweep: str) -> None:
        tracker.check(sweep)
        assert tracker.runs([sweep]) == []
        assert not tracker.has("0" * 32)

    def test_a_written_run_is_found_with_what_its_tags_say(self, tracker: Tracker, sweep: str) -> None:
        data = a_trial(sweep)
        run = tracker.write(data, sweep, tracker.parent(sweep, "plan"))
        tags = {**data.tags, SWEEP_TAG: sweep}
        shown = TrialRun(run=run, trial=data.trial, pack="pack", complete=True, tags=tags)
        assert tracker.runs([sweep], data.trial) == tracker.runs([sweep]) == ([shown] if self.keeps else [])
        assert tracker.has(run) == self.keeps
        assert tracker.runs([sweep], a_trial(sweep).trial) == []

    def test_to_write_the_same_twice_changes_nothing(self, tracker: Tracker, sweep: str) -> None:
        data = a_trial(sweep)
        run = tracker.write(data, sweep)
        assert tracker.write(data, sweep, None, run) == run
        assert [shown.run for shown in tracker.runs([sweep])] == ([run] if self.keeps else [])
        assert self.selected(tracker, data) == ([expected(data)] if self.keeps else [])

    def test_runs_of_one_trial_come_oldest_first(self, tracker: Tracker, sweep: str) -> None:
        data = a_trial(sweep)
        later = tracker.write(replace(data, start_ms=data.start_ms + 1), sweep)
        first = tracker.write(data, sweep)
        assert [shown.run for shown in tracker.runs([sweep], data.trial)] == ([first, later] if self.keeps else [])

    def test_a_deleted_run_is_neither_found_nor_selected(self, tracker: Tracker, sweep: str) -> None:
        data = a_trial(sweep)
        run = tracker.write(data, sweep)
        tracker.delete(run)
        assert tracker.runs([sweep]) == []
        assert self.selected(tracker, data) == []
        assert tracker.has(run) == self.keeps

    def test_a_tag_is_set_and_removed(self, tracker: Tracker, sweep: str) -> None:
        run = tracker.write(a_trial(sweep), sweep)
        tracker.tag(run, member_tag("other"), "plan")
        assert self.sweeps(tracker, sweep) == ({sweep, "other"} if self.keeps else set())
        for _ in range(2):
            tracker.tag(run, member_tag("other"), None)
            assert self.sweeps(tracker, sweep) == ({sweep} if self.keeps else set())

    def test_a_sweep_has_one_run_of_its_own(self, tracker: Tracker, sweep: str, tmp_path: Path) -> None:
        parent = tracker.parent(sweep, "plan")
        tracker.write(a_trial(sweep), sweep, parent)
        page = tmp_path / "report.html"
        for done in (1, 2, 1):  # a sweep that grows is unfinished again
            page.write_text(f"<p>{done}")
            tracker.progress(parent, done, 2)
            tracker.present(sweep, ["test_error"], ["depth"], "params.depth = '2'")
            tracker.attach(parent, page)
            assert tracker.parent(sweep, f"plan {done}") == parent
        assert len(tracker.runs([sweep])) == self.keeps

    def test_only_the_experiments_that_are_named_are_searched(self, tracker: Tracker, sweep: str) -> None:
        other = f"{sweep}-other"
        data = a_trial(sweep)
        tracker.write(data, sweep)
        assert tracker.runs([other], data.trial) == tracker.runs([]) == []
        tracker.write(a_trial(other), other)
        assert len(tracker.runs([sweep, other])) == 2 * self.keeps

    def test_threads_write_at_once(self, tracker: Tracker, sweep: str) -> None:
        parent = tracker.parent(sweep, "plan")
        trials = [a_trial(sweep) for _ in range(6)]
        with ThreadPoolExecutor(tracker.threads) as pool:
            runs = list(pool.map(tracker.write, trials, [sweep] * 6, [parent] * 6))
        shown = {run.trial: run.run for run in tracker.runs([sweep])}
        assert shown == ({data.trial: run for data, run in zip(trials, runs, strict=True)} if self.keeps else {})

    def test_a_filter_selects(self, tracker: Tracker, sweep: str) -> None:
        data = a_trial(sweep)
        tracker.write(data, sweep)
        for clause, holds in {
            "params.dataset = 'wine'": True,
            "params.dataset = 'titanic'": False,
            "metrics.test_error < 0.3": True,
            "metrics.test_error > 0.3": False,
            "tags.`normsweep.state` = 'done'": True,
            "attributes.status = 'RUNNING'": False,
        }.items():
            assert self.selected(tracker, data, clause) == ([expected(data)] if holds and self.keeps else []), clause

    def test_what_is_refused_leaves_the_others_alone(self, tracker: Tracker, sweep: str) -> None:
        data = a_trial(sweep)
        run = tracker.write(data, sweep)
        with self.refused():
            tracker.write(replace(data, params={**data.params, "depth": "99"}), sweep, None, run)
        with self.refused():
            list(tracker.select("dataset is wine"))
        with self.refused():
            tracker.delete("0" * 32)
        with self.refused():
            tracker.tag("0" * 32, "key", "value")
        tracker.write(a_trial(sweep), sweep)
        assert len(tracker.runs([sweep])) == 2 * self.keeps

    def refused(self) -> AbstractContextManager[object]:
        """A tracker that keeps nothing refuses nothing."""
        return pytest.raises(Refused) if self.keeps else nullcontext()

    def selected(self, tracker: Tracker, data: RunData, clause: str = "") -> list[Selected]:
        """What the tracker selects of the trial; each run once."""
        query = f"tags.`{TRIAL_TAG}` = '{data.trial}'" + (f" AND {clause}" if clause else "")
        selected: list[Selected] = []
        for page in tracker.select(query):
            selected += [_ours(run, data) for run in page if _ours(run, data) not in selected]
        return selected

    def sweeps(self, tracker: Tracker, sweep: str) -> set[str]:
        tags = [tag for run in tracker.runs([sweep]) for tag in run.tags]
        return {tag.removeprefix(MEMBER_TAG) for tag in tags if tag.startswith(MEMBER_TAG)}


def a_trial(sweep: str) -> RunData:
    """A trial of the sweep, of an id of its own."""
    trial = secrets.token_hex(32)
    return RunData(
        trial=trial,
        name="wine bn relu depth 2 seed 0",
        start_ms=_END - 5000,
        end_ms=_END,
        status="FINISHED",
        params={"dataset": "wine", "depth": "2"},
        tags={TRIAL_TAG: trial, PACK_TAG: "pack", "normsweep.state": "done", member_tag(sweep): "plan"},
        metrics=[
            ("test_error", 0.25, _END, 0),
            ("curve/val_error", 0.5, _END - 1, 0),
            ("curve/val_error", 0.4, _END, 1),
        ],
    )


def expected(data: RunData) -> Selected:
    """What a filter returns of the trial: of a curve its last value."""
    return Selected(data.params, {key: value for key, value, _, _ in data.metrics}, data.tags)


def _ours(run: Selected, data: RunData) -> Selected:
    """Without the tags that the place adds."""
    return Selected(run.params, run.metrics, {key: value for key, value in run.tags.items() if key in data.tags})
