"""What people do to a generated case: the rows and the facts that the use cases of the same names write."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from deployments.population import clocks
from deployments.population.life import Life
from deployments.population.office import Hand, Partner, Row
from models import events as e
from models.lifecycles import (
    LOSSES,
    UNANSWERED,
    UNDER_WAY,
    CaseAction,
    ReferralAction,
    VisitAction,
    next_referral_state,
    next_visit_state,
)
from models.vocabulary import (
    AFTER_REPORT,
    AgreementMode,
    CallResult,
    ClosureOutcome,
    Danger,
    DeclineReason,
    FailureReason,
    Loop,
    PermissionKind,
    ReferralKind,
    ReferralOutcome,
    ReferralState,
    RejectionReason,
    Theme,
    Urgency,
    VisitState,
    WithdrawReason,
)
from services.cases.agreements import text_of
from services.rules.view import CONTACT


def today(life: Life) -> date:
    """The day on the wall."""
    return life.office.calendar.local_day(life.now)


def permit(life: Life, hand: Hand, kind: PermissionKind, partner_id: UUID | None = None) -> Row:
    """The household agrees to something."""
    return life.add(
        "permission",
        case_id=life.case["id"],
        kind=kind.value,
        organisation_id=partner_id,
        mode=AgreementMode.ORAL.value,
        collected_by=hand.name,
        given_on=today(life),
        text_version=text_of(kind),
        revoked_at=None,
    )


def note(life: Life, hand: Hand, text: str, event: Row | None = None, referral_id: UUID | None = None) -> None:
    """Somebody writes something down."""
    life.add(
        "note",
        case_id=life.case["id"],
        event_id=event["id"] if event else None,
        referral_id=referral_id,
        audience="partner" if referral_id else "team",
        author=hand.name or "Relais",
        text=text,
        at=life.now,
    )


def submit(life: Life, hand: Hand, urgency: Urgency, *, key: str) -> None:
    """The alert came: its household, its dwelling and itself are there already."""
    alert = life.rows["alert"][0]
    fact = e.AlertSubmitted(alert_id=alert["id"], urgency=urgency, motives=alert["motives"])
    life.record(fact, hand, key=key)


def accept(life: Life, hand: Hand, operator_id: UUID) -> None:
    """The coordinator takes it up."""
    life.case["operator_id"] = operator_id
    life.record(e.CaseAccepted(operator_id=operator_id), hand, CaseAction.ACCEPT)


def reject(life: Life, hand: Hand, reason: RejectionReason) -> None:
    """The coordinator refuses it."""
    life.record(e.CaseRejected(reason=reason), hand, CaseAction.REJECT)
    life.case["outcome"] = reason.value


def _log(life: Life, hand: Hand, result: CallResult, purpose: str) -> tuple[Row, Row | None]:
    phone = next((each for each in life.rows["phone"] if each["blocked_at"] is None), None)
    call = life.add(
        "call",
        case_id=life.case["id"],
        phone_id=phone["id"] if phone else None,
        at=life.now,
        result=result.value,
        purpose=purpose,
        by_person_id=hand.person_id,
    )
    if phone is not None and result in {CallResult.REACHED, CallResult.REFUSED}:
        phone["reached_at"] = phone["reached_at"] or life.now
    if phone is not None and result is CallResult.WRONG_NUMBER:
        phone["blocked_at"] = life.now
    return call, phone


def call(life: Life, hand: Hand, result: CallResult) -> None:
    """A call to the household before the visit."""
    made, phone = _log(life, hand, result, CONTACT)
    match result:
        case CallResult.REACHED:
            life.record(e.HouseholdReached(call_id=made["id"]), hand, CaseAction.REACH)
        case CallResult.REFUSED:
            life.record(e.HouseholdRefused(call_id=made["id"]), hand, CaseAction.REFUSE)
            life.case["outcome"] = ClosureOutcome.REFUSED_VISIT.value
        case CallResult.WRONG_NUMBER if phone is not None:
            left = sum(each["blocked_at"] is None for each in life.rows["phone"])
            fact = e.NumberBlocked(call_id=made["id"], phone_id=phone["id"], numbers_left=left)
            life.record(fact, hand, CaseAction.ATTEMPT)
        case _:
            attempted = e.CallAttempted(call_id=made["id"], result=result, attempt=len(life.attempts()))
            life.record(attempted, hand, CaseAction.ATTEMPT)


def correct_number(life: Life, hand: Hand, number: str) -> None:
    """The right number is given."""
    rank = min(phone["rank"] for phone in life.rows["phone"]) - 1
    phone = add_phone(life, number, rank)
    life.record(e.HouseholdCorrected(phone_id=phone["id"]), hand)


def add_phone(life: Life, number: str, rank: int) -> Row:
    """A number of the household."""
    household_id = life.rows["household"][0]["id"]
    values = {"reached_at": None, "blocked_at": None}
    return life.add("phone", household_id=household_id, number=number, rank=rank, **values)


def give_up(life: Life, hand: Hand) -> None:
    """Enough attempts."""
    life.record(e.CaseUnreachable(attempts=len(life.attempts())), hand, CaseAction.GIVE_UP)
    life.case["outcome"] = ClosureOutcome.UNREACHABLE.value


def _before_report(life: Life, action: CaseAction) -> CaseAction | None:
    return None if life.state in AFTER_REPORT else action


def plan_visit(life: Life, hand: Hand, starts_at: datetime, officer_id: UUID) -> None:
    """A date is agreed."""
    visit = life.add(
        "visit",
        case_id=life.case["id"],
        ordinal=len(life.rows["visit"]) + 1,
        state=VisitState.PLANNED.value,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=120),
        officer_id=officer_id,
        sequence=0,
        done_at=None,
    )
    fact = e.VisitPlanned(visit_id=visit["id"], ordinal=visit["ordinal"], starts_at=starts_at)
    life.record(fact, hand, _before_report(life, CaseAction.PLAN_VISIT))


def lose_visit(life: Life, hand: Hand, state: VisitState) -> None:
    """It did not take place."""
    visit = _planned(life)
    visit["state"], visit["done_at"] = next_visit_state(VisitState.PLANNED, LOSSES[state]).value, life.now
    visit["sequence"] += 1
    ids = {"visit_id": visit["id"], "ordinal": visit["ordinal"], "state": state}
    absences = sum(each["state"] == VisitState.HOUSEHOLD_ABSENT for each in life.rows["visit"])
    is_absence = state in {VisitState.HOUSEHOLD_ABSENT, VisitState.VISITOR_ABSENT}
    fact: e.Fact = e.VisitMissed(**ids, absences=absences) if is_absence else e.VisitCancelled(**ids)
    held = any(each["state"] == VisitState.HELD for each in life.rows["visit"])
    action = CaseAction.LOSE_NEXT_VISIT if held else CaseAction.LOSE_VISIT
    life.record(fact, hand, _before_report(life, action))


def hold_visit(life: Life, hand: Hand) -> Row:
    """It took place."""
    visit = _planned(life)
    visit["state"], visit["done_at"] = next_visit_state(VisitState.PLANNED, VisitAction.HOLD).value, life.now
    fact = e.VisitHeld(visit_id=visit["id"], ordinal=visit["ordinal"])
    return life.record(fact, hand, _before_report(life, CaseAction.HOLD_VISIT))


def _planned(life: Life) -> Row:
    return next(visit for visit in life.rows["visit"] if visit["state"] == VisitState.PLANNED)


def tell_danger(life: Life, hand: Hand, danger: Danger) -> None:
    """A danger was met."""
    life.case["danger"] = danger.value
    life.record(e.DangerReported(danger=danger), hand)


def acknowledge_danger(life: Life, hand: Hand) -> None:
    """Somebody takes it in hand."""
    danger = Danger(life.case["danger"])
    life.case["danger"] = None
    life.record(e.DangerAcknowledged(danger=danger), hand)


def lend(life: Life, hand: Hand, item: str, due_on: date) -> Row:
    """A device stays with the household."""
    loan = life.add(
        "loan",
        case_id=life.case["id"],
        item=item,
        lent_on=today(life),
        due_on=due_on,
        returned_on=None,
        lost_on=None,
        lent_by_id=hand.person_id,
    )
    life.record(e.LoanMade(loan_id=loan["id"], until=due_on), hand)
    return loan


def give_back(life: Life, hand: Hand, loan: Row) -> None:
    """The device is back."""
    loan["returned_on"] = today(life)
    life.record(e.LoanReturned(loan_id=loan["id"]), hand)


def deliver_report(life: Life, hand: Hand, summary: str, *, to_alert_giver: bool) -> None:
    """The household has its report; its file is kept elsewhere."""
    held = [visit for visit in life.rows["visit"] if visit["state"] == VisitState.HELD]
    report = life.add(
        "report",
        case_id=life.case["id"],
        visit_id=held[-1]["id"],
        document_id=None,
        summary=summary,
        delivered_at=life.now,
    )
    fact = e.ReportDelivered(report_id=report["id"], to_alert_giver=to_alert_giver)
    life.record(fact, hand, CaseAction.DELIVER_REPORT)
    if to_alert_giver:
        agreed = PermissionKind.REPORT_TO_ALERT_GIVER
        given = permit(life, hand, agreed)
        life.record(e.PermissionGiven(permission_id=given["id"], kind=agreed), hand)


def send(life: Life, hand: Hand, partner: Partner, theme: str, brief: str, *, replaces: Row | None = None) -> Row:  # noqa: PLR0913
    """A partner is asked: by our mail, or outside when none reaches him."""
    if replaces is None:
        need = life.add("need", case_id=life.case["id"], theme=theme, created_at=life.now)["id"]
    else:
        need = replaces["need_id"]
    kind = ReferralKind.MAIL if partner.email else ReferralKind.OUTSIDE_PORTAL
    check_on = None if partner.email else life.office.days_on(life.now, 15)
    referral = life.add(
        "referral",
        case_id=life.case["id"],
        need_id=need,
        theme=theme,
        partner_id=partner.id,
        replaces_id=replaces["id"] if replaces else None,
        kind=kind.value,
        check_on=check_on,
        state=next_referral_state(ReferralState.DRAFT, ReferralAction.SEND).value,
        reason=None,
        outcome=None,
        loop=Loop.OPEN.value,
        brief=brief,
        file_number="",
        amount_cents=None,
        snapshot={"partner": partner.name, "email": partner.email},
        sent_at=life.now,
        delivered_at=None,
        opened_at=None,
        answered_at=None,
        ended_at=None,
    )
    permit(life, hand, PermissionKind.SHARE_WITH_PARTNER, partner.id)
    life.record(e.ReferralSent(**ids(referral), until=check_on), hand, CaseAction.REFER)
    return referral


def ids(referral: Row) -> dict[str, Any]:
    """What every fact about a referral says of it."""
    return {
        "referral_id": referral["id"],
        "partner_id": referral["partner_id"],
        "theme": Theme(referral["theme"]),
        "outside": referral["kind"] == ReferralKind.OUTSIDE_PORTAL,
    }


def move(life: Life, referral: Row, action: ReferralAction) -> None:
    """By the table; the partner's first button is noted."""
    referral["state"] = next_referral_state(ReferralState(referral["state"]), action).value
    if referral["kind"] == ReferralKind.MAIL and action is not ReferralAction.WITHDRAW:
        referral["opened_at"] = referral["opened_at"] or life.now


