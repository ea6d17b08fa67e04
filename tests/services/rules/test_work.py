"""The relay's queue on both databases: order within a case, leases, tokens, retries, parking."""

import threading
from collections import Counter

import pytest

from models.vocabulary import WorkState
from services.foundation.database import Database
from services.rules import routines, work
from services.rules.work import Claimed, Fenced
from tests.work import make_work, pass_time, read_work, wear_out


def claim(database: Database, *, limit: int = 50) -> list[Claimed]:
    with database.write("test") as unit:
        return work.claim(unit, limit=limit, worker="bo")


def ids(claimed: list[Claimed]) -> list[int]:
    return [each.id for each in claimed]


def retry(database: Database, claimed: Claimed) -> None:
    with database.write("test") as unit:
        work.retry(unit, claimed.id, claimed.token, "Boom flows.visit:1")


def test_events_are_claimed_oldest_first_with_their_cases_number(database: Database) -> None:
    made = [make_work(database, "2025-00001"), make_work(database, "2025-00002"), make_work(database, "2025-00001")]

    claimed = claim(database)

    assert ids(claimed) == made
    assert [each.reference for each in claimed] == ["2025-00001", "2025-00002", "2025-00001"]


def test_an_event_that_is_leased_is_not_claimed_twice(database: Database) -> None:
    make_work(database)
    claim(database)

    assert claim(database) == []


def test_an_event_waits_for_an_earlier_one_of_its_case_in_other_hands(database: Database) -> None:
    make_work(database)
    make_work(database)
    other = make_work(database, "2025-00002")
    claim(database, limit=1)

    assert ids(claim(database)) == [other]


def test_an_event_waits_for_an_earlier_one_of_its_case_that_is_to_be_tried_later(database: Database) -> None:
    make_work(database, late_s=60)
    make_work(database)
    other = make_work(database, "2025-00002")

    assert ids(claim(database)) == [other]


def test_a_parked_event_holds_back_its_own_case_only_however_much_waits_behind_it(database: Database) -> None:
    parked = make_work(database)
    wear_out(database, parked, attempts=work.MAX_ATTEMPTS - 1)
    retry(database, claim(database)[0])
    for _ in range(3):
        make_work(database)
    other = make_work(database, "2025-00002")

    assert ids(claim(database, limit=2)) == [other]


def test_a_lease_that_ran_out_is_claimed_again(database: Database) -> None:
    made = make_work(database)
    claim(database)
    pass_time(database, seconds=61)

    assert ids(claim(database)) == [made]


def test_what_is_finished_is_gone(database: Database) -> None:
    make_work(database)
    (claimed,) = claim(database)

    with database.write("test") as unit:
        work.finish(unit, [claimed.id], claimed.token)

    assert read_work(database) == []


def test_a_late_worker_is_fenced_and_its_effects_are_rolled_back(database: Database) -> None:
    make_work(database)
    (late,) = claim(database)
    pass_time(database, seconds=61)
    (now,) = claim(database)

    def act_late() -> None:
        with database.write("test") as unit:
            routines.due(unit, "an effect", 1)
            work.finish(unit, [late.id], late.token)

    with pytest.raises(Fenced):
        act_late()

    assert [row.token for row in read_work(database)] == [now.token]
    with database.read() as unit:
        assert routines.is_due(unit, "an effect", 1)


def test_a_failed_event_is_tried_later_with_its_error_kept(database: Database) -> None:
    make_work(database)

    retry(database, claim(database)[0])

    (row,) = read_work(database)
    assert (row.state, row.attempts, row.error) == (WorkState.READY, 1, "Boom flows.visit:1")
    assert row.ready_at > row.created_at


@pytest.mark.parametrize(("attempts", "at_most_s"), [(1, 5), (3, 20), (8, 640), (11, 900)])
def test_the_wait_grows_to_a_quarter_of_an_hour(
    database: Database, monkeypatch: pytest.MonkeyPatch, attempts: int, at_most_s: float
) -> None:
    monkeypatch.setattr("services.rules.work.random.uniform", lambda _low, high: high)  # the unluckiest draw
    wear_out(database, make_work(database), attempts=attempts - 1)

    with database.write("test") as unit:
        (claimed,) = work.claim(unit, worker="bo")
        before = unit.lease_time()
        work.retry(unit, claimed.id, claimed.token, "Boom")

    (row,) = read_work(database)
    assert at_most_s <= (row.ready_at - before).total_seconds() < at_most_s + 5


