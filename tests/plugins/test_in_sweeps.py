"""Files beside a sweep: what they declare, the identity of their trials, and what is said of bad ones."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from sweeps import SweepSpec, Trial, UsageError, expand, load_spec
from sweeps.file.changes import changes
from sweeps.plan import by_id, packs
from sweeps.plugins import loading
from sweeps.words.vocabulary import NORMALIZERS, Normalizer
from tests.plugins.files import HEAD, RMS, forgotten, sweep_file, written
from tests.sweeps.sets import facts

METHODS = "  normalizer: [bn, {my-rms: {eps: [1e-5, 0.1]}}, ws+my-rms]\n"


def made(folder: Path, text: str = RMS) -> dict[str, Trial]:
    written(folder, text)
    return by_id(expand(load_spec(sweep_file(folder, METHODS)), facts))


def test_the_digest_of_the_file_is_part_of_its_trials_and_of_no_others(tmp_path: Path) -> None:
    digest = hashlib.sha256(RMS.encode()).hexdigest()
    trials = made(tmp_path)
    assert [(t.normalizer.name, t.normalizer.plugin) for t in trials.values()] == [
        ("bn", ""),
        ("my-rms", digest),
        ("my-rms", digest),
        ("ws+my-rms", digest),
    ]
    for identifier, trial in trials.items():
        assert Trial.from_json(json.loads(trial.canonical())) == trial
        assert Trial.from_json(trial.as_json()).id == identifier
    edited = made(tmp_path, RMS + "# a remark\n")
    kept = trials.keys() & edited.keys()
    assert [trials[i].normalizer.name for i in kept] == ["bn"]


def test_a_pack_holds_trials_of_one_version(tmp_path: Path) -> None:
    first = [t for t in made(tmp_path).values() if t.normalizer.name == "my-rms"]
    assert len(packs(first, facts, 8)) == 1  # eps packs
    second = [t for t in made(tmp_path, RMS + "# a remark\n").values() if t.normalizer.name == "my-rms"]
    assert len(packs([*first, *second], facts, 8)) == 2


def test_a_record_says_what_the_file_declared_without_it(tmp_path: Path) -> None:
    written(tmp_path)
    with forgotten():
        spec = load_spec(sweep_file(tmp_path, METHODS))
        record = json.loads(json.dumps(spec.as_json()))
    assert "my-rms" not in NORMALIZERS
    again = SweepSpec.from_record(record)
    assert again.trial == spec.trial
    assert again.as_json() == spec.as_json()
    assert [t.id for t in expand(again, facts)] == [t.id for t in expand(spec, facts)]
    assert not again.plugins[0].code


def test_a_record_is_read_though_the_package_ships_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path)
    with forgotten():
        file = sweep_file(tmp_path, METHODS)
        spec = load_spec(file)
        ids = [t.id for t in expand(spec, facts)]
    loading.load.cache_clear()
    shipped = Normalizer(
        summary="of a later release",
        implementation="rms:Rms",
        points=frozenset({"after"}),
        own_activation=True,
        revision=2,
    )
    with monkeypatch.context() as later:
        later.setitem(NORMALIZERS, "my-rms", shipped)
        names = [*NORMALIZERS]
        again = SweepSpec.from_record(spec.as_json())
        assert again.trial == spec.trial
        assert [t.id for t in expand(again, facts)] == ids
        assert [*NORMALIZERS] == names
        assert NORMALIZERS["my-rms"] is shipped
        with pytest.raises(UsageError, match="the name 'my-rms' is taken by a normalizer of normsweep"):
            load_spec(file)


def test_a_method_that_activates_has_the_activation_own(tmp_path: Path) -> None:
    own = RMS.replace('points=frozenset({"after"})', 'points=frozenset({"activated"}), own_activation=True')
    written(tmp_path, own.replace("def after", "def activated"))
    spec = load_spec(sweep_file(tmp_path, "  activation: [relu, elu]\n  normalizer: my-rms\n"))
    (one,) = expand(spec, facts)
    assert one.activation.name == "own"
    with forgotten():
        assert [t.id for t in expand(SweepSpec.from_record(spec.as_json()), facts)] == [one.id]


def test_a_record_of_another_version_leaves_the_loaded_one_in_use(tmp_path: Path) -> None:
    written(
        tmp_path,
        RMS.replace(" eps", " epsilon")
        .replace('"eps"', '"epsilon"')
        .replace("(eps,", "(epsilon,")
        .replace("self.eps", "self.epsilon"),
    )
    old = load_spec(sweep_file(tmp_path, "  normalizer: {my-rms: {epsilon: 0.1}}\n")).as_json()
    written(tmp_path)
    new = load_spec(sweep_file(tmp_path, METHODS))
    assert str(SweepSpec.from_record(old).trial.settings["normalizer"][0]) == "my-rms(epsilon=0.1)"
    assert [*NORMALIZERS["my-rms"].options] == ["eps"]
    (line,) = [line for line in changes(SweepSpec.from_record(old), new) if line.startswith("plugins")]
    assert line.startswith("plugins: rms.py (")
    assert " becomes rms.py (" in line


def test_names_of_one_sweep_are_unknown_to_another(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(UsageError, match="unknown normalizer 'my-rms': did you mean rms"):
        load_spec(sweep_file(tmp_path, METHODS, plugins="[]"))


def test_an_entry_point_is_the_file_of_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, name="their_rms.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("their-rms", "their_rms:RmsNorm", "normsweep.normalizers")

    def points(group: str) -> EntryPoints:
        return EntryPoints([point]).select(group=group)

    monkeypatch.setattr(loading, "entry_points", points)
    spec = load_spec(sweep_file(tmp_path, METHODS, plugins="[their-rms]"))
    assert spec.plugins[0].code == RMS.encode()
    with pytest.raises(UsageError, match=r"1:11: unknown entry point of normsweep 'their-rm': did you mean"):
        load_spec(sweep_file(tmp_path, METHODS, plugins="[their-rm]"))


CLASS = '@plugin("my-rms", Normalizer(summary="s"{}))\nclass Rms(Method):\n    {}\n'
AFTER = "def after(self, u: Tensor) -> Tensor:\n        return u"
POINTS = ', points=frozenset({"after"})'
TAKES = "def __init__(self, site, *, eps):\n        super().__init__()\n    " + AFTER

BAD = {
    "missing": (None, r"there is no plug-in file .*rms\.py"),
    "cut": (HEAD + "class Rms(\n", r"rms\.py:\d+: not Python: '\(' was never closed"),
    "too deep": ("(" * 5000 + ")" * 5000, r"rms\.py(:\d+)?: not Python: "),
    "too long a sum": ("x = " + "-" * 100_000 + "1", r"rms\.py: not Python: \w+Error"),
    "raises": (HEAD + "\n\nraise ValueError('no licence')\n", r"rms\.py:11: it raises ValueError: no licence when"),
    "lacks a module": ("import no_such_thing\n", r"rms\.py:1: it raises ModuleNotFoundError: No module named 'no_such"),
    "exits": (HEAD + "raise SystemExit\n", r"rms\.py:9: it raises SystemExit when it is imported"),
    "empty": ("", r"rms\.py: it declares nothing: put `@plugin\("),
    "no Method": (HEAD + CLASS.format("", "x = 1").replace("(Method)", ""), r"rms\.py:9: my-rms is no method"),
    "taken": (
        HEAD + CLASS.format(POINTS, AFTER).replace('"my-rms"', '"bn"'),
        r"rms\.py:9: the name 'bn' is taken by a",
    ),
    "bad name": (
        HEAD + CLASS.format(POINTS, AFTER).replace('"my-rms"', '"a+b"'),
        r"rms\.py:9: the name 'a\+b' is invalid",
    ),
    "hook": (
        HEAD + CLASS.format("", AFTER),
        r"rms\.py:9: my-rms overrides a hook of the point 'after', which its `points`",
    ),
    "no hook": (
        HEAD + CLASS.format(POINTS, "x = 1"),
        r"rms\.py:9: my-rms names the point 'after', but Rms overrides no",
    ),
    "no point": (
        HEAD + CLASS.format(POINTS.replace("after", "then"), AFTER),
        r"rms\.py:9: my-rms: 'then' is no point: use",
    ),
    "unknown option": (
        HEAD + CLASS.format(POINTS + ', options={"n": Option("int", 1)}', TAKES),
        r"rms\.py:9: my-rms: option 'n' is none that Rms takes",
    ),
    "lacking option": (HEAD + CLASS.format(POINTS, TAKES), r"rms\.py:9: my-rms: Rms needs 'eps', which is none of the"),
    "default": (
        HEAD + CLASS.format(POINTS + ', options={"eps": Option("float", 1)}', TAKES),
        r"rms\.py:9: option 'eps' of my-rms: its default 1 is not of kind float",
    ),
    "range": (
        HEAD + CLASS.format(POINTS + ', options={"eps": Option("float", -1.0, low=0.0)}', TAKES),
        r"rms\.py:9: option 'eps' of my-rms: its default -1.0 must be at least 0",
    ),
    "words": (
        HEAD + CLASS.format(POINTS + ', options={"eps": Option("word", "a", words=("b",))}', TAKES),
        r"rms\.py:9: option 'eps' of my-rms: its default 'a' is none of its words",
    ),
    "a number as name": (
        HEAD + CLASS.format(POINTS, AFTER).replace('"my-rms"', "5"),
        r"rms\.py:9: the name '5' is invalid",
    ),
    "null": (
        HEAD + CLASS.format(POINTS, AFTER).replace('"my-rms"', '"null"'),
        r"rms\.py:9: the name 'null' is no word in a",
    ),
    "options as a list": (
        HEAD + CLASS.format(POINTS + ', options=["eps"]', TAKES),
        r"rms\.py:9: its options \['eps'\] is of type list, not Mapping",
    ),
    "a number as option": (
        HEAD + CLASS.format(POINTS + ', options={"eps": 3}', TAKES),
        r"rms\.py:9: option 'eps' of my-rms: 3 is no Option",
    ),
    "a text as limit": (
        HEAD + CLASS.format(POINTS + ', options={"eps": Option("float", 1.0, low="x")}', TAKES),
        r"rms\.py:9: option 'eps' of my-rms: its limit 'x' is no finite number",
    ),
    "an infinite limit": (
        HEAD + CLASS.format(POINTS + ', options={"eps": Option("float", 1.0, high=float("inf"))}', TAKES),
        r"rms\.py:9: option 'eps' of my-rms: its limit inf is no finite number",
    ),
    "a list as kind": (
        HEAD + CLASS.format(POINTS + ', options={"eps": Option([], 1)}', TAKES),
        r"rms\.py:9: option 'eps' of my-rms: its kind \[\] is of type list, not str",
    ),
    "a text as revision": (
        HEAD + CLASS.format(POINTS + ', revision="2"', AFTER),
        r"rms\.py:9: its revision '2' is of type str, not int",
    ),
    "an option that is a setting": (
        HEAD + CLASS.format(POINTS + ', options={"depth": Option("int", 1)}', TAKES.replace("eps", "depth")),
        r"rms\.py:9: option 'depth' of my-rms: the name has another meaning: choose another",
    ),
    "an option that is an argument": (
        HEAD
        + CLASS.format(POINTS + ', options={"site": Option("int", 1)}', TAKES.replace("site, *, eps", "here, *, site")),
        r"rms\.py:9: option 'site' of my-rms: the name has another meaning: choose another",
    ),
    "an option that cannot be selected": (
        HEAD + CLASS.format(POINTS + ', options={"a b": Option("int", 1)}', TAKES.replace("*, eps", "**more")),
        r"rms\.py:9: option 'a b' of my-rms: the name is invalid: use small letters",
    ),
    "twice": (
        HEAD + CLASS.format(POINTS, AFTER) + CLASS.replace("Rms", "Other").format(POINTS, AFTER),
        "declared twice",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_told_in_one_sentence(case: str, tmp_path: Path) -> None:
    text, sentence = BAD[case]
    if text is not None:
        written(tmp_path, text)
    with pytest.raises(UsageError, match=sentence) as told:
        load_spec(sweep_file(tmp_path, METHODS))
    assert str(told.value).startswith(f"{tmp_path}/own.yaml:1:11: ")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("plugins", "sentence"),
    [
        ("['~nobody-of-that-name/x.py']", "cannot be the name of a plug-in file: RuntimeError: "),
        (f"[{'x' * 300}.py]", "cannot be the name of a plug-in file: OSError: .*too long"),
        ("[{file: a.py, digest: b, normalizers: 3}]", "a plug-in is a file such as my_rms.py, not {file: 'a.py'"),
        ("[{file: a.py, digest: b, normalizers: {x: {}}}]", "a plug-in is a file such as my_rms.py, not {file: 'a.py'"),
    ],
)
def test_what_names_no_file_is_told(plugins: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"own\.yaml:1:11: .*{sentence}"):
        load_spec(sweep_file(tmp_path, METHODS, plugins=plugins))


@pytest.mark.parametrize("normalizers", [3, {"x": {}}, {"x": 3}])
def test_what_is_no_record_is_told(normalizers: object) -> None:
    record = {"plugins": [{"file": "a.py", "digest": "b", "normalizers": normalizers}]}
    for read in (SweepSpec.from_json, SweepSpec.from_record):
        with pytest.raises(UsageError, match="is no record of a plug-in"):
            read(record)


@pytest.mark.parametrize(
    ("module", "sentence"),
    [("absent.rms", "ModuleNotFoundError: No module named 'absent'"), ("bad.rms", "ValueError: no")],
)
def test_an_entry_point_whose_package_fails_is_told(
    module: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad").mkdir()
    written(tmp_path / "bad", "raise ValueError('no')\n", "__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    points = EntryPoints([EntryPoint("theirs", f"{module}:Rms", "normsweep.normalizers")])
    monkeypatch.setattr(loading, "entry_points", lambda group: points.select(group=group))
    with pytest.raises(
        UsageError, match=rf"1:11: the entry point theirs .*whose package cannot be imported: {sentence}"
    ):
        load_spec(sweep_file(tmp_path, METHODS, plugins="[theirs]"))


def test_two_files_have_names_of_their_own(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path, RMS + "# another\n", "other.py")
    with pytest.raises(UsageError, match=r"own\.yaml:1:10: other\.py: the name 'my-rms' is taken by rms\.py"):
        load_spec(sweep_file(tmp_path, METHODS, plugins="[rms.py, other.py]"))


def test_parts_with_the_same_option_in_another_sense_do_not_compose(tmp_path: Path) -> None:
    written(tmp_path)
    other = RMS.replace('"my-rms"', '"other"').replace('"after"', '"weight"').replace("def after", "def weight")
    written(tmp_path, other.replace("1e-5, low=0.0", "1e-3, low=0.0"), "other.py")
    with pytest.raises(UsageError, match="'other' and 'my-rms' do not compose: 'eps' means something else in each"):
        load_spec(sweep_file(tmp_path, "  normalizer: other+my-rms\n", plugins="[rms.py, other.py]"))