def take(life: Life, hand: Hand, referral: Row, file_number: str) -> None:
    """The partner says yes."""
    move(life, referral, ReferralAction.ACCEPT)
    referral["answered_at"], referral["file_number"] = life.now, file_number
    life.record(e.ReferralAccepted(**ids(referral)), hand)


def decline(life: Life, hand: Hand, referral: Row, reason: DeclineReason) -> date | None:
    """The partner says no; until when he is full, if that is why."""
    move(life, referral, ReferralAction.DECLINE)
    referral["answered_at"] = referral["ended_at"] = life.now
    referral["reason"] = reason.value
    life.record(e.ReferralDeclined(**ids(referral), reason=reason), hand)
    return today(life) + timedelta(days=life.office.pathway.full_days) if reason is DeclineReason.CAPACITY else None


def ask(life: Life, hand: Hand, referral: Row, question: str) -> None:
    """The partner wants to know more: the answer's delay starts again, once."""
    first = referral["state"] == ReferralState.SENT
    move(life, referral, ReferralAction.ASK)
    task = life.open_task("answer_referral", referral["id"])
    if first and task is not None and not task["provisional"]:
        clocks.rearm(life, task)
    event = life.record(e.QuestionAsked(**ids(referral)), hand)
    note(life, hand, question, event, referral["id"])


