"""Visits: an absence is not a cancellation, and a danger is told in the same minute."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from models.cases import Visit
from models.engine import Message
from models.programmes import Membership, Person
from models.vocabulary import Danger, Role
from services.cases import triage, visits
from services.forms import DangerForm, LostVisit, PastVisit, Reassignment, VisitForm
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.errors import Denied, GuardRefused, InvalidInput, TransitionRefused
from services.programme import closures, presence
from services.programme.closures import ClosingForm
from services.programme.presence import AbsenceForm
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from services.rules.view import absences
from tests.services.rules.situations import (
    ADA,
    BO,
    BO_ID,
    CY,
    CY_ID,
    OPERATOR,
    OTHER_OPERATOR,
    PROGRAMME,
    Office,
    default_pathway,
    found_office,
    paris,
)


def planned(office: Office) -> UUID:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-08T10:00")
    office.drain()
    return case_id


def lose(office: Office, case_id: UUID, state: str) -> None:
    office.do(visits.lose_visit, BO, case_id, LostVisit.model_validate({"state": state}))
    office.drain()


def test_a_visit_is_planned_in_the_future(office: Office) -> None:
    case_id = office.qualified()

    with pytest.raises(InvalidInput, match="avenir"):
        office.plan(case_id, "2025-10-06T09:00")


def test_a_visit_is_planned_within_a_year(office: Office) -> None:
    case_id = office.qualified()

    with pytest.raises(InvalidInput, match="vérifiez l’année"):
        office.plan(case_id, "2099-10-08T10:00")


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("2025-12-25T10:00", r"jeudi 25.décembre \(Noël\) est un jour fermé"),
        ("2025-10-11T10:00", r"samedi 11.octobre est un jour fermé"),
        ("2025-10-13T10:00", r"lundi 13.octobre est un jour fermé"),
        ("2025-10-14T10:00", r"mardi 14.octobre est un jour fermé"),
    ],
)
def test_a_visit_on_a_day_on_which_nobody_works_is_kept_once_it_is_wanted(office: Office, when: str, said: str) -> None:
    case_id = office.qualified()
    office.do(closures.close, ADA, ClosingForm(first_on=date(2025, 10, 13), last_on=date(2025, 10, 13)))
    tuesday = date(2025, 10, 14)
    office.do(closures.close, ADA, ClosingForm(organisation_id=OPERATOR, first_on=tuesday, last_on=tuesday))
    form = VisitForm(starts_at=paris(when), officer_id=BO_ID)

    with pytest.raises(InvalidInput, match=said):
        office.do(visits.plan_visit, BO, case_id, form)
    office.do(visits.plan_visit, BO, case_id, form.model_copy(update={"on_closed_day": True}))
    office.drain()
    assert "hold_visit" in office.due(case_id)


def test_a_visit_that_keeps_its_closed_day_is_not_asked_about_again(office: Office) -> None:
    case_id = office.qualified()
    saturday = VisitForm(starts_at=paris("2025-10-11T10:00"), on_closed_day=True)
    office.do(visits.plan_visit, BO, case_id, saturday)
    same = VisitForm(starts_at=paris("2025-10-11T10:00"), officer_id=BO_ID)

    assert office.do(visits.move_visit, BO, case_id, same).officer_id == BO_ID
    with pytest.raises(InvalidInput, match="jour fermé"):
        office.do(visits.move_visit, BO, case_id, VisitForm(starts_at=paris("2025-10-12T10:00")))


@pytest.mark.parametrize("place", ["officer_id", "second_officer_id"])
def test_nobody_is_promised_who_is_away_that_day(office: Office, place: str) -> None:
    case_id, away = office.qualified(), date(2025, 10, 8)
    office.do(presence.declare_absence, BO, AbsenceForm(first_on=away, last_on=away))
    that_day, another = (paris(f"2025-10-{day:02}T10:00") for day in (8, 9))

    with pytest.raises(InvalidInput, match=r"Le mercredi 8.octobre, .* n’est pas là"):
        office.do(visits.plan_visit, BO, case_id, VisitForm.model_validate({"starts_at": that_day, place: BO_ID}))
    office.do(visits.plan_visit, BO, case_id, VisitForm.model_validate({"starts_at": another, place: BO_ID}))
    with pytest.raises(InvalidInput, match="n’est pas là"):  # who was to come is not named again
        office.do(visits.move_visit, BO, case_id, VisitForm(starts_at=that_day))


def test_a_visit_is_made_by_the_operators_own_people(office: Office) -> None:
    case_id = office.qualified()
    form = VisitForm(starts_at=paris("2025-10-08T10:00"), officer_id=CY_ID)

    with pytest.raises(InvalidInput, match="opérateur"):
        office.do(visits.plan_visit, BO, case_id, form)


def test_a_household_not_yet_reached_gets_no_visit(office: Office) -> None:
    case_id = office.accepted()

    with pytest.raises(TransitionRefused):
        office.plan(case_id, "2025-10-08T10:00")


def test_an_absence_is_seen_at_the_door_only(office: Office) -> None:
    case_id = planned(office)

    with pytest.raises(GuardRefused, match="annulez"):
        lose(office, case_id, "household_absent")


def test_a_visit_to_come_was_not_held(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-08T10:00")

    with pytest.raises(GuardRefused, match="pas encore commencé"):
        office.hold(case_id)


@pytest.mark.parametrize("state", ["cancelled_by_household", "cancelled_by_service"])
def test_a_cancelled_visit_is_planned_again(office: Office, state: str) -> None:
    case_id = planned(office)
    lose(office, case_id, state)

    assert set(office.due(case_id)) == {"plan_visit"}


def test_the_second_absence_of_the_household_is_for_the_coordinator_to_decide(office: Office) -> None:
    case_id = office.qualified()
    for day in ("08", "15"):
        office.plan(case_id, f"2025-10-{day}T10:00")
        office.at(f"2025-10-{day}T11:00")
        lose(office, case_id, "household_absent")

    assert [(task.kind, task.party) for task in office.tasks(case_id)] == [("decide_after_absence", "coordinator")]


def test_the_visitors_own_absence_is_not_held_against_the_household(office: Office) -> None:
    case_id = office.qualified()
    for day in ("08", "15"):
        office.plan(case_id, f"2025-10-{day}T10:00")
        office.at(f"2025-10-{day}T11:00")
        lose(office, case_id, "visitor_absent")

    assert set(office.due(case_id)) == {"plan_visit"}
    assert office.sent(case_id, "visit_missed") == []
    assert [message.channel for message in office.sent(case_id, "visitor_missed")] == ["sms", "email"] * 2


def test_a_visit_too_near_for_the_letter_of_ten_days_before_has_its_letter_at_once(office: Office) -> None:
    for days, letters in ((4, 0), (9, 1), (21, 0)):
        case_id = office.qualified()
        office.plan(case_id, office.clock.at + timedelta(days=days))
        office.drain()

        assert [each.channel for each in office.sent(case_id, "visit_reminder")] == ["letter"] * letters


@pytest.mark.parametrize(
    ("planned", "visit"),
    [
        ("2025-10-06T10:00", "2025-10-17T09:00"),  # the letter leaves tomorrow, ten days and a few hours before
        ("2025-10-10T15:00", "2025-10-22T10:00"),  # it was posted this morning: ten days before is a Sunday
    ],
)
def test_the_letter_of_ten_days_before_is_posted_once_whenever_the_visit_is_planned(
    office: Office, planned: str, visit: str
) -> None:
    case_id = office.qualified()
    office.sleep_to(planned)
    office.plan(case_id, visit)
    office.drain()
    office.at("2025-10-16T10:00")

    assert [each.channel for each in office.sent(case_id, "visit_reminder") if each.channel == "letter"] == ["letter"]


def test_a_danger_met_is_told_to_the_coordinator_in_the_same_minute(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-08T10:00")
    office.at("2025-10-08T12:00")
    office.hold(case_id, danger="electrical")
    office.drain()

    assert office.told(case_id, "danger") == [("2025-10-08 12:00", "coordinator", "queued")]
    assert set(office.due(case_id)) == {"deliver_report", "acknowledge_danger"}


def test_taking_a_danger_in_hand_leaves_the_rest_of_the_case_as_it_was(office: Office) -> None:
    case_id = office.accepted()
    office.do(visits.report_danger, BO, case_id, DangerForm(danger=Danger.GAS))
    office.drain()
    office.do(visits.acknowledge_danger, ADA, case_id)
    office.drain()

    assert (set(office.due(case_id)), office.case(case_id).danger) == ({"first_call"}, None)


def mail_of_danger(office: Office, case_id: UUID) -> str:
    with office.database.read() as unit:
        written = render_message(unit, unit.session.get_one(Message, office.sent(case_id, "danger")[-1].id))
    return written.body.replace("\N{NO-BREAK SPACE}", " ")


def test_a_danger_told_by_an_alert_is_not_said_to_be_one_or_another(office: Office) -> None:
    case_id = office.triaged(urgency="danger")

    assert office.case(case_id).danger == "unspecified"
    assert "Nature du danger : Non précisé" in mail_of_danger(office, case_id)
    assert "Urgence Sécurité Gaz : 0 800 47 33 33" in mail_of_danger(office, case_id)


def test_whoever_finds_out_says_which_danger_it_is(office: Office) -> None:
    case_id = office.accepted(urgency="danger")
    office.do(visits.report_danger, BO, case_id, DangerForm(danger=Danger.STRUCTURE))
    office.drain()

    assert "Nature du danger : Solidité du logement" in mail_of_danger(office, case_id)
    assert "Gaz" not in mail_of_danger(office, case_id)


def test_a_danger_that_nobody_names_hides_none_that_somebody_did(office: Office) -> None:
    case_id = office.accepted()
    office.do(visits.report_danger, BO, case_id, DangerForm(danger=Danger.GAS))
    office.do(visits.report_danger, BO, case_id, DangerForm(danger=Danger.UNSPECIFIED))

    assert office.case(case_id).danger == "gas"


def test_a_danger_that_nobody_told_is_not_taken_in_hand(office: Office) -> None:
    case_id = office.accepted()

    with pytest.raises(GuardRefused, match="Aucun danger"):
        office.do(visits.acknowledge_danger, ADA, case_id)


def test_a_visit_already_made_is_noted_at_its_date_and_invites_nobody(office: Office) -> None:
    case_id = office.qualified()
    office.at("2025-10-20T10:00")
    form = PastVisit(starts_at=paris("2025-10-10T10:00"), danger=Danger.GAS, note="Chaudière ancienne.")

    office.do(visits.note_held_visit, BO, case_id, form)
    office.drain()

    assert office.due(case_id)["deliver_report"] == "2025-10-27 18:00"  # fifteen days after the visit, a Saturday
    assert office.due(case_id)["acknowledge_danger"] == "2025-10-20 18:00"
    assert {"plan_visit", "hold_visit"} & set(office.due(case_id)) == set()
    for text in ("visit_invitation", "visit_confirmation"):
        assert {each.state for each in office.sent(case_id, text)} == {"cancelled"}
    assert office.sent(case_id, "visit_reminder") == []


def test_a_visit_already_made_is_past_and_none_is_planned(office: Office) -> None:
    with pytest.raises(InvalidInput, match="avant maintenant"):
        office.do(visits.note_held_visit, BO, office.qualified(), PastVisit(starts_at=paris("2025-10-07T10:00")))
    case_id = planned(office)
    with pytest.raises(GuardRefused, match="ce qu’il en a été"):
        office.do(visits.note_held_visit, BO, case_id, PastVisit(starts_at=paris("2025-10-05T10:00")))


def test_the_report_waits_while_a_second_visit_is_planned_and_nobody_is_reminded_of_it(office: Office) -> None:
    case_id = office.visited()
    assert office.due(case_id)["deliver_report"] == "2025-10-23 18:00"
    office.plan(case_id, "2025-11-03T10:00")
    office.at("2025-10-31T18:30")

    waiting = {task.kind: task.paused_at is not None for task in office.tasks(case_id)}
    assert waiting == {"deliver_report": True, "hold_visit": False}
    assert office.told(case_id, "task_late") == []


def test_the_report_is_due_fifteen_days_after_the_last_visit(office: Office) -> None:
    case_id = office.visited()
    office.plan(case_id, "2025-11-03T10:00")
    office.at("2025-11-03T12:00")
    office.hold(case_id)
    office.at("2025-11-18T17:59")
    assert office.due(case_id) == {"deliver_report": "2025-11-18 18:00"}
    assert office.told(case_id, "task_late") == []
    office.at("2025-11-18T18:01")

    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["operator"]


def test_a_second_visit_that_is_lost_gives_the_report_the_days_that_it_had_left(office: Office) -> None:
    case_id = office.visited()
    office.at("2025-10-17T10:00")  # four working days are left
    office.plan(case_id, "2025-11-03T10:00")
    office.at("2025-10-27T10:00")
    lose(office, case_id, "cancelled_by_household")

    assert office.due(case_id)["deliver_report"] == "2025-10-31 18:00"


def test_a_second_visit_planned_before_the_engine_saw_the_first_one_held_stops_the_report_too(office: Office) -> None:
    case_id = planned(office)
    office.at("2025-10-08T12:00")
    office.hold(case_id)
    office.plan(case_id, "2025-11-03T10:00")
    office.drain()

    assert [task.paused_at is not None for task in office.tasks(case_id) if task.kind == "deliver_report"] == [True]


def test_a_reminder_written_before_its_clock_stopped_does_not_leave(office: Office) -> None:
    case_id = office.visited()
    office.at("2025-10-23T18:01")
    office.plan(case_id, "2025-11-03T10:00")

    (late,) = office.sent(case_id, "task_late")
    with office.database.read() as unit, pytest.raises(Suppressed, match="task_closed"):
        render_message(unit, unit.session.get_one(Message, late.id))


@pytest.mark.parametrize("drained", [True, False])
def test_a_report_given_after_the_first_of_two_visits_makes_the_second_needless(
    database: Database, clock: SetClock, *, drained: bool
) -> None:
    office = found_office(database, clock, default_pathway(visits=2))
    case_id = planned(office)
    office.run_to(paris("2025-10-08T12:00"))
    office.hold(case_id)
    if drained:
        office.drain()
        assert set(office.due(case_id)) == {"plan_visit"}
    office.report(case_id)
    office.drain()

    assert set(office.due(case_id)) == {"orient"}


def test_a_danger_met_on_a_case_that_ended_is_told_and_reopens_nothing(office: Office) -> None:
    case_id = office.reported()
    office.close(case_id, "solved")
    office.drain()

    office.do(visits.report_danger, BO, case_id, DangerForm(danger=Danger.GAS))
    office.drain()

    assert (office.case(case_id).state, set(office.due(case_id))) == ("closed", {"acknowledge_danger"})
    assert len(office.sent(case_id, "danger")) == 1
    assert office.sent(case_id, "danger_advice") == []
    office.do(visits.acknowledge_danger, ADA, case_id)
    assert office.tasks(case_id) == []


def test_whoever_tells_a_danger_does_not_take_it_in_hand_for_the_coordination(office: Office) -> None:
    case_id = office.qualified()
    office.do(visits.report_danger, BO, case_id, DangerForm(danger=Danger.GAS))
    office.drain()

    with pytest.raises(Denied):
        office.do(visits.acknowledge_danger, BO, case_id)
    assert "acknowledge_danger" in office.due(case_id)


def test_absences_count_since_the_last_visit_held() -> None:
    assert absences(["household_absent", "household_absent", "held", "household_absent"]) == 1
    assert absences(["household_absent", "visitor_absent"]) == 1


def test_whoever_refused_at_the_door_is_promised_no_call(office: Office) -> None:
    case_id = office.qualified(sms_agreed=True)
    office.plan(case_id, "2025-10-08T10:00")
    office.at("2025-10-08T10:30")
    form = LostVisit.model_validate({"state": "cancelled_by_household", "reason": "refused_at_door"})
    office.do(visits.lose_visit, BO, case_id, form)
    office.drain()

    sms = next(each for each in office.sent(case_id, "visit_cancelled") if each.channel == "sms")
    with office.database.read() as unit:
        said = render_message(unit, unit.session.get_one(Message, sms.id)).body
    assert "annulé" in said
    assert "rappellerons" not in said
    assert set(office.due(case_id)) == {"plan_visit"}


def test_a_visit_lost_after_the_report_promises_no_other_date(office: Office) -> None:
    case_id = office.reported(phone="0639981298")
    for day, state in (("24", "household_absent"), ("27", "cancelled_by_service")):
        office.plan(case_id, f"2025-10-{day}T10:00")
        office.at(f"2025-10-{day}T11:00")
        lose(office, case_id, state)
        office.drain()

    told = [
        each
        for text in ("visit_missed", "visit_cancelled")
        for each in office.sent(case_id, text)
        if each.state == "queued"
    ]
    with office.database.read() as unit:
        said = [render_message(unit, unit.session.get_one(Message, each.id)).body for each in told]
    assert len(said) > 1
    assert not [body for body in said if "essaierons" in body or "appellerons" in body or "rappellerons" in body]


def test_a_household_reads_that_somebody_else_comes_not_that_its_day_changed(office: Office) -> None:
    case_id = office.qualified(email="lucette@example.org")
    office.plan(case_id, "2025-10-20T10:00")
    colleague = another_officer(office)
    form = VisitForm(starts_at=paris("2025-10-20T10:00"), officer_id=colleague)
    office.do(visits.move_visit, BO, case_id, form)
    office.drain()

    (letter,) = (each for each in office.sent(case_id, "visit_moved") if each.channel == "letter")
    (mail,) = (each for each in office.sent(case_id, "visit_moved") if each.channel == "email")
    with office.database.read() as unit:
        for each in (letter, mail):
            said = render_message(unit, unit.session.get_one(Message, each.id))
            assert "a changé" not in said.body
            assert "reste le même" in said.body
            assert "Noé" in said.body


def test_a_household_reads_nothing_of_a_change_that_it_was_not_told_of(office: Office) -> None:
    case_id = office.qualified(email="lucette@example.org")
    office.plan(case_id, "2025-10-20T10:00")
    form = VisitForm(starts_at=paris("2025-10-20T10:00"), officer_id=BO_ID, with_whom="Sa fille")
    office.do(visits.move_visit, BO, case_id, form)
    office.drain()

    (mail,) = (each for each in office.sent(case_id, "visit_moved") if each.channel == "email")
    with office.database.read() as unit, pytest.raises(Suppressed, match="nothing_new"):
        render_message(unit, unit.session.get_one(Message, mail.id))


def test_whoever_makes_a_visit_no_more_is_told_and_his_calendar_too(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-20T10:00")
    form = VisitForm(starts_at=paris("2025-10-20T10:00"), officer_id=another_officer(office))
    office.do(visits.move_visit, BO, case_id, form)
    office.drain()

    (told,) = office.sent(case_id, "visit_taken_over")
    assert told.address == "bo@relais.test"
    assert [each.address for each in office.sent(case_id, "visit_invitation")][-1] == "noe@example.org"
    with office.database.read() as unit:
        written = render_message(unit, unit.session.get_one(Message, told.id))
        assert b"METHOD:CANCEL" in (written.ics or b"")


def test_a_visit_whose_case_goes_to_another_operator_keeps_its_day_and_no_officer(office: Office) -> None:
    case_id = office.qualified(email="lucette@example.org")
    visit_id = office.plan(case_id, "2025-10-20T10:00")
    office.drain()

    office.do(triage.reassign, ADA, case_id, Reassignment(operator_id=OTHER_OPERATOR))
    office.drain()

    with office.database.read() as unit:
        visit = unit.session.get_one(Visit, visit_id)
        assert (visit.state, visit.officer_id, visit.starts_at) == ("planned", None, paris("2025-10-20T10:00"))
        (mail,) = (each for each in office.sent(case_id, "visit_moved") if each.channel == "email")
        assert "quelqu’un d’autre" in render_message(unit, unit.session.get_one(Message, mail.id)).body
    assert [each.address for each in office.sent(case_id, "visit_taken_over")] == ["bo@relais.test"]
    assert [each.address for each in office.sent(case_id, "visitor_wanted")] == ["toit-solidaire@relais.test"]
    invited = office.sent(case_id, "visit_invitation")[-1]
    assert (invited.state, invited.error) == ("cancelled", "nobody_comes")
    assert {(task.kind, task.organisation_id) for task in office.tasks(case_id)} == {
        ("choose_visitor", OTHER_OPERATOR),
        ("hold_visit", OTHER_OPERATOR),
    }


def test_whoever_is_chosen_to_make_a_visit_ends_the_asking(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-20T10:00")
    office.do(triage.reassign, ADA, case_id, Reassignment(operator_id=OTHER_OPERATOR))
    office.drain()
    form = VisitForm(starts_at=paris("2025-10-20T10:00"), officer_id=CY_ID)
    office.do(visits.move_visit, CY, case_id, form)
    office.drain()

    assert [(task.kind, task.organisation_id) for task in office.tasks(case_id)] == [("hold_visit", OTHER_OPERATOR)]


def test_a_visit_that_comes_late_and_is_called_off_is_told_to_nobody(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-12-10T10:00")
    office.drain()
    lose(office, case_id, "cancelled_by_household")

    (mail,) = office.sent(case_id, "visit_comes_late")
    with office.database.read() as unit, pytest.raises(Suppressed, match="visit_past"):
        render_message(unit, unit.session.get_one(Message, mail.id))


def another_officer(office: Office) -> UUID:
    """Noé, of Bo's operator."""
    with office.database.write("test") as unit:
        person = Person(name="Noé Petit", email="noe@example.org")
        unit.session.add(person)
        unit.session.flush()
        member = Membership(
            person_id=person.id, programme_id=PROGRAMME, organisation_id=OPERATOR, role=Role.OPERATOR.value
        )
        unit.session.add(member)
        unit.session.flush()
        return person.id
