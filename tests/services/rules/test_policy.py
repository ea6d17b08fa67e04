"""Who may do what: a stranger learns nothing, and a link opens one task for its own time."""

from uuid import UUID

import pytest

from models.vocabulary import CallResult, ClosureOutcome, Role
from services.cases import calls, closing, referrals, triage
from services.forms import Acceptance, Answer, CallForm, ClosureForm, NumberForm
from services.foundation.errors import Denied, LinkExpired, NotFound
from services.foundation.runtime import Runtime
from services.rules import policy
from services.rules.casework import Hand
from services.rules.links import open_task_link, task_url
from services.rules.policy import Actor, Right
from tests.services.rules.situations import ADA, BO, CY, DI, KARIM, OPERATOR, PROGRAMME, Office

NOWHERE = UUID(int=404)


def token_of(office: Office, runtime: Runtime, case_id: UUID, kind: str) -> str:
    (task,) = (task for task in office.tasks(case_id) if task.kind == kind)
    return task_url(runtime, task).rpartition("/")[2]


def holder(office: Office, runtime: Runtime, token: str) -> Hand:
    with office.database.write("test") as unit:
        actor, _ = open_task_link(unit, runtime, token)
    return Hand(actor)


@pytest.mark.parametrize("stranger", [CY, DI, KARIM], ids=["other operator", "other programme", "alert giver"])
def test_a_foreign_case_answers_like_a_missing_one(office: Office, stranger: Hand) -> None:
    case_id = office.accepted()

    for asked in (case_id, NOWHERE):
        with office.database.write("test") as unit, pytest.raises(NotFound):
            policy.case_for(unit, stranger.actor, asked, Right.READ)


@pytest.mark.parametrize("stranger", [CY, DI], ids=["other operator", "other programme"])
def test_a_stranger_does_nothing_to_a_case(office: Office, stranger: Hand) -> None:
    case_id = office.accepted()

    with pytest.raises(NotFound):
        office.do(calls.record_call, stranger, case_id, CallForm(result=CallResult.REACHED))
    with pytest.raises(NotFound):
        office.do(closing.close_case, stranger, case_id, ClosureForm(outcome=ClosureOutcome.SOLVED))


def test_a_stranger_does_not_answer_for_a_partner(office: Office) -> None:
    _, referral_id = office.referred()

    with pytest.raises(NotFound):
        office.do(referrals.withdraw, CY, referral_id)


def test_an_operator_sees_the_cases_given_to_it_only(office: Office) -> None:
    office.triaged()
    given = office.accepted(surname="Benali", phone="0639980155")

    with office.database.read() as unit:
        assert [case.id for case in unit.session.scalars(policy.visible(BO.actor))] == [given]
        assert len(unit.session.scalars(policy.visible(ADA.actor)).all()) == 2


def test_an_operator_does_not_triage_even_its_own_case(office: Office) -> None:
    case_id = office.accepted()

    with pytest.raises(Denied):
        office.do(triage.accept, BO, case_id, Acceptance(operator_id=OPERATOR))


def test_an_administrator_reads_no_case(office: Office) -> None:
    case_id = office.accepted()
    administrator = Actor("person", NOWHERE, PROGRAMME, Role.ADMINISTRATOR)

    with office.database.write("test") as unit, pytest.raises(NotFound):
        policy.case_for(unit, administrator, case_id, Right.READ)


def test_the_holder_of_a_link_does_what_his_task_lists_and_nothing_else(office: Office, runtime: Runtime) -> None:
    case_id, referral_id = office.referred()
    hand = holder(office, runtime, token_of(office, runtime, case_id, "answer_referral"))

    with pytest.raises(NotFound):
        office.do(referrals.report_progress, hand, referral_id, Answer())
    with pytest.raises(NotFound):
        office.do(calls.correct_number, hand, None, NumberForm(phone="0639980155"))
    office.do(referrals.accept, hand, referral_id, Answer())

    assert office.referral(referral_id).state == "accepted"


def test_a_link_answers_for_its_own_referral_only(office: Office, runtime: Runtime) -> None:
    first_case, first = office.referred()
    _, second = office.referred(surname="Benali", phone="0639980155")
    hand = holder(office, runtime, token_of(office, runtime, first_case, "answer_referral"))

    with pytest.raises(NotFound):
        office.do(referrals.accept, hand, second, Answer())
    assert office.referral(first).state == office.referral(second).state == "sent"


def test_a_link_dies_with_the_state_of_its_task(office: Office, runtime: Runtime) -> None:
    case_id, referral_id = office.referred()
    token = token_of(office, runtime, case_id, "answer_referral")
    hand = holder(office, runtime, token)
    office.do(referrals.withdraw, BO, referral_id)

    with pytest.raises(LinkExpired, match="a repris cette demande"):
        holder(office, runtime, token)
    with pytest.raises(LinkExpired, match="a repris cette demande"):
        office.do(referrals.accept, hand, referral_id, Answer())


def test_whoever_holds_a_link_that_was_used_reads_what_became_of_the_request(office: Office, runtime: Runtime) -> None:
    case_id, referral_id = office.referred()
    token = token_of(office, runtime, case_id, "answer_referral")
    office.do(referrals.accept, holder(office, runtime, token), referral_id, Answer())

    with pytest.raises(LinkExpired, match="acceptée : l’e-mail qui a suivi"):
        holder(office, runtime, token)
    with pytest.raises(LinkExpired, match="ne sert plus"):
        holder(office, runtime, f"{token[:-2]}xx")


def test_a_link_dies_ten_working_days_after_its_date(office: Office, runtime: Runtime) -> None:
    case_id = office.accepted()
    office.call(case_id, "wrong_number")
    office.drain()
    token = token_of(office, runtime, case_id, "correct_number")  # due on 20 October
    office.sleep_to("2025-11-03T17:59")
    assert holder(office, runtime, token).actor.task_id is not None

    office.sleep_to("2025-11-05T10:00")

    with pytest.raises(LinkExpired):
        holder(office, runtime, token)


@pytest.mark.parametrize("forge", [lambda token: token[:-2] + "xx", lambda _: "x", lambda _: f"{NOWHERE.hex}.x"])
def test_a_forged_link_opens_nothing(office: Office, runtime: Runtime, forge: object) -> None:
    case_id, _ = office.referred()
    token = token_of(office, runtime, case_id, "answer_referral")

    with pytest.raises(LinkExpired):
        holder(office, runtime, forge(token))  # type: ignore[operator]