def answer(life: Life, hand: Hand, referral: Row, words: str) -> None:
    """His question is answered."""
    event = life.record(e.QuestionAnswered(**ids(referral)), hand)
    note(life, hand, words, event, referral["id"])


def progress(life: Life, hand: Hand, referral: Row) -> None:
    """The partner gives news."""
    move(life, referral, ReferralAction.REPORT_PROGRESS)
    life.record(e.ReferralProgressed(**ids(referral)), hand)


def complete(life: Life, hand: Hand, referral: Row, outcome: ReferralOutcome, amount_cents: int | None) -> None:
    """The help came to an outcome."""
    move(life, referral, ReferralAction.COMPLETE)
    referral["outcome"], referral["amount_cents"] = outcome.value, amount_cents
    referral["loop"], referral["ended_at"] = Loop.REPORTED.value, life.now
    life.record(e.ReferralCompleted(**ids(referral), outcome=outcome), hand)


def fail(life: Life, hand: Hand, referral: Row, reason: FailureReason) -> None:
    """The partner tried in vain."""
    move(life, referral, ReferralAction.FAIL)
    referral["reason"], referral["ended_at"] = reason.value, life.now
    life.record(e.ReferralFailed(**ids(referral), reason=reason), hand)


def take_back(life: Life, hand: Hand, referral: Row, reason: WithdrawReason) -> None:
    """The request is taken back."""
    move(life, referral, ReferralAction.WITHDRAW)
    referral["reason"], referral["ended_at"] = reason.value, life.now
    life.record(e.ReferralWithdrawn(**ids(referral), reason=reason), hand)


