"""A filter is no definition: what a sweep wants changes by its file or by --set, and every version can be asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from orchestrator import results
from orchestrator.cluster.submissions import Submission
from orchestrator.engine.driver import missing_packs
from orchestrator.planning.plan import commit
from orchestrator.steer.cancel import cancellation
from orchestrator.store import Store
from orchestrator.store.owner import myself
from orchestrator.store.sweeps import SweepVersion
from orchestrator.watch.states import Observer
from sweeps.errors import MissingError, UsageError
from sweeps.facts import DatasetFacts
from sweeps.file.spec import load_spec
from sweeps.plan import expand
from sweeps.select import Selector
from tests.orchestrator.stage import FILE, Call, Stage
from trainers.data import facts

RUN = ("run", "mine.yaml", "--no-mlflow")


def finish(stage: Stage) -> None:
    for pack in stage.store.roster.live:
        stage.finish(pack, majority_error=0.6)


def to_train(stage: Stage, *, seeds: set[int], overrides: tuple[str, ...] = ()) -> list[int]:
    """Sizes of the packs that a run of these seeds begins."""
    planned, _ = commit(stage.store, load_spec(str(stage.file), overrides))
    packs = missing_packs(stage.store, set(planned.trials))
    assert {t.seed for p in packs for t in p.trials} == seeds
    return [len(p.trial_ids) for p in packs]


def test_a_filtered_run_of_a_finished_sweep_changes_nothing(stage: Stage, call: Call) -> None:
    finish(stage)
    code, out, err = call(*RUN, "-w", "normalizer=bn seed=1")
    assert (code, err) == (0, "")
    assert "changed" not in out
    assert "mine: nothing is left to train, 2 trials are done" in out
    assert "mine: 2 of 2 trials done" in out
    assert len(stage.store.sweeps.paths("mine")) == 1
    assert json.loads(call("status", "--json")[1])[0]["states"] == {"done": 24}
    assert "24 trials in all.parquet" in call("export", "mine", "-o", "all.parquet")[1]
    assert len(results("mine")) == 24
    assert "wins on 2 rows" in call("wins", "mine", "--rows", "activation", "--columns", "normalizer")[1]


def test_a_filter_trains_its_trials_alone_and_the_sweep_stays_whole(stage: Stage) -> None:
    where = Selector.parse("seed=0 normalizer=bn")
    planned, told = commit(stage.store, load_spec(str(stage.file)), where)
    assert told == []
    assert (len(planned.trials), len(planned.whole)) == (2, 24)
    (pack,) = missing_packs(stage.store, set(planned.trials))
    assert {(t.seed, t.normalizer.name) for t in pack.trials} == {(0, "bn")}
    assert Observer(stage.store).sweep("mine").of.keys() == set(planned.whole)
    assert cancellation(stage.store, "mine", Selector.parse("seed=1")).count == 6  # named none of the trials before


def test_a_new_sweep_is_recorded_whole_by_a_filtered_run(stage: Stage) -> None:
    spec = load_spec(str(stage.file), ["name=fresh", "depth=2"])
    planned, _ = commit(stage.store, spec, Selector.parse("seed=0"))
    assert len(stage.store.sweeps.needed("fresh").trials) == 24
    assert sum(len(p.trial_ids) for p in missing_packs(stage.store, set(planned.trials))) == 6
    assert set(Observer(stage.store).sweep("fresh").of.values()) == {"todo"}


def test_data_sets_that_are_absent_hinder_no_run_that_leaves_them_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = load_spec(str(stage.file), ["name=two", "dataset=wine,iris"])
    commit(stage.store, spec)
    monkeypatch.setenv("NORMSWEEP_DATA", str(tmp_path / "empty"))
    away = load_spec(str(stage.file), ["name=two", "dataset=wine,letter"])
    with pytest.raises(UsageError, match="letter"):
        commit(stage.store, away)
    planned, _ = commit(stage.store, away, Selector.parse("dataset=wine"))
    assert len(planned.whole) == 24
    with pytest.raises(UsageError, match="letter"):
        commit(stage.store, away, Selector.parse("dataset=letter"))


def test_plan_says_what_run_trains(stage: Stage, call: Call) -> None:
    """Nothing is begun: packs are split, and what is no longer wanted is not trained."""
    answer = json.loads(call("plan", "mine.yaml", "--set", "seed=0", "--json")[1])
    assert (answer["trials_to_do"], answer["trials_beside"], answer["packs_to_do"]) == (6, 0, 3)
    assert to_train(stage, seeds={0}, overrides=("seed=0",)) == [2, 2, 2]
    assert to_train(stage, seeds={0, 1, 2, 3}) == [2, 2, 2, 6, 6, 6]


def test_a_begun_pack_goes_on_whole_and_its_cost_is_told(stage: Stage, call: Call) -> None:
    (none,), (bn,), _ = map(stage.packs, ("none", "bn", "vcl"))
    stage.save(none, epochs=1)
    stage.run(bn)
    answer = json.loads(call("plan", "mine.yaml", "--set", "seed=0", "--json")[1])
    assert (answer["trials_to_do"], answer["trials_beside"], answer["packs_begun"]) == (6, 12, 2)
    from orchestrator.planning.preview import beside

    planned, _ = commit(stage.store, load_spec(str(stage.file), ["seed=0"]))
    assert [len(p.trial_ids) for p in missing_packs(stage.store, set(planned.trials))] == [8, 8, 2]
    told = beside(stage.store, planned)
    assert told.startswith("12 trials beside them are trained as well, for about ")
    assert told.endswith("core-minutes: they lie in 2 packs that had begun; `normsweep cancel` stops them")


def test_what_set_drops_is_confirmed(stage: Stage, call: Call) -> None:
    finish(stage)
    code, _, err = call(*RUN, "--set", "seed=0..1")
    assert code == 2
    assert err == (
        "normsweep: by --set, 12 trials of 24 drop out of sweep mine, and can be asked for as mine@1 from then on: "
        "repeat with --yes, or give the variant a name of its own with --set name=NAME\n"
    )
    assert len(stage.store.sweeps.paths("mine")) == 1
    code, out, _ = call(*RUN, "--set", "seed=0..1", "--yes")
    assert code == 0
    assert "0 trials are new, 12 are kept, 12 are left out: `normsweep status mine@1` shows what was" in out
    assert call(*RUN, "--set", "seed=0..1")[0] == 0  # to go on asks nothing
    stage.file.write_text(FILE.replace("seed: 0..3", "seed: 0"))
    assert call(*RUN)[0] == 0  # a sweep file says what is wanted


def test_every_version_can_be_asked_for(stage: Stage, call: Call) -> None:
    finish(stage)
    stage.commit(FILE.replace("epochs: 4", "epochs: 5").replace("0..3", "0..1"))
    assert json.loads(call("status", "--json")[1])[0]["states"] == {"todo": 12}
    code, out, _ = call("status", "mine@1", "--json")
    (old,) = json.loads(out)
    assert (code, old["states"], old["version"], old["latest_version"]) == (0, {"done": 24}, 1, 2)
    both = json.loads(call("status", "--all-versions", "--json")[1])
    assert [(s["version"], sum(s["states"].values())) for s in both] == [(1, 24), (2, 12)]
    assert "mine@1: 24 done" in call("status", "mine@1")[1]
    assert "version 1 of 2; `normsweep status mine` is the latest" in call("status", "mine@1")[1]
    assert "version 2; the one before it: `normsweep status mine@1`, all: --all-versions" in call("status")[1]

    assert len(results("mine@latest")) == 0
    assert set(results("mine@1")["version"]) == {1}
    finish_open = [p for p in stage.store.roster.live if p.id not in stage.store.ledger.done()]
    for pack in finish_open:
        stage.finish(pack)
    every = results("mine@all")
    assert every["version"].value_counts().to_dict() == {1: 24, 2: 12}
    assert set(every["sweep"]) == {"mine"}
    assert call("export", "mine", "-o", "all.parquet", "--all-versions")[1] == "36 trials in all.parquet\n"
    assert len(pq.read_table("all.parquet")) == 36
    answer = json.loads(call("compare", "mine@1", "mine@2", "--by", "epochs", "--source", "ledger", "--json")[1])
    assert (answer["runs"], [line["method"] for line in answer["methods"]]) == (36, ["4", "5"])


def test_an_unknown_version_is_named_with_those_there_are(stage: Stage, call: Call) -> None:
    with pytest.raises(MissingError, match="sweep mine has no version '7': it has 1, latest and all"):
        results("mine@7")
    code, _, err = call("status", "mine@first")
    assert (code, err) == (2, "normsweep: sweep mine has no version 'first': it has 1, latest and all\n")
    code, _, err = call("export", "mine@1", "--all-versions", "-o", "x.parquet")
    assert (code, "mine@1 is one version, --all-versions asks for all" in err) == (2, True)


def test_only_what_the_sweep_wants_now_is_steered(stage: Stage, call: Call) -> None:
    stage.commit(FILE.replace("epochs: 4", "epochs: 5"))
    for verb in ("retry", "cancel"):
        code, _, err = call(verb, "mine@1", "-w", "seed=0")
        assert code == 2
        assert "mine@1 is not what the sweep wants now: say mine" in err
    assert call("cancel", "mine@2", "-w", "seed=0")[0] == 0


def test_an_allocation_trains_what_its_submission_selected(stage: Stage) -> None:
    def wanted(where: str) -> set[str]:
        submission = Submission(number=1, name="n", sweep="mine", count=1, nodes=1, cpus=1, gpus=0, usable_seconds=1.0,
                                kept_seconds=1.0, owner=myself(), where=where)  # fmt: skip
        return submission.wanted(stage.store)

    assert len(wanted("")) == 24
    chosen = wanted(str(Selector.parse("normalizer=vcl seed=0,3 n=5")))
    assert {(t.normalizer.name, t.seed) for p in stage.packs("vcl") for t in p.trials if t.id in chosen} == {
        ("vcl", 0),
        ("vcl", 3),
    }
    assert len(chosen) == 4


def test_status_says_what_its_counts_mean(stage: Stage, call: Call) -> None:
    (none,), (bn,), (vcl,) = map(stage.packs, ("none", "bn", "vcl"))
    stage.finish(none, "diverged")
    stage.finish(bn, "failed")
    stage.store.decisions.cancel([vcl.id])
    stage.commit(FILE.replace("0..3", "0..4"))
    out = call("status")[1]
    for line in (
        "8 diverged: a method loses where more than half of its seeds did (analysis.diverged: loss)",
        "8 failed: `normsweep errors mine` says why, `normsweep retry` trains them again",
        "8 cancelled: `normsweep retry mine -w state=cancelled` brings them back",
        "6 missing: `normsweep run mine` trains them",
    ):
        assert f"\n{line}\n" in out
    stage.commit(FILE.replace("epochs: 4", "epochs: 5"))
    assert "6 missing: `normsweep run mine@2` trains them" in call("status", "mine@2")[1]


def test_a_recorded_version_is_trained_as_it_stands(stage: Stage, call: Call) -> None:
    """The sweep stays what its latest version is."""
    stage.finish(*stage.packs("bn"))
    stage.commit(FILE.replace("epochs: 4", "epochs: 5"))
    first, second = (version.trials for version in stage.store.sweeps.versions("mine"))
    planned, told = commit(stage.store, stage.store.sweeps.one("mine@1"))
    assert (planned.whole, told) == (first, [])
    assert {t for p in missing_packs(stage.store, set(planned.trials)) for t in p.trial_ids} <= {*first}
    answer = json.loads(call("plan", "mine@1", "--json")[1])
    assert (answer["trials"], answer["trials_done"], answer["trials_to_do"]) == (24, 8, 16)
    for pack in missing_packs(stage.store, set(planned.trials)):
        stage.finish(pack)
    code, out, err = call("run", "mine@1", "--no-mlflow")
    assert (code, err) == (0, "")
    assert out == "mine: nothing is left to train, 24 trials are done\nmine: 24 of 24 trials done\n"
    assert stage.store.sweeps.needed("mine").trials == second
    assert len(stage.store.sweeps.paths("mine")) == 2
    assert json.loads(call("plan", "mine@latest", "--json")[1])["trials_to_do"] == 24


def test_a_recorded_sweep_is_run_by_its_name(stage: Stage, call: Call) -> None:
    for pack in missing_packs(stage.store, {*stage.store.sweeps.needed("mine").trials}):
        stage.finish(pack, "diverged" if pack.trials[0].normalizer.name == "bn" else "done")
    stage.file.unlink()
    code, out, err = call("run", "mine", "--no-mlflow")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "mine: 24 of 24 trials done (8 diverged)"
    assert "unknown preset 'mien'" in call("run", "mien", "--no-mlflow")[2]
    assert "leave --set out" in call("run", "mine", "--set", "epochs=9")[2]
    assert len(stage.store.sweeps.paths("mine")) == 1


def test_a_version_and_all_of_them_exclude_each_other(stage: Stage, call: Call) -> None:
    told = "normsweep: mine@1 is one version, --all-versions asks for all: leave one of them out\n"
    assert call("status", "mine@1", "--all-versions") == (2, "", told)


def test_what_a_version_lacks_is_told_with_its_number(stage: Stage, call: Call) -> None:
    assert call("report", "mine@1")[2] == "normsweep: sweep mine@1 has no result yet: `normsweep run mine@1`\n"


def test_a_version_with_a_method_that_is_gone_hides_nothing_else(stage: Stage, call: Call) -> None:
    stage.commit(FILE.replace("mine", "other"))
    (path,) = stage.store.sweeps.paths("mine")
    path.write_text(path.read_text().replace("vcl", "gone"))
    told = "sweep mine, version 1, cannot be read (sweep: unknown normalizer 'gone'"
    code, out, err = call("status")
    assert (code, err) == (3, "")
    assert [line for line in out.splitlines() if line.endswith("24 todo")] == ["mine: 24 todo", "other: 24 todo"]
    assert call("status", "mine", "--all-versions")[0] == 3
    code, out, err = call("run", "mine@1", "--no-mlflow")
    assert (code, out) == (2, "")
    assert told in err
    assert "move its folder specs/mine out of the workspace" in err
    stage.file.write_text(FILE)
    _, changed = commit(Store.at(stage.workspace.root), load_spec(str(stage.file)))
    assert told in changed[0]
    assert call("status", "mine@2")[0] == 3


def test_a_version_that_was_never_trained_gets_its_packs(stage: Stage) -> None:
    spec = replace(load_spec(str(stage.file), ["name=fresh", "seed=7..9"]))
    fresh = SweepVersion(name="fresh", plan="", spec=spec.as_json(), trials=[t.id for t in expand(spec, facts)])
    stage.store.sweeps.append(fresh)
    assert not [p for p in stage.store.roster.live if p.trials[0].seed == 7]
    commit(stage.store, stage.store.sweeps.one("fresh@1"))
    assert sum(len(p.trial_ids) for p in stage.store.roster.live if p.trials[0].seed >= 7) == 18
    assert len(stage.store.sweeps.paths("fresh")) == 1


@pytest.mark.parametrize("verb", ["run", "plan"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["mine@1", "--set", "depth=2"], "mine@1 is trained as it was recorded: leave --set out"),
        (["mine@7"], "sweep mine has no version '7': it has 1, latest and all"),
        (["mine@all"], "mine@all names all versions of the sweep: say one, mine@1"),
        (["mien@1"], "unknown sweep 'mien': did you mean mine"),
    ],
)
def test_what_is_no_version_to_train_is_refused(
    stage: Stage, call: Call, verb: str, words: list[str], sentence: str
) -> None:
    code, out, err = call(verb, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"normsweep: {sentence}")
    assert len(err.splitlines()) == 1


def test_a_recorded_version_is_not_checked(stage: Stage, call: Call) -> None:
    code, _, err = call("check", "mine@1")
    assert (code, "`normsweep plan mine@1` reads it" in err) == (2, True)


def test_a_version_whose_trials_would_be_others_is_refused(
    stage: Stage, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = facts

    def altered(name: str) -> DatasetFacts:
        return replace(real(name), digest="0" * 64)

    monkeypatch.setattr("trainers.data.facts", altered)
    code, _, err = call("run", "mine@1", "--no-mlflow")
    assert code == 2
    assert "24 trials of mine@1 would be others today, as a data set or a method has changed since" in err
    assert len(stage.store.sweeps.paths("mine")) == 1


def test_an_allocation_trains_the_version_of_its_submission(stage: Stage) -> None:
    stage.commit(FILE.replace("epochs: 4", "epochs: 5"))
    submission = Submission(number=1, name="n", sweep="mine", count=1, nodes=1, cpus=1, gpus=0, usable_seconds=1.0,
                            kept_seconds=1.0, owner=myself(), version=1)  # fmt: skip
    first, second = (version.trials for version in stage.store.sweeps.versions("mine"))
    assert submission.wanted(stage.store) == {*first}
    assert replace(submission, version=0).wanted(stage.store) == {*second}
