"""The nightly round leaves nothing behind that nobody will ask for again."""

import asyncio
from datetime import timedelta

from sqlalchemy import select, update

from flows import upkeep
from models.cases import Case
from models.programmes import IdempotentAnswer
from models.vocabulary import CaseState
from services.foundation.clock import SetClock
from services.foundation.runtime import Runtime
from services.idempotency import KEPT, remember
from tests.services.rules.situations import found_office


def test_an_answer_kept_for_its_time_is_forgotten_at_night(runtime: Runtime, clock: SetClock) -> None:
    with runtime.database.write("test") as unit:
        remember(unit, "person:1", "route", "key", "hash", status=200, body={})

    asyncio.run(upkeep.keep_up())
    with runtime.database.read() as unit:
        assert unit.session.scalar(select(IdempotentAnswer.key)) == "key"

    clock.at += KEPT + timedelta(days=1)
    asyncio.run(upkeep.keep_up())
    with runtime.database.read() as unit:
        assert unit.session.scalar(select(IdempotentAnswer.key)) is None


def test_what_events_do_not_bear_out_is_said_once_for_all_its_cases(runtime: Runtime, clock: SetClock) -> None:
    office = found_office(runtime.database, clock)
    first = office.triaged()
    office.triaged(surname="Durand")
    with runtime.database.write("test") as unit:
        unit.session.execute(update(Case).values(state=CaseState.SUBMITTED.value))

    found = asyncio.run(upkeep.keep_up())

    assert len(found) == 1
    assert found[0].startswith("case is submitted, its events say triage: 2, case ")
    with runtime.database.read() as unit:
        assert unit.session.get_one(Case, first).state == CaseState.SUBMITTED