def drop_need(life: Life, hand: Hand) -> None:
    """Nothing more to orient."""
    life.record(e.FollowUpStarted(), hand, CaseAction.FOLLOW_UP)


def confirm(life: Life, hand: Hand, referral: Row, *, verified: bool = True) -> None:
    """The household says that the help came; or it is not asked any more."""
    referral["loop"] = (Loop.CONFIRMED if verified else Loop.UNVERIFIABLE).value
    life.record(e.ReferralConfirmed(**ids(referral), verified=verified), hand)


def dispute(life: Life, hand: Hand, referral: Row, words: str) -> None:
    """The household says that it did not."""
    referral["loop"] = Loop.DISPUTED.value
    event = life.record(e.ReferralDisputed(**ids(referral)), hand)
    note(life, hand, words, event, referral["id"])


def follow_up(life: Life, hand: Hand, result: CallResult, *, still_cold: bool, still_in_arrears: bool) -> None:
    """A call of the follow-up; over when somebody was reached, or tried often enough."""
    task = life.open_task("follow_up_call")
    if task is None:
        return
    purpose = f"follow_up_{task['ordinal']}"
    made, _ = _log(life, hand, result, purpose)
    tries = sum(each["purpose"] == purpose for each in life.rows["call"])
    reached = result is CallResult.REACHED
    if not reached and tries < life.office.pathway.call_attempts:
        life.record(e.FollowUpAttempted(call_id=made["id"], ordinal=task["ordinal"], result=result), hand)
        return
    fact = e.FollowUpCalled(
        call_id=made["id"],
        ordinal=task["ordinal"],
        result=result,
        still_cold=still_cold if reached else None,
        still_in_arrears=still_in_arrears if reached else None,
    )
    life.record(fact, hand)


def close(life: Life, hand: Hand, outcome: ClosureOutcome) -> None:
    """It is over; what partners still had is taken back first, what they call done is confirmed by nobody any more."""
    for referral in live(life):
        take_back(life, hand, referral, WithdrawReason.CASE_ENDED)
    for referral in life.rows["referral"]:
        if referral["state"] == ReferralState.COMPLETED and referral["loop"] == Loop.REPORTED:
            confirm(life, hand, referral, verified=False)
    life.record(e.CaseClosed(outcome=outcome), hand, CaseAction.CLOSE)
    life.case["outcome"] = outcome.value


def live(life: Life) -> Sequence[Row]:
    """The referrals that have not ended."""
    return [each for each in life.rows["referral"] if each["state"] in UNANSWERED | UNDER_WAY]
