"""Saying who is there: oneself says it of oneself, the coordination of everybody, a stranger of nobody."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from models.cases import Visit
from services.foundation.errors import Denied, InvalidInput, NotFound
from services.programme import closures, presence
from services.programme.closures import ClosingForm
from services.programme.presence import AbsenceForm, DutyForm, WorkForm
from services.rules.casework import Hand
from tests.services.rules.situations import (
    ADA,
    ADA_ID,
    BO,
    BO_ID,
    CY,
    CY_ID,
    DI,
    GIVER,
    KARIM,
    OPERATOR,
    PARTNER,
    Office,
    paris,
    shown,
)

MONDAY, FRIDAY = date(2025, 10, 6), date(2025, 10, 10)
DUTY: dict[str, Any] = {"from_at": paris("2025-10-10T18:00"), "to_at": paris("2025-10-13T08:00")}
CLOSED = ClosingForm(organisation_id=PARTNER, first_on=MONDAY, last_on=FRIDAY)


def absence(person_id: UUID | None = None, **given: Any) -> AbsenceForm:
    return AbsenceForm.model_validate({"person_id": person_id, "first_on": MONDAY, "last_on": FRIDAY, **given})


def planning(office: Office, hand: Hand) -> presence.Planning:
    with office.database.read() as unit:
        found = presence.planning(unit, hand.actor)
        unit.session.expunge_all()
        return found


@pytest.mark.parametrize(("hand", "of"), [(BO, None), (BO, BO_ID), (ADA, BO_ID), (ADA, CY_ID)])
def test_an_absence_is_declared_by_oneself_or_by_the_coordination(office: Office, hand: Hand, of: UUID | None) -> None:
    office.do(presence.declare_absence, hand, absence(of))

    assert [each.person_id for each in planning(office, ADA).absences] == [of or hand.actor.id]


def officer_of(office: Office, visit_id: UUID) -> UUID | None:
    with office.database.read() as unit:
        return unit.session.get_one(Visit, visit_id).officer_id


def test_an_absence_over_a_visit_asks_who_makes_it(office: Office) -> None:
    case_id = office.qualified()
    visit_id = office.plan(case_id, "2025-10-08T10:00")
    office.drain()

    with pytest.raises(InvalidInput, match=r"mercredi 8.octobre.*quelqu’un d’autre les fera-t-il"):
        office.do(presence.declare_absence, BO, absence())
    assert planning(office, ADA).absences == []
    office.do(presence.declare_absence, BO, absence(visits_given_up=True))
    office.drain()

    assert officer_of(office, visit_id) is None
    assert "choose_visitor" in office.due(case_id)


def test_an_absence_beside_a_visit_asks_nothing(office: Office) -> None:
    case_id = office.qualified()
    visit_id = office.plan(case_id, "2025-10-13T10:00")

    office.do(presence.declare_absence, BO, absence())

    assert officer_of(office, visit_id) == BO_ID


@pytest.mark.parametrize("stranger", [CY, DI, KARIM], ids=["other operator", "other programme", "alert giver"])
def test_a_stranger_declares_nobodys_absence(office: Office, stranger: Hand) -> None:
    with pytest.raises(NotFound):
        office.do(presence.declare_absence, stranger, absence(BO_ID))
    with pytest.raises(NotFound):
        office.do(presence.set_work_days, stranger, WorkForm(person_id=BO_ID, weekdays=frozenset({0})))


def test_a_stranger_cancels_nobodys_absence(office: Office) -> None:
    declared = office.do(presence.declare_absence, BO, absence())

    for stranger in (CY, DI):
        with pytest.raises(NotFound):
            office.do(presence.cancel_absence, stranger, declared.id)

    office.do(presence.cancel_absence, ADA, declared.id)
    assert planning(office, BO).absences == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"last_on": date(2025, 10, 5)}, "last_on"),
        ({"delegate_id": BO_ID}, "delegate_id"),
        ({"delegate_id": CY_ID}, "delegate_id"),
    ],
    ids=["backwards", "oneself", "another team"],
)
def test_an_absence_that_makes_no_sense_is_refused(office: Office, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        office.do(presence.declare_absence, BO, absence(**given))

    assert refused.value.field == field


def test_days_of_work_replace_one_another_and_none_means_every_day(office: Office) -> None:
    for weekdays in ({0, 2}, {1}):
        office.do(presence.set_work_days, BO, WorkForm(weekdays=frozenset(weekdays)))
    assert [each.weekdays for each in planning(office, BO).patterns] == [[1]]

    office.do(presence.set_work_days, BO, WorkForm(weekdays=frozenset()))

    assert planning(office, BO).patterns == []


def test_a_day_that_no_week_has_is_refused(office: Office) -> None:
    with pytest.raises(InvalidInput):
        office.do(presence.set_work_days, BO, WorkForm(weekdays=frozenset({7})))


def test_only_the_coordination_says_who_is_on_duty_and_which_partner_is_closed(office: Office) -> None:
    with pytest.raises(Denied):
        office.do(presence.set_duty, BO, DutyForm(**DUTY))
    with pytest.raises(Denied):
        office.do(closures.close, BO, CLOSED)

    duty = office.do(presence.set_duty, ADA, DutyForm(**DUTY))
    closure = office.do(closures.close, ADA, CLOSED)

    found = planning(office, BO)
    assert (list(found.duties), [each.organisation_id for each in found.closures]) == ([], [PARTNER])
    assert [each.person_id for each in planning(office, ADA).duties] == [ADA_ID]
    office.do(presence.end_duty, ADA, duty.id)
    office.do(closures.reopen, ADA, closure.id)
    assert planning(office, ADA) == presence.Planning([], [], [], [], [])


def test_only_a_coordinator_is_on_duty(office: Office) -> None:
    with pytest.raises(InvalidInput, match="coordination"):
        office.do(presence.set_duty, ADA, DutyForm(person_id=BO_ID, **DUTY))


def test_a_duty_ends_after_it_begins(office: Office) -> None:
    with pytest.raises(InvalidInput, match="avant le début"):
        office.do(presence.set_duty, ADA, DutyForm(from_at=DUTY["to_at"], to_at=DUTY["from_at"]))


@pytest.mark.parametrize(("hand", "organisation_id"), [(DI, PARTNER), (ADA, UUID(int=404))])
def test_a_partner_of_another_programme_is_not_closed(office: Office, hand: Hand, organisation_id: UUID) -> None:
    form = CLOSED.model_copy(update={"organisation_id": organisation_id})

    with pytest.raises(NotFound):
        office.do(closures.close, hand, form)


def test_an_alert_givers_service_is_not_closed(office: Office) -> None:
    with pytest.raises(InvalidInput):
        office.do(closures.close, ADA, CLOSED.model_copy(update={"organisation_id": GIVER}))


def test_what_fell_on_a_day_closed_since_goes_to_the_next_open_day(office: Office) -> None:
    case_id = office.triaged()
    assert office.due(case_id)["triage"] == "2025-10-09 18:00"

    office.do(closures.close, ADA, ClosingForm(first_on=date(2025, 10, 9), last_on=FRIDAY, label="Congés"))

    assert office.due(case_id)["triage"] == "2025-10-13 18:00"
    office.at("2025-10-13T17:00")
    assert office.sent(case_id, "task_late") == []
    office.at("2025-10-14T10:00")
    assert len(office.sent(case_id, "task_late")) == 1


def test_a_programme_is_not_closed_for_ever_and_only_by_its_coordination(office: Office) -> None:
    ever = ClosingForm(first_on=MONDAY, last_on=date(2027, 1, 1))

    with pytest.raises(InvalidInput, match="aucun jour ouvert"):
        office.do(closures.close, ADA, ever)
    with pytest.raises(Denied):
        office.do(closures.close, BO, ever)


def test_a_closed_operator_reads_its_mail_of_the_day_when_it_opens(office: Office) -> None:
    case_id = office.accepted()  # the first call is due on Monday the 13th
    friday = date(2025, 10, 17)
    office.do(closures.close, ADA, ClosingForm(organisation_id=OPERATOR, first_on=date(2025, 10, 13), last_on=friday))

    office.at("2025-10-15T10:00")

    (late,) = office.sent(case_id, "task_late")
    assert shown(late.due_at) == "2025-10-20 08:00"


def test_the_calendar_says_when_each_reads_next(office: Office) -> None:
    office.do(presence.set_work_days, ADA, WorkForm(person_id=BO_ID, weekdays=frozenset({0, 3})))
    office.do(presence.declare_absence, BO, absence(last_on=date(2025, 10, 8)))

    with office.database.read() as unit:
        known = presence.planning(unit, ADA.actor)
        team = {each.name: each for each in presence.team(unit, ADA.actor, known)}
        alone = presence.team(unit, CY.actor, presence.planning(unit, CY.actor))

    assert next(iter(team)) == "Ada"
    assert [each.name for each in alone] == ["Cy"]
    assert shown(team["Bo"].reading.at) == "2025-10-09 08:00"
    assert team["Ada"].reading.at == office.clock.at


def test_an_absence_is_forgotten_a_month_after_its_end(office: Office) -> None:
    office.do(presence.declare_absence, BO, absence())
    office.do(presence.set_duty, ADA, DutyForm(**DUTY))

    for day, left in (("2025-11-05T03:00", 0), ("2025-11-20T03:00", 2)):
        office.sleep_to(day)
        with office.database.write("upkeep") as unit:
            assert presence.forget_old(unit) == left
