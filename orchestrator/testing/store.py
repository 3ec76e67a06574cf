"""What every store must do, as tests: subclass `StoreContract` and give it your own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.store import Store
from orchestrator.store.attempts import Failure, Interruption
from orchestrator.store.leases import Lease, Start, Still
from orchestrator.store.owner import Liveness, Owner, myself
from orchestrator.store.parts import part_rows
from orchestrator.store.sweeps import SweepVersion
from sweeps.errors import DamagedError, MissingError
from sweeps.facts import DatasetFacts, SplitSizes
from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from sweeps.trial import Trial


def trials() -> list[Trial]:
    """Four of one shape, of a data set that need not be here."""
    sizes = SplitSizes(train=40, validation=5, test=5)
    facts = DatasetFacts(name="any", digest="0" * 64, n=50, shape=(3,), classes=2, splits=(sizes,))
    spec = SweepSpec.from_json({"name": "s", "trial": {"dataset": "any", "seed": "0..3"}})
    return expand(spec, lambda _: facts)


def version(**changes: object) -> SweepVersion:
    spec = SweepSpec.from_json({"name": "s", "trial": {"dataset": "any"}}).as_json()
    return replace(SweepVersion(name="s", plan="p", spec=spec, trials=["a", "b"]), **changes)


class StoreContract:
    """A subclass has a pytest fixture `opened`: a function that opens the same, at first empty, workspace anew each
    time, as another process would."""

    def test_what_one_writes_another_reads(self, opened: Callable[[], Store]) -> None:
        store = opened()
        assert store.roster.append([trials()])
        store.sweeps.append(version())
        [pack] = opened().roster.live
        assert pack.trials == tuple(trials())
        assert opened().sweeps.names() == ["s"]
        assert opened().sweeps.needed("s") == version(number=1)

    def test_an_empty_one_holds_nothing(self, opened: Callable[[], Store]) -> None:
        store = opened()
        assert store.roster.live == []
        assert store.ledger.done() == store.attempts.failed_packs() == store.decisions.cancelled == set()
        assert store.leases.held() == {}
        assert store.attempts.failures("p") == store.attempts.interruptions() == store.sweeps.names() == []
        with pytest.raises(MissingError, match="unknown sweep 's'"):
            store.sweeps.needed("s")

    def test_the_newest_version_of_a_sweep_counts(self, opened: Callable[[], Store]) -> None:
        opened().sweeps.append(version())
        opened().sweeps.append(version(trials=["b"]))
        assert opened().sweeps.needed("s").trials == ["b"]
        assert [v.trials for v in opened().sweeps.versions("s")] == [["a", "b"], ["b"]]

    def test_two_planners_never_take_one_number(self, opened: Callable[[], Store]) -> None:
        one, other = opened(), opened()
        assert other.roster.entries == one.roster.entries == 0
        assert one.roster.append([trials()[:2]])
        assert not other.roster.append([trials()[2:]])
        other.roster.read()
        assert other.roster.append([trials()[2:]])
        assert [len(p.trials) for p in opened().roster.live] == [2, 2]

    def test_halves_take_the_place_of_their_pack(self, opened: Callable[[], Store]) -> None:
        store = opened()
        store.roster.append([trials()])
        [whole] = store.roster.live
        store.roster.append([trials()[:2], trials()[2:]], replaces=[whole.id])
        assert [len(p.trials) for p in opened().roster.live] == [2, 2]
        assert whole.id in opened().roster.packs

    def test_the_first_part_of_a_pack_stays(self, opened: Callable[[], Store]) -> None:
        store = opened()
        store.roster.append([trials()])
        [pack] = store.roster.live
        first, second = (part_rows(pack, [{"state": "done", "test_error": e}] * 4, {}) for e in (0.25, 0.5))
        assert store.ledger.publish(pack.id, first)
        assert not opened().ledger.publish(pack.id, second)
        rows, problems = opened().ledger.read([pack.id], ["test_error"])
        assert (rows["test_error"].to_pylist(), problems) == ([0.25] * 4, [])
        assert opened().ledger.done() == {pack.id}

    def test_one_owner_a_generation(self, opened: Callable[[], Store]) -> None:
        me, store = myself(), opened()
        dead = replace(me, started=me.started - 1)
        first = self._take(store, dead)
        assert first is not None
        assert first.generation == 1
        second = self._take(opened(), me)
        assert second is not None
        assert second == Lease(pack="p", generation=2, owner=me)
        assert store.leases.superseded(first)
        assert self._take(opened(), me) is None, "who holds it lives"
        assert opened().leases.held() == {"p": second}
        assert opened().leases.of_pack("p") == [first, second]
        store.leases.release(second)
        assert opened().leases.held() == {}
        assert self._take(opened(), me) is not None
        store.leases.forget("p")
        assert opened().leases.of_pack("p") == []

    def test_where_a_lease_s_training_began_is_kept_beside_it(self, opened: Callable[[], Store]) -> None:
        store = opened()
        lease = self._take(store, myself())
        assert lease is not None
        assert store.leases.started(lease) is None
        start = Start(node="n1", pid=7, at=1.5)
        store.leases.start(lease, start)
        assert opened().leases.started(lease) == start
        assert opened().leases.held() == {"p": lease}, "it is held, begun or not"
        store.leases.forget("p")
        assert opened().leases.started(lease) is None

    def test_that_a_lease_s_training_does_not_move_is_kept_beside_it_while_it_is_so(
        self, opened: Callable[[], Store]
    ) -> None:
        store = opened()
        lease = self._take(store, myself())
        assert lease is not None
        assert store.leases.still(lease) is None
        still = Still(node="n1", since=1.5, limit=300.0)
        store.leases.stand_still(lease, still)
        assert opened().leases.still(lease) == still
        assert opened().leases.held() == {"p": lease}
        store.leases.stand_still(lease, None)
        assert opened().leases.still(lease) is None
        store.leases.stand_still(lease, still)
        store.leases.forget("p")
        assert opened().leases.still(lease) is None

    def test_attempts_are_kept_once(self, opened: Callable[[], Store]) -> None:
        failure = Failure(pack="ab", generation=2, kind="exception", epoch=1, message="m", traceback="t", host="h")
        lost = Interruption(pack="ab", generation=3, host="h", epoch=1, seconds=0.5)
        store = opened()
        store.attempts.fail(failure)
        store.attempts.fail(replace(failure, message="later"))
        store.attempts.fail(replace(failure, generation=1))
        store.attempts.interrupt(lost)
        assert opened().attempts.failures("ab") == [replace(failure, generation=1), failure]
        assert opened().attempts.failures("ab", forgiven=1) == [failure]
        assert opened().attempts.failed_packs() == {"ab"}
        assert opened().attempts.interruptions(["ab"]) == opened().attempts.interruptions() == [lost]
        assert opened().attempts.interruptions(["other"]) == []

    def test_the_last_decision_on_a_pack_counts(self, opened: Callable[[], Store]) -> None:
        one, other = opened(), opened()
        assert other.decisions.cancelled == set()
        one.decisions.cancel(["p", "q"])
        other.decisions.retry({"p": 3})
        assert opened().decisions.cancelled == {"q"}
        assert opened().decisions.forgiven == {"p": 3}

    def test_a_damaged_record_names_its_file_and_the_way_out(self, opened: Callable[[], Store]) -> None:
        store = opened()
        store.sweeps.append(version())
        [path] = store.sweeps.paths("s")
        path.write_bytes(path.read_bytes()[:-3])
        with pytest.raises(DamagedError) as error:
            opened().sweeps.newest("s")
        assert str(error.value).startswith(f"{path} is damaged (")
        assert "restore it from a copy" in str(error.value)

    @staticmethod
    def _take(store: Store, owner: Owner) -> Lease | None:
        return store.leases.take("p", owner, Liveness(store.workspace))