def test_after_twelve_attempts_an_event_is_parked_and_a_person_can_have_it_tried_again(database: Database) -> None:
    made = make_work(database)
    wear_out(database, made, attempts=11)
    retry(database, claim(database)[0])
    pass_time(database, seconds=10_000)
    with database.read() as unit:
        assert [row.error for row in work.parked(unit)] == ["Boom flows.visit:1"]
    assert claim(database) == []

    with database.write("test") as unit:
        assert work.try_again(unit, made)

    assert ids(claim(database)) == [made]


def test_an_event_over_which_twelve_workers_died_is_parked(database: Database) -> None:
    wear_out(database, make_work(database), attempts=11)
    claim(database, limit=1)
    pass_time(database, seconds=61)

    assert claim(database, limit=1) == []
    assert [row.state for row in read_work(database)] == [WorkState.PARKED]


def test_the_more_attempts_died_the_fewer_events_are_claimed_together_until_each_is_tried_alone(
    database: Database,
) -> None:
    made = [make_work(database, f"2025-{number:05}") for number in range(8)]

    claimed_together = []
    for _ in range(5):
        claimed_together.append(ids(claim(database, limit=8)))
        pass_time(database, seconds=61)

    assert claimed_together == [made, made[:4], made[:2], made[:1], made[:1]]


def test_workers_that_die_over_one_event_park_that_one_alone(database: Database) -> None:
    deadly, *_ = [make_work(database, f"2025-{number:05}") for number in range(20)]

    for _ in range(40):
        claimed = claim(database, limit=16)
        if deadly not in ids(claimed) and claimed:
            with database.write("test") as unit:
                work.finish(unit, ids(claimed), claimed[0].token)
        pass_time(database, seconds=61)

    assert [(row.id, row.state) for row in read_work(database)] == [(deadly, WorkState.PARKED)]


def test_what_is_given_back_does_not_count_as_an_attempt(database: Database) -> None:
    make_work(database)
    (claimed,) = claim(database)

    with database.write("test") as unit:
        work.release(unit, [claimed.id], claimed.token)

    assert [(row.state, row.attempts) for row in read_work(database)] == [(WorkState.READY, 0)]


def test_a_case_is_in_the_engines_hands_until_its_newest_event_is_handled(database: Database) -> None:
    make_work(database)
    (claimed,) = claim(database)
    with database.read() as unit:
        assert work.unhandled(unit, [claimed.case_id]) == {claimed.case_id}
        assert work.oldest(unit) is not None

    with database.write("test") as unit:
        work.finish(unit, [claimed.id], claimed.token)

    with database.read() as unit:
        assert work.unhandled(unit, [claimed.case_id]) == set()
        assert work.oldest(unit) is None


def test_workers_side_by_side_never_share_an_event_and_never_pass_one_of_the_same_case(database: Database) -> None:
    for number in range(40):
        make_work(database, f"2025-{number % 8:05}")
    done: list[Claimed] = []
    barrier = threading.Barrier(3)

    def worker() -> None:
        barrier.wait(5)
        while read_work(database):
            claimed = claim(database, limit=3)
            with database.write("test") as unit:
                if claimed:
                    work.finish(unit, ids(claimed), claimed[0].token)
                done.extend(claimed)

    threads = [threading.Thread(target=worker) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert set(Counter(ids(done)).values()) == {1}
    assert len(done) == 40
    by_case = {each.case_id: [one.id for one in done if one.case_id == each.case_id] for each in done}
    assert [case for case, order in by_case.items() if order != sorted(order)] == []


def test_an_error_is_told_by_class_and_place_never_by_its_message() -> None:
    try:
        work.events(None, [])  # type: ignore[arg-type]
    except AttributeError as error:
        told = work.describe(error)

    assert told.startswith("AttributeError services.rules.work:")


def test_a_routine_is_held_by_one_and_due_again_after_its_span(database: Database) -> None:
    with database.write("test") as unit:
        token = routines.due(unit, "tick", 15)
        assert token is not None
        assert routines.due(unit, "tick", 15) is None

    with database.write("test") as unit:
        routines.done(unit, "tick", token)
        assert routines.last_at(unit, "tick") is not None
        assert routines.due(unit, "tick", 15) is None
        assert routines.due(unit, "tick", 0) is not None
