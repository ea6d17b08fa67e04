"""How often something may be tried."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select

from models.programmes import Allowance
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.rules import limits
from services.rules.limits import Limit, TooMany, Use

THREE = Limit("three", 3, timedelta(minutes=3))
ADA, BO = Use(THREE, "ada@brest.test"), Use(THREE, "bo@brest.test")


def tries(database: Database, *uses: Use) -> bool:
    try:
        with database.write("test") as unit:
            limits.spend(unit, *uses)
    except TooMany:
        return False
    return True


def test_tries_come_back_one_by_one_and_a_refusal_costs_nothing(database: Database, clock: SetClock) -> None:
    assert [tries(database, ADA) for _ in range(5)] == [True, True, True, False, False]
    assert not tries(database, ADA, BO)
    assert [tries(database, BO) for _ in range(4)] == [True, True, True, False]

    clock.at += timedelta(minutes=1)
    assert [tries(database, ADA) for _ in range(2)] == [True, False]
    with database.write("test") as unit:
        limits.give_back(unit, ADA)
        limits.clear(unit, BO)
    assert [tries(database, ADA) for _ in range(2)] == [True, False]
    assert tries(database, BO)

    clock.at += timedelta(minutes=3)
    with database.write("test") as unit:
        limits.forget(unit)
    with database.read() as unit:
        assert unit.session.scalar(select(func.count()).select_from(Allowance)) == 0


def test_many_at_once_do_not_slip_through(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(lambda _: tries(database, ADA), range(16)))

    assert sum(passed) == 3


def test_who_is_limited_cannot_be_read_from_the_database(database: Database) -> None:
    tries(database, ADA)

    with database.read() as unit:
        assert "ada" not in unit.session.scalars(select(Allowance.key)).one()
