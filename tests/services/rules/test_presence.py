"""Who reads: whoever is there, else a delegate, else whoever is on duty, else all; never nobody."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from models.engine import Occurrence
from models.programmes import Membership, Organisation, Person
from models.vocabulary import Danger, OrganisationKind, Role
from services.cases import loans, tasks, triage, visits
from services.forms import DangerForm, LoanForm, Reassignment
from services.overview import desk
from services.programme import closures, presence
from services.programme.closures import ClosingForm
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.presence import Away, Reader, Roster
from tests.services.rules.situations import (
    ADA,
    ADA_ID,
    BO,
    BO_ID,
    OPERATOR,
    OTHER_OPERATOR,
    PARTNER,
    PROGRAMME,
    Office,
    paris,
    shown,
)

EVE_ID, FAY_ID = UUID(int=24), UUID(int=25)
EVE = Hand(Actor("person", EVE_ID, PROGRAMME, Role.COORDINATOR, name="Eve"))
"""Coordinates too."""
MONDAY, FRIDAY = date(2025, 10, 6), date(2025, 10, 10)


@pytest.fixture
def office(office: Office) -> Office:
    """With Eve beside Ada, and Fay beside Bo."""
    with office.database.write("test") as unit:
        for person_id, name in ((EVE_ID, "Eve"), (FAY_ID, "Fay")):
            unit.session.add(Person(id=person_id, email=f"{name.lower()}@relais.test", name=name))
        unit.session.flush()
        eve = Membership(person_id=EVE_ID, programme_id=PROGRAMME, role=Role.COORDINATOR)
        fay = Membership(person_id=FAY_ID, programme_id=PROGRAMME, role=Role.OPERATOR, organisation_id=OPERATOR)
        unit.session.add_all([eve, fay])
    return office


def away(office: Office, hand: Hand, first: date = MONDAY, last: date = FRIDAY, to: UUID | None = None) -> None:
    form = presence.AbsenceForm(first_on=first, last_on=last, delegate_id=to)
    office.do(presence.declare_absence, hand, form)


def works_on(office: Office, hand: Hand, *days: int) -> None:
    office.do(presence.set_work_days, hand, presence.WorkForm(weekdays=frozenset(days)))


def on_duty(office: Office, person_id: UUID, first: str, last: str) -> None:
    form = presence.DutyForm(person_id=person_id, from_at=paris(first), to_at=paris(last))
    office.do(presence.set_duty, ADA, form)


def readers(office: Office, case_id: UUID, text: str) -> list[str]:
    return sorted(message.address.partition("@")[0] for message in office.sent(case_id, text))


def endangered(office: Office) -> UUID:
    """Bo reports a danger; what follows is planned."""
    case_id = office.accepted()
    office.do(visits.report_danger, BO, case_id, DangerForm(danger=Danger.GAS))
    office.drain()
    return case_id


# -- The coordination


def test_the_coordinators_who_are_there_read(office: Office) -> None:
    away(office, ADA)

    assert readers(office, office.triaged(), "new_alert") == ["eve"]


def test_somebody_back_tomorrow_reads_what_leaves_tomorrow(office: Office) -> None:
    away(office, ADA, last=MONDAY)
    office.sleep_to("2025-10-06T22:00")

    assert readers(office, office.triaged(), "new_alert") == ["ada", "eve"]


def test_when_nobody_is_there_whoever_is_on_duty_reads(office: Office) -> None:
    away(office, ADA)
    works_on(office, EVE, 4)
    on_duty(office, EVE_ID, "2025-10-06T08:00", "2025-10-07T08:00")

    assert readers(office, office.triaged(), "new_alert") == ["eve"]


def test_when_nobody_is_there_and_nobody_is_on_duty_all_read(office: Office) -> None:
    away(office, ADA)
    away(office, EVE)

    assert readers(office, office.triaged(), "new_alert") == ["ada", "eve"]


def test_a_delegate_reads_when_nobody_else_is_there(office: Office) -> None:
    works_on(office, EVE, 4)
    away(office, ADA, to=EVE_ID)

    assert readers(office, office.triaged(), "new_alert") == ["eve"]


def test_a_danger_reaches_whoever_is_there_and_whoever_is_on_duty(office: Office) -> None:
    works_on(office, EVE, 1)
    on_duty(office, EVE_ID, "2025-10-06T08:00", "2025-10-07T08:00")

    case_id = endangered(office)

    assert readers(office, case_id, "danger") == ["ada", "eve"]


def test_a_danger_on_a_friday_evening_reaches_whoever_is_on_duty_at_once(office: Office) -> None:
    works_on(office, ADA, 0)
    works_on(office, EVE, 0)
    on_duty(office, EVE_ID, "2025-10-10T18:00", "2025-10-13T08:00")
    office.sleep_to("2025-10-10T19:00")

    (message,) = office.sent(endangered(office), "danger")

    assert (message.address, shown(message.due_at)) == ("eve@relais.test", "2025-10-10 19:00")


def test_the_mail_of_the_day_waits_for_its_readers_next_day(office: Office) -> None:
    works_on(office, ADA, 0)
    works_on(office, EVE, 2, 3)
    case_id = office.triaged()  # triage is due on Thursday 9 October

    office.at("2025-10-09T18:05")

    due = {message.address: shown(message.due_at) for message in office.sent(case_id, "task_late")}
    assert due == {"ada@relais.test": "2025-10-13 08:00", "eve@relais.test": "2025-10-09 18:00"}


def test_a_mail_of_the_day_is_not_kept_for_somebody_away_on_that_day(office: Office) -> None:
    works_on(office, ADA, 0)
    away(office, ADA, date(2025, 10, 13), date(2025, 10, 13))
    case_id = office.triaged()

    office.at("2025-10-09T18:05")

    assert readers(office, case_id, "task_late") == ["eve"]


# -- Officers


@pytest.mark.parametrize(
    ("delegate", "reader"),
    [(FAY_ID, "fay@relais.test"), (None, "energie-proche@relais.test")],
    ids=["delegate", "none"],
)
def test_an_absent_officers_mail_goes_to_his_delegate_or_to_the_operator(
    office: Office, delegate: UUID | None, reader: str
) -> None:
    away(office, BO, to=delegate)
    case_id = office.qualified()

    office.plan(case_id, "2025-10-20T10:00")
    office.drain()

    assert [message.address for message in office.sent(case_id, "visit_invitation")] == [reader]


def test_what_was_an_officers_who_has_left_goes_to_the_operator(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-20T10:00")
    office.drain()
    with office.database.write("test") as unit:
        unit.session.get_one(Person, BO_ID).disabled_at = unit.now

    office.at("2025-10-22T10:00")

    assert readers(office, case_id, "visit_unreported") == ["energie-proche"]


# -- Who has it in hand


@pytest.mark.parametrize(("absent", "reader"), [(False, "bo"), (True, "fay")])
def test_what_is_late_is_told_to_whoever_took_it_or_to_his_delegate(office: Office, absent: bool, reader: str) -> None:
    case_id = office.accepted()
    (task,) = office.tasks(case_id)
    office.do(tasks.take, BO, task.id)
    if absent:
        away(office, BO, MONDAY, date(2025, 10, 17), to=FAY_ID)

    office.at("2025-10-13 18:05")

    assert readers(office, case_id, "task_late") == [reader]


def test_a_device_is_asked_of_whoever_lent_it(office: Office) -> None:
    case_id = office.qualified()
    office.do(loans.lend, BO, case_id, LoanForm(item="Wattmètre", due_on=date(2025, 10, 20)))

    office.at("2025-10-20 18:05")

    assert readers(office, case_id, "loan_overdue") == ["bo"]


def test_whoever_has_the_case_no_more_is_not_asked_for_what_he_lent(office: Office) -> None:
    case_id = office.qualified()
    office.do(loans.lend, BO, case_id, LoanForm(item="Wattmètre", due_on=date(2025, 10, 20)))
    office.do(triage.reassign, ADA, case_id, Reassignment(operator_id=OTHER_OPERATOR))

    office.at("2025-10-20 18:05")

    assert [message.organisation_id for message in office.sent(case_id, "loan_overdue")] == [OTHER_OPERATOR]


def test_a_colleagues_escalation_goes_to_the_coordination_not_to_whoever_took_it(office: Office) -> None:
    case_id = office.accepted()
    (task,) = office.tasks(case_id)
    office.do(tasks.take, BO, task.id)

    office.at("2025-10-16 18:05")

    assert readers(office, case_id, "task_late") == ["ada", "bo", "eve"]


# -- Delegation


def roster(*absences: tuple[int, int | None]) -> Roster:
    """Coordinators 1, 2 and 3; who is away all week, and for whom he asked to read."""
    given = {UUID(int=who): [Away(MONDAY, FRIDAY, UUID(int=to) if to else None)] for who, to in absences}
    team = [Reader(UUID(int=number), "", f"{number}@relais.test", Role.COORDINATOR, None) for number in (1, 2, 3)]
    return Roster(team=team, absences=given, weekdays={}, watches=[])


@pytest.mark.parametrize(
    ("absences", "reader"),
    [
        ([(1, 2)], 2),
        ([(1, 2), (2, 3)], 3),
        ([(1, 2), (2, None)], None),
        ([(1, 2), (2, 1)], None),
        ([(1, 2), (2, 3), (3, 2)], None),
        ([(1, 1)], None),
        ([(1, 9)], None),
    ],
    ids=["direct", "chain", "dead end", "loop", "loop further on", "oneself", "stranger"],
)
def test_a_chain_of_delegates_is_followed_and_never_in_circles(
    absences: list[tuple[int, int | None]], reader: int | None
) -> None:
    found = roster(*absences)

    stand_in = found.stand_in(UUID(int=1), MONDAY, found.team)

    assert (stand_in.person_id if stand_in else None) == (UUID(int=reader) if reader else None)


def test_two_coordinators_who_delegate_to_one_another_both_read(office: Office) -> None:
    away(office, ADA, to=EVE_ID)
    away(office, EVE, to=ADA_ID)

    assert readers(office, office.triaged(), "new_alert") == ["ada", "eve"]


# -- Partners


def test_a_closed_partner_gets_no_reminder_and_its_date_stays(office: Office) -> None:
    case_id, _ = office.referred()  # asked on Wednesday 8 October
    soft = date(2025, 10, 15)
    office.do(closures.close, ADA, closing(soft, soft))
    due = office.due(case_id)

    office.at("2025-10-16T10:00")

    assert office.sent(case_id, "referral_soft_reminder") == []
    assert office.due(case_id) == due
    with office.database.read() as unit:
        (missed,) = unit.session.scalars(select(Occurrence).where(Occurrence.recipient == "partner")).all()
        assert (missed.state, missed.reason) == ("suppressed", "closed")
    office.at("2025-10-22T10:00")
    assert len(office.sent(case_id, "referral_firm_reminder")) == 1


def test_a_partner_who_was_closed_for_his_last_reminder_has_his_delay_again_from_his_reopening(office: Office) -> None:
    """Source: peers 3.2, transition 5."""
    case_id, referral_id = office.referred()
    office.do(closures.close, ADA, closing(date(2025, 10, 15), date(2025, 11, 14)))
    office.at("2025-11-17T07:00")
    assert office.referral(referral_id).state == "sent"
    assert office.due(case_id)["answer_referral"] == "2025-12-08 18:00"

    office.at("2025-12-08T17:00")
    assert len(office.sent(case_id, "referral_firm_reminder")) == 1
    office.at("2025-12-08T18:01")
    assert office.referral(referral_id).state == "expired"


def test_a_partner_who_was_warned_expires_though_he_is_closed_since(office: Office) -> None:
    _, referral_id = office.referred()
    office.do(closures.close, ADA, closing(date(2025, 10, 27), date(2025, 11, 14)))
    office.at("2025-10-30T10:00")

    assert office.referral(referral_id).state == "expired"


def test_a_closed_partner_is_not_proposed(office: Office) -> None:
    office.do(closures.close, ADA, closing(MONDAY, MONDAY))
    assert [each.slug for each in proposed(office)] == ["soliha"]

    office.clock.at += timedelta(days=1)

    assert [each.slug for each in proposed(office)] == ["adil", "soliha"]


def proposed(office: Office) -> list[Organisation]:
    with office.database.read() as unit:
        found = desk.organisations(unit, BO.actor, OrganisationKind.PARTNER)
        unit.session.expunge_all()
        return found


def closing(first: date, last: date) -> ClosingForm:
    return ClosingForm(organisation_id=PARTNER, first_on=first, last_on=last)


def test_the_delegate_must_be_of_the_team_on_that_day_still(office: Office) -> None:
    away(office, BO, to=FAY_ID)
    with office.database.write("test") as unit:
        fay = unit.session.scalars(select(Membership).where(Membership.person_id == FAY_ID)).one()
        fay.ended_at = unit.now
    case_id = office.qualified()

    office.plan(case_id, "2025-10-20T10:00")
    office.drain()

    assert [message.address for message in office.sent(case_id, "visit_invitation")] == ["energie-proche@relais.test"]
    assert BO_ID not in {message.person_id for message in office.sent(case_id)}
