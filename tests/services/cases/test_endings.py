"""The other ends of a case: whatever it held ends with it, in the same transaction."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select, update

from models.cases import Alert, Case, Note, Permission, Phone, Referral
from models.engine import Message
from models.pathway import Open
from models.programmes import Service
from models.vocabulary import CaseState, ClosureOutcome, Danger, Energy, RejectionReason, Theme, VisitState
from services.cases import alerts, closing, endings, loans, merging, referrals, supply_cuts, tasks, triage, visits
from services.cases.supply_cuts import CutForm
from services.forms import (
    CaseReopening,
    ClosureForm,
    DangerForm,
    Disqualification,
    HandedOver,
    LoanForm,
    LostVisit,
    Merge,
    Rejection,
    TaskDone,
    Transfer,
    Withdrawal,
)
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.errors import GuardRefused, InvalidInput, TransitionRefused
from services.operations import upkeep
from services.rules import policy, relevance
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from tests.services.rules.situations import (
    ADA,
    BO,
    DI,
    ELSEWHERE,
    PROGRAMME,
    Office,
    alert_form,
    default_pathway,
    found_office,
    referral_form,
)

STOP = Withdrawal(said_by="La personne")
ABOVE = Disqualification(reason=RejectionReason.OVER_INCOME)


def agreements(office: Office, case_id: UUID) -> list[Permission]:
    with office.database.read() as unit:
        found = list(unit.session.scalars(select(Permission).where(Permission.case_id == case_id)))
        unit.session.expunge_all()
        return found


def test_a_household_that_withdraws_is_asked_nothing_more_by_anybody(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.do(endings.withdraw, BO, case_id, STOP)
    office.drain()

    assert (office.case(case_id).state, office.case(case_id).outcome) == (CaseState.WITHDRAWN, "stopped_by_household")
    assert office.tasks(case_id) == []
    assert (office.referral(referral_id).state, office.referral(referral_id).reason) == (
        "withdrawn",
        "permission_revoked",
    )
    assert all(permission.revoked_at for permission in agreements(office, case_id))
    assert [party for _, party, _ in office.told(case_id, "referral_ended")] == ["partner"]
    assert [party for _, party, _ in office.told(case_id, "access_ended")] == ["operator"]


def test_a_household_that_stopped_is_seen_by_the_coordination_alone(office: Office) -> None:
    case_id = office.qualified()
    office.do(endings.withdraw, BO, case_id, STOP)

    assert not sees(office, BO, case_id)
    assert sees(office, ADA, case_id)


def test_an_operator_sees_a_household_that_stopped_until_it_gave_back_what_he_lent(office: Office) -> None:
    case_id = office.qualified()
    loan = office.do(loans.lend, BO, case_id, LoanForm(item="wattmeter", due_on=date(2025, 11, 3)))
    office.do(endings.withdraw, BO, case_id, STOP)
    assert sees(office, BO, case_id)

    office.do(loans.give_back, BO, loan.id)

    assert not sees(office, BO, case_id)


def sees(office: Office, hand: Hand, case_id: UUID) -> bool:
    with office.database.read() as unit:
        return policy.sees(unit, hand.actor, case_id)


def test_a_withdrawal_calls_the_visit_off(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-20 14:00")
    office.drain()
    office.do(endings.withdraw, BO, case_id, STOP)
    office.drain()

    assert "visit.cancelled" in office.events(case_id)
    assert [party for _, party, _ in office.told(case_id, "visit_cancellation")] == ["operator"]
    assert office.tasks(case_id) == []


def ended(office: Office, case_id: UUID, end: str) -> None:
    ways: dict[str, Callable[[], object]] = {
        "withdraw": lambda: office.do(endings.withdraw, BO, case_id, STOP),
        "transfer": lambda: office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_name="Voisin")),
        "close": lambda: office.close(case_id, "handled_elsewhere"),
    }
    ways[end]()
    office.drain()


def plainly(office: Office, message: Message) -> str:
    with office.database.read() as unit:
        written = render_message(unit, unit.session.get_one(Message, message.id))
    return f"{written.subject}\n{written.body}".replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("end", ["withdraw", "transfer", "close"])
def test_no_other_date_is_promised_for_a_visit_that_an_end_calls_off(office: Office, end: str) -> None:
    case_id = office.qualified(email="martin@example.org", sms_agreed=True)
    office.plan(case_id, "2025-10-20 14:00")
    office.drain()
    ended(office, case_id, end)

    told = [plainly(office, each) for each in office.sent(case_id, "visit_cancelled") if each.state == "queued"]
    (to_officer,) = [plainly(office, each) for each in office.sent(case_id, "visit_cancellation")]
    assert len(told) == (1 if end == "withdraw" else 2)  # who wants no more wants no SMS either
    assert not any("appellerons" in each for each in told)
    assert ("autre date à fixer" in to_officer, "Fixer une autre date" in to_officer) == (False, False)
    assert "plan_visit" not in office.due(case_id)


def test_nobody_is_asked_to_fix_another_date_by_a_second_cancellation_that_ends_the_case(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-20 14:00")
    office.do(visits.lose_visit, BO, case_id, LostVisit(state=VisitState.CANCELLED_BY_SERVICE))
    office.plan(case_id, "2025-10-21 14:00")
    office.drain()
    ended(office, case_id, "withdraw")

    assert office.sent(case_id, "visit_cancelled_again") == []


def test_a_visit_called_off_while_the_case_goes_on_is_planned_anew(office: Office) -> None:
    case_id = office.qualified(email="martin@example.org")
    office.plan(case_id, "2025-10-20 14:00")
    office.do(visits.lose_visit, BO, case_id, LostVisit(state=VisitState.CANCELLED_BY_SERVICE))
    office.drain()

    (mail,) = [each for each in office.sent(case_id, "visit_cancelled") if each.channel == "email"]
    assert "Nous vous appellerons pour choisir un autre jour." in plainly(office, mail)
    assert "plan_visit" in office.due(case_id)


def to_print(office: Office, case_id: UUID) -> list[str]:
    with office.database.read() as unit:
        waiting = select(Message).where(
            Message.case_id == case_id, Message.channel == "letter", relevance.is_wanted(unit.now)
        )
        return sorted(each.text for each in unit.session.scalars(waiting))


def test_nothing_more_is_sent_to_somebody_who_died(office: Office) -> None:
    case_id = office.qualified(email="martin@example.org", sms_agreed=True)
    office.plan(case_id, "2025-10-20 14:00")
    office.drain()
    assert to_print(office, case_id) == ["household_notice"]
    office.close(case_id, "deceased")
    office.drain()

    waiting = [each for each in office.sent(case_id) if (each.party, each.state) == ("household", "queued")]
    assert to_print(office, case_id) == []
    with office.database.read() as unit:
        for each in waiting:
            with pytest.raises(Suppressed):
                render_message(unit, unit.session.get_one(Message, each.id))


@pytest.mark.parametrize("outcome", ["moved", "rehoused"])
def test_no_letter_goes_to_an_address_that_the_household_has_left(office: Office, outcome: str) -> None:
    case_id = office.qualified()
    office.close(case_id, outcome)
    office.drain()

    assert to_print(office, case_id) == []


def test_a_case_reopened_is_written_to_again(office: Office) -> None:
    case_id = office.qualified()
    office.close(case_id, "deceased")
    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    assert "household_notice" in to_print(office, case_id)


def test_who_stops_on_the_first_day_is_told_what_was_kept_and_that_nobody_calls(office: Office) -> None:
    case_id = office.triaged()
    office.do(endings.withdraw, ADA, case_id, STOP)
    office.drain()

    assert to_print(office, case_id) == ["household_notice", "withdrawn"]
    (notice,) = office.sent(case_id, "household_notice")
    assert "Nous allons vous appeler" not in plainly(office, notice)


def test_letters_of_one_batch_do_not_contradict_each_other(office: Office) -> None:
    case_id = office.triaged()
    (notice,) = office.sent(case_id, "household_notice")
    assert "Nous allons vous appeler" in plainly(office, notice)
    office.do(triage.reject, ADA, case_id, Rejection(reason=RejectionReason.NOT_ENERGY))
    office.drain()
    assert to_print(office, case_id) == ["household_notice", "rejection"]
    assert "Nous allons vous appeler" not in plainly(office, notice)

    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    assert to_print(office, case_id) == ["household_notice", "reopened"]


def test_a_household_that_asks_to_stop_is_not_closed_with_its_agreements_standing(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")

    with pytest.raises(GuardRefused, match="demande d’arrêter"):
        office.close(case_id, "stopped_by_household")


def test_a_partner_cannot_answer_after_a_withdrawal(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.do(endings.withdraw, BO, case_id, STOP)

    with pytest.raises(TransitionRefused):
        office.answer(referral_id, "accept")


def test_a_withdrawn_case_may_come_back_from_its_triage(office: Office) -> None:
    case_id = office.accepted()
    office.do(endings.withdraw, BO, case_id, STOP)
    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    assert "triage" in office.due(case_id)


def test_nothing_is_passed_on_without_the_households_agreement(office: Office) -> None:
    case_id = office.triaged()

    with pytest.raises(InvalidInput) as refusal:
        office.do(endings.transfer, ADA, case_id, Transfer(agreement=False, to_name="Slime voisin"))

    assert refusal.value.field == "agreement"


def test_a_transfer_within_this_relais_is_an_alert_to_examine_over_there(office: Office) -> None:
    case_id = office.triaged(free_text="Secret de la personne.")
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_programme_id=ELSEWHERE))
    office.drain()

    with office.database.read() as unit:
        received = unit.session.scalars(select(Case).where(Case.programme_id == ELSEWHERE)).one()
        assert received.household.surname == "Martin"
        assert received.alerts[0].free_text == ""
        received_id = received.id
    assert office.case(case_id).state == CaseState.TRANSFERRED
    assert "triage" in office.due(received_id)


def test_what_presses_and_who_is_called_first_is_passed_on_and_no_income_nor_health(office: Office) -> None:
    given = {
        "cut_on": "2025-11-03",
        "cut_energy": "gas",
        "urgency": "cut_announced",
        "guardian": "UDAF",
        "guardian_phone": "02 98 00 00 01",
        "language": "arabe",
        "companion": "sa fille",
        "safety": "un chien",
        "other_phone": "06 39 98 77 77",
        "sms_agreed": True,
        "reference_income": "9000",
        "vulnerabilities": ["isolated"],
    }
    case_id = office.triaged(**given)
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_programme_id=ELSEWHERE))

    with office.database.read() as unit:
        received = unit.session.scalars(select(Case).where(Case.programme_id == ELSEWHERE)).one()
        household, alert = received.household, received.alerts[0]
        assert (alert.cut_energy, alert.cut_on, received.urgency) == ("gas", date(2025, 11, 3), "cut_announced")
        assert (household.guardian, household.guardian_phone) == ("UDAF", "+33298000001")
        assert (household.language, household.companion, received.dwelling.safety) == ("arabe", "sa fille", "un chien")
        assert len(household.phones) == 2
        assert (household.reference_income, household.vulnerabilities) == (None, [])


def test_a_danger_and_a_second_cut_are_told_over_there(office: Office) -> None:
    case_id = office.accepted()
    office.do(visits.report_danger, BO, case_id, DangerForm(danger=Danger.GAS))
    for energy, day in (("electricity", date(2025, 11, 20)), ("gas", date(2025, 11, 3))):
        office.do(supply_cuts.announce, BO, case_id, CutForm(energy=Energy(energy), cut_on=day))
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_programme_id=ELSEWHERE))
    office.drain()

    with office.database.read() as unit:
        received = unit.session.scalars(select(Case).where(Case.programme_id == ELSEWHERE)).one()
        assert (received.urgency, received.alerts[0].cut_on) == ("danger", date(2025, 11, 3))
        assert received.alerts[0].free_text.startswith("Électricité : coupure annoncée le jeudi")
        received_id = received.id
    assert "acknowledge_danger" in office.due(received_id)


def test_elsewhere_the_sheet_is_owed_and_nobody_is_told_before_it_is_there(office: Office) -> None:
    case_id = office.triaged()
    form = Transfer(agreement=True, to_name="Slime de Quimper", to_phone="02 98 00 00 02")
    office.do(endings.transfer, ADA, case_id, form)
    office.drain()
    assert office.due(case_id) == {"hand_case_over": "2025-10-08 18:00"}
    assert office.told(case_id, "transferred") == office.told(case_id, "milestone_transferred") == []

    office.do(endings.confirm_transfer, ADA, case_id, HandedOver(said_to="Mme Le Bris, au téléphone"))
    office.drain()
    assert office.due(case_id) == {}
    assert len(office.told(case_id, "transferred")) == len(office.told(case_id, "milestone_transferred")) == 1
    with pytest.raises(GuardRefused):
        office.do(endings.confirm_transfer, ADA, case_id, HandedOver())


def test_the_letter_names_the_service_that_takes_over(office: Office) -> None:
    case_id = office.triaged()
    form = Transfer(agreement=True, to_name="Slime de Quimper", to_phone="02 98 00 00 02")
    office.do(endings.transfer, ADA, case_id, form)
    office.do(endings.confirm_transfer, ADA, case_id, HandedOver())
    office.drain()

    (letter,) = office.sent(case_id, "transferred")
    with office.database.read() as unit:
        body = render_message(unit, unit.session.get_one(Message, letter.id)).body.replace("\N{NO-BREAK SPACE}", " ")
    assert "Ce service : Slime de Quimper\nSon téléphone : 02 98 00 00 02" in body


def test_no_copy_of_a_transferred_household_stays_after_thirty_days(office: Office) -> None:
    case_id = office.triaged(email="martin@example.org", free_text="Un fait.")
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_name="Slime voisin", note="Vu avec lui."))
    office.do(endings.confirm_transfer, ADA, case_id, HandedOver())
    office.drain()
    office.sleep_to("2025-11-05 11:00")
    with office.database.write("test") as unit:
        assert upkeep.forget_transferred(unit) == ["transferred households erased: 1"]

    with office.database.read() as unit:
        case = unit.session.get_one(Case, case_id)
        assert (case.household.surname, case.household.email, case.dwelling.street) == ("effacé", None, "")
        assert unit.session.scalars(select(Phone).where(Phone.household_id == case.household_id)).all() == []
        assert unit.session.scalars(select(Note).where(Note.case_id == case_id)).all() == []
    with office.database.write("test") as unit:
        assert upkeep.forget_transferred(unit) == []


def test_who_asked_by_itself_is_named_nowhere_after_thirty_days(office: Office) -> None:
    itself = Hand(Actor("form", None, PROGRAMME, name="Formulaire"))
    asked = alert_form(giver_name="Ève Martin", giver_phone="06 39 98 12 34", giver_email="eve@example.org")
    case_id = office.do(alerts.submit, itself, asked, origin="self").id
    office.drain()
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_name="Slime voisin"))
    office.do(endings.confirm_transfer, ADA, case_id, HandedOver())
    office.sleep_to("2025-11-06 11:00")
    with office.database.write("test") as unit:
        upkeep.forget_transferred(unit)

    with office.database.read() as unit:
        alert = unit.session.scalars(select(Alert).where(Alert.case_id == case_id)).one()
        assert (alert.giver_name, alert.giver_phone, alert.giver_email) == ("effacé", None, None)
    assert {each.collected_by for each in agreements(office, case_id)} == {"effacé"}


def test_what_a_partner_was_told_of_a_transferred_household_is_erased_too(office: Office) -> None:
    case_id, referral_id = office.followed()
    with office.database.write("test") as unit:
        unit.session.get_one(Referral, referral_id).file_number = "FSL-1234"
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_name="Slime voisin"))
    office.do(endings.confirm_transfer, ADA, case_id, HandedOver())
    office.sleep_to("2026-01-20 11:00")
    with office.database.write("test") as unit:
        upkeep.forget_transferred(unit)

    assert (office.referral(referral_id).brief, office.referral(referral_id).file_number) == ("", "")


def test_a_household_that_nobody_has_handed_over_is_not_erased(office: Office) -> None:
    case_id = office.triaged()
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_name="Slime voisin"))
    office.sleep_to("2025-12-05 11:00")

    with office.database.write("test") as unit:
        assert upkeep.forget_transferred(unit) == []


def test_a_transferred_household_is_not_erased_before(office: Office) -> None:
    case_id = office.triaged()
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_name="Slime voisin"))
    office.do(endings.confirm_transfer, ADA, case_id, HandedOver())
    office.sleep_to("2025-11-04 10:00")

    with office.database.write("test") as unit:
        assert upkeep.forget_transferred(unit) == []


def test_a_household_above_the_conditions_is_told_so_after_the_call(office: Office) -> None:
    case_id = office.qualified()
    office.do(endings.disqualify, BO, case_id, ABOVE)
    office.drain()

    assert office.case(case_id).state == CaseState.NOT_ELIGIBLE
    assert [party for _, party, _ in office.told(case_id, "rejection")] == ["household"]


@pytest.mark.parametrize("outcome", ["moved", "deceased", "out_of_scope"])
def test_a_case_ends_at_any_stage_when_the_household_is_gone(office: Office, outcome: str) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-20 14:00")
    office.close(case_id, outcome)
    office.drain()

    assert (office.case(case_id).state, office.case(case_id).outcome) == (CaseState.CLOSED, outcome)
    assert office.tasks(case_id) == []


def test_a_case_is_not_solved_before_its_report(office: Office) -> None:
    case_id = office.qualified()

    with pytest.raises(GuardRefused, match="rapport"):
        office.do(closing.close_case, ADA, case_id, ClosureForm(outcome=ClosureOutcome.SOLVED))


@pytest.mark.parametrize("end", ["reject", "disqualify", "refuse"])
def test_a_case_does_not_end_while_a_partner_is_asked_to_make_it_safe(office: Office, end: str) -> None:
    case_id = office.triaged() if end == "reject" else office.accepted()
    with office.database.write("test") as unit:
        unit.session.execute(update(Service).values(themes=["emergency"]))
    referral_id: UUID = office.do(referrals.send, ADA, case_id, referral_form(theme=Theme.EMERGENCY)).id
    act: dict[str, Callable[[], object]] = {
        "reject": lambda: office.do(triage.reject, ADA, case_id, Rejection(reason=RejectionReason.NOT_ENERGY)),
        "disqualify": lambda: office.do(endings.disqualify, BO, case_id, ABOVE),
        "refuse": lambda: office.call(case_id, "refused"),
    }

    with pytest.raises(GuardRefused, match=r"encore ouverte \(adil\)"):
        act[end]()

    office.do(referrals.withdraw, ADA, referral_id)
    act[end]()

    assert office.case(case_id).closed_at is not None


def test_a_partner_who_was_asked_elsewhere_is_told_by_the_coordination_that_it_is_over(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id, kind="outside_portal", check_on="2025-10-20")
    office.drain()
    office.do(endings.withdraw, BO, case_id, Withdrawal(said_by="Mme Kerbrat"))
    office.drain()

    (task,) = office.tasks(case_id)
    assert (task.kind, task.party) == ("tell_partner", "coordinator")
    office.do(tasks.complete, ADA, task.id, TaskDone())
    assert office.tasks(case_id) == []


def test_a_partner_who_reads_our_mails_is_told_by_mail_alone(office: Office) -> None:
    case_id, _ = office.referred()
    office.do(endings.withdraw, BO, case_id, Withdrawal(said_by="Mme Kerbrat"))
    office.drain()

    assert office.tasks(case_id) == []
    assert office.sent(case_id, "referral_ended")


@pytest.mark.parametrize("is_handed_over", [True, False])
def test_a_household_that_the_other_slime_does_not_take_is_looked_at_again(
    office: Office, *, is_handed_over: bool
) -> None:
    case_id = office.accepted()
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_name="Slime voisin"))
    if is_handed_over:
        office.do(endings.confirm_transfer, ADA, case_id, HandedOver())
    office.drain()
    office.do(closing.reopen_case, ADA, case_id, CaseReopening(given_back=is_handed_over))
    office.drain()

    assert (office.case(case_id).state, office.case(case_id).transferred_to) == (CaseState.TRIAGE, None)
    assert set(office.due(case_id)) == {"triage"}


def test_a_household_whose_sheet_another_slime_has_comes_back_only_if_it_is_said_not_to_follow_it(
    office: Office,
) -> None:
    case_id = office.accepted()
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_name="Slime voisin"))
    office.do(endings.confirm_transfer, ADA, case_id, HandedOver())

    with pytest.raises(InvalidInput, match="Slime voisin a la fiche"):
        office.do(closing.reopen_case, ADA, case_id)


def test_a_household_that_another_programme_of_this_relais_follows_is_not_followed_twice(office: Office) -> None:
    case_id = office.accepted()
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_programme_id=ELSEWHERE))
    office.drain()

    with pytest.raises(GuardRefused, match="suit ce ménage"):
        office.do(closing.reopen_case, ADA, case_id, CaseReopening(given_back=True))


def test_a_household_that_the_other_programme_of_this_relais_refused_comes_back(office: Office) -> None:
    case_id = office.accepted()
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_programme_id=ELSEWHERE))
    office.drain()
    with office.database.read() as unit:
        there = unit.session.scalars(select(Case.id).where(Case.programme_id == ELSEWHERE)).one()
    office.do(triage.reject, DI, there, Rejection(reason=RejectionReason.OUT_OF_TERRITORY))
    office.do(closing.reopen_case, ADA, case_id)

    assert office.case(case_id).state == CaseState.TRIAGE


def test_a_household_that_is_erased_is_not_taken_up_again(office: Office) -> None:
    case_id = office.accepted()
    office.do(endings.transfer, ADA, case_id, Transfer(agreement=True, to_name="Slime voisin"))
    office.do(endings.confirm_transfer, ADA, case_id, HandedOver())
    office.sleep_to("2025-11-05 11:00")
    with office.database.write("test") as unit:
        upkeep.forget_transferred(unit)

    with pytest.raises(GuardRefused, match="nouvelle demande"):
        office.do(closing.reopen_case, ADA, case_id)


def test_a_transfer_passes_on_what_every_alert_giver_saw_and_each_follows_it_there(office: Office) -> None:
    kept = office.accepted(motives=["damp"])
    double = office.triaged(phone="06 39 98 55 55", motives=["cold"], giver_name="Odile", giver_email="o@example.org")
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    office.do(endings.transfer, ADA, kept, Transfer(agreement=True, to_programme_id=ELSEWHERE))

    with office.database.read() as unit:
        (there,) = unit.session.scalars(select(Case).where(Case.programme_id == ELSEWHERE))
        assert [(each.giver_email, each.motives) for each in there.alerts] == [
            ("karim@example.org", ["damp", "cold"]),
            ("o@example.org", ["cold"]),
        ]


@pytest.mark.parametrize(
    ("situation", "state", "asked"),
    [
        ("accepted", "contacting", "call_again"),
        ("qualified", "contacting", "call_again"),
        ("visited", "visited", "deliver_report"),
        ("reported", "in_follow_up", "follow_up_call"),
    ],
)
def test_a_closed_case_is_reopened_where_it_stood(office: Office, situation: str, state: str, asked: str) -> None:
    case_id = getattr(office, situation)()
    office.close(case_id, "moved")

    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    assert (office.case(case_id).state, set(office.due(case_id))) == (state, {asked})


def test_the_report_of_a_case_that_is_reopened_is_owed_in_an_older_pathway_too(
    database: Database, clock: SetClock
) -> None:
    """Up to version 11 nothing but the calls followed a reopening after the visit."""
    current = default_pathway()
    then = [Open(open="call_again", when="back_to_contact"), Open(open="close_case", when="back_to_follow_up")]
    rule = current.events["case.reopened"].model_copy(update={"then": tuple(then)})
    events = {**current.events, "case.reopened": rule}
    office = found_office(database, clock, current.model_copy(update={"events": events}))
    case_id = office.visited()
    office.close(case_id, "moved")

    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    assert (office.case(case_id).state, set(office.due(case_id))) == ("visited", {"deliver_report"})


def test_whoever_had_asked_to_stop_is_called_again_with_its_agreement_alone(office: Office) -> None:
    case_id = office.accepted(sms_agreed=True)
    office.do(endings.withdraw, ADA, case_id, Withdrawal(said_by="Elle-même"))

    office.do(closing.reopen_case, ADA, case_id)

    with office.database.read() as unit:
        stands = select(Permission.kind).where(Permission.case_id == case_id, Permission.revoked_at.is_(None))
        assert unit.session.scalars(stands).all() == ["contact"]


def test_a_case_reopened_after_its_last_call_has_somebody_to_close_it(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")
    for _ in range(3):
        office.follow_up(case_id)
        office.drain()
    office.close(case_id)

    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    assert set(office.due(case_id)) == {"close_case"}
