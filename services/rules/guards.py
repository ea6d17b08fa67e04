"""The conditions that a pathway may name. Append-only: a stored pathway may still use an old one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from models import events as e
from models.pathway import Rung, Send
from models.vocabulary import (
    AFTER_REPORT,
    CLOSED_STATES,
    STAGE_OF,
    CallResult,
    CaseState,
    Channel,
    ClosureOutcome,
    ContactBy,
    Danger,
    HouseholdAnswer,
    Party,
    Stage,
    Urgency,
    VisitState,
)
from services.rules.attempts import attempts_lacking
from services.rules.situation import Situation

Guard = Callable[[Situation], bool]
NEAR = timedelta(days=7)
_BEFORE_REPORT = frozenset({CaseState.VISITED, CaseState.DIAGNOSED, CaseState.VISIT_PLANNED})
"""A visit of the follow-up asks for no report; one that another followed before the engine saw it does."""


def _attempts_left(given: Situation) -> bool:
    """Calls on one morning are one try: as many are asked for as `give_up` will ask for."""
    return bool(attempts_lacking(given.case.attempts, given.pathway, given.calendar.zone))


def _attempts_exhausted(given: Situation) -> bool:
    return not _attempts_left(given)


def _another_number(given: Situation) -> bool:
    return given.case.numbers_left > 0


def _no_number_and_alert_giver(given: Situation) -> bool:
    return given.case.numbers_left == 0 and given.case.giver is not None


def _no_number_and_nobody(given: Situation) -> bool:
    return given.case.numbers_left == 0 and given.case.giver is None


def _awaiting_contact(given: Situation) -> bool:
    waiting = {CaseState.CONTACTING, CaseState.TO_CONTACT}
    calls = {"first_call", "call_again", "await_household", "plan_visit"}
    return given.case.stands in waiting and not given.case.open_tasks & calls


def _too_many_absences(given: Situation) -> bool:
    absent = _visit_is_owed(given) and _household_was_absent(given)
    return absent and given.case.absences > given.pathway.absences_allowed


def _absence_allowed(given: Situation) -> bool:
    return _visit_is_owed(given) and not _too_many_absences(given)


def _visit_is_owed(given: Situation) -> bool:
    """Not after the report, nor once a household has said that it wants no other visit."""
    goes_on = given.case.stands not in AFTER_REPORT and "close_case" not in given.case.open_tasks
    return goes_on and not _is_for_good(given)


def _is_for_good(given: Situation) -> bool:
    return isinstance(given.fact, e.VisitCancelled) and given.fact.for_good


def _report_is_left(given: Situation) -> bool:
    """The household wants no further visit; the report on those before is still owed."""
    return given.case.stands in _BEFORE_REPORT and _is_for_good(given)


def _after_the_report(given: Situation) -> bool:
    return given.case.stands in AFTER_REPORT


def _household_was_absent(given: Situation) -> bool:
    return isinstance(given.fact, e.VisitMissed) and given.fact.state is VisitState.HOUSEHOLD_ABSENT


def _visitor_was_absent(given: Situation) -> bool:
    return isinstance(given.fact, e.VisitMissed) and given.fact.state is VisitState.VISITOR_ABSENT


def _somebody_is_relieved(given: Situation) -> bool:
    return isinstance(given.fact, e.VisitMoved) and bool(given.fact.relieved)


def _nobody_comes_any_more(given: Situation) -> bool:
    fact = given.fact
    return isinstance(fact, e.VisitMoved) and bool(fact.relieved) and fact.without_officer


def _visit_is_near(given: Situation) -> bool:
    return given.case.visit_starts_at is not None and given.case.visit_starts_at - given.now <= NEAR


def _visit_is_far(given: Situation) -> bool:
    return not _visit_is_near(given)


def _reminder_letter_is_past(given: Situation) -> bool:
    """Too far for an SMS, too near for the letter that the ladder of a visit posts days before."""
    starts_at, calendar, rule = given.case.visit_starts_at, given.calendar, given.pathway.tasks.get("hold_visit")
    if starts_at is None or rule is None or rule.ladder is None or _visit_is_near(given):
        return False
    posted = (rung.before for rung in given.pathway.ladders[rule.ladder].rungs if _is_posted(rung))
    days = (calendar.days_before(calendar.local_day(starts_at), ahead.amount) for ahead in posted if ahead)
    return any(calendar.step_time(day) <= given.now for day in days)


def _is_posted(rung: Rung) -> bool:
    return not rung.off and any(isinstance(step, Send) and step.by is Channel.LETTER for step in rung.steps)


def _visit_comes_late(given: Situation) -> bool:
    """Its day is further from the household's yes than the pathway admits."""
    fact, reached_at, starts_at = given.fact, given.case.reached_at, given.case.visit_starts_at
    told = isinstance(fact, e.VisitMoved) or (isinstance(fact, e.VisitPlanned) and not fact.noted_after)
    if not told or reached_at is None or starts_at is None:
        return False
    return starts_at - reached_at > timedelta(days=given.pathway.visit_days)


def _cancelled_again(given: Situation) -> bool:
    return given.case.cancellations > 1 and not _is_for_good(given)


def _danger_told(given: Situation) -> bool:
    return given.case.urgency == Urgency.DANGER


def _calls_left(given: Situation) -> bool:
    return given.case.follow_ups_done < len(given.pathway.tasks["follow_up_call"].due.series)


def _more_calls_to_come(given: Situation) -> bool:
    """Not for a household that wants none any more."""
    if isinstance(given.fact, e.FollowUpCalled) and given.fact.result is CallResult.REFUSED:
        return False
    return _calls_left(given)


def _last_call_made(given: Situation) -> bool:
    return not _more_calls_to_come(given)


def _no_call_open(given: Situation) -> bool:
    return not given.case.open_tasks & {"follow_up_call", "close_case"} and _calls_left(given)


def _calls_all_made(given: Situation) -> bool:
    return not given.case.open_tasks & {"follow_up_call", "close_case"} and not _calls_left(given)


def _reopened_in(*stages: Stage) -> Guard:
    def guard(given: Situation) -> bool:
        return isinstance(given.fact, e.CaseReopened) and STAGE_OF[CaseState(given.fact.state)] in stages

    return guard


def _both(*guards: Guard) -> Guard:
    return lambda given: all(guard(given) for guard in guards)


def _request_was_refused(given: Situation) -> bool:
    """A partner's; what was written before Relais noted whom a message was for is taken for one, as it was then."""
    asked = isinstance(given.fact, e.MessageFailed) and not given.fact.unknown and given.fact.task_id is not None
    return asked and getattr(given.fact, "party", None) in {None, Party.PARTNER}


def _household_address_refuses(given: Situation) -> bool:
    """The mail came back and nobody has mended the address meanwhile."""
    return _mail_came_back(given, Party.HOUSEHOLD) and given.case.email_refuses


def _mail_came_back(given: Situation, party: Party) -> bool:
    fact = given.fact
    if not isinstance(fact, e.MessageFailed) or fact.unknown:
        return False
    return fact.party is party and fact.channel is Channel.EMAIL


def _is_about(given: Situation, kind: str) -> bool:
    """Whether it is about an open task of this kind."""
    return getattr(given.fact, "task_id", None) in {each.task_id for each in given.case.asked if each.kind == kind}


def _question_came_back(given: Situation) -> bool:
    """The mail that asked the household for news, whose call is still to make."""
    return _household_address_refuses(given) and _is_about(given, "follow_up_call")


def _giver_is_not_asked(given: Situation) -> bool:
    """The mail that asked the alert giver for another number came back."""
    return _mail_came_back(given, Party.ALERT_GIVER) and _is_about(given, "correct_number")


def _a_visit_is_told(given: Situation) -> bool:
    return isinstance(given.fact, e.HouseholdAddressMended) and given.fact.visit_id is not None


def _message_is_unknown(given: Situation) -> bool:
    return isinstance(given.fact, e.MessageFailed) and given.fact.unknown


def _answer_is_awaited(given: Situation) -> bool:
    return "answer_referral" in given.case.open_tasks


def _news_are_awaited(given: Situation) -> bool:
    return "report_outcome" in given.case.open_tasks


def _contact_is_awaited(given: Situation) -> bool:
    """The partner of this task said yes, and nothing tells that he has called the household."""
    return any(each.awaits_contact for each in given.case.asked if each.task_id == getattr(given.fact, "task_id", None))


def _somebody_to_write_to(given: Situation) -> bool:
    return not (isinstance(given.fact, e.CaseClosed) and given.fact.outcome is ClosureOutcome.DECEASED)


def _asked_outside(given: Situation) -> bool:
    return bool(getattr(given.fact, "outside", False))


def _asked_by_mail(given: Situation) -> bool:
    """Our mail reached out to the partner: not by his portal, and not a request that was never sent."""
    never_left = isinstance(given.fact, e.ReferralWithdrawn) and not given.fact.sent
    return not _asked_outside(given) and not never_left


def _asked_urgently(given: Situation) -> bool:
    return _asked_by_mail(given) and getattr(given.fact, "urgent", False)


def _asked_calmly(given: Situation) -> bool:
    return _asked_by_mail(given) and not _asked_urgently(given)


def _partner_is_to_tell(given: Situation) -> bool:
    """He was asked by his portal or by telephone: none of our mails tells him that it is over."""
    return _asked_outside(given) and getattr(given.fact, "sent", True)


def _first_call_is_owed(given: Situation) -> bool:
    return given.case.stands == CaseState.TO_CONTACT


def _is_under_way(given: Situation) -> bool:
    return not _first_call_is_owed(given)


def _nobody_else_asked(given: Situation) -> bool:
    return not getattr(given.fact, "others_asked", False)


def _taken_by_another(given: Situation) -> bool:
    return isinstance(given.fact, e.ReferralSuperseded) and given.fact.taken and not given.fact.outside


def _given_to_another(given: Situation) -> bool:
    return isinstance(given.fact, e.ReferralSuperseded) and not given.fact.taken and not given.fact.outside


def _had_left_by_mail(given: Situation) -> bool:
    return isinstance(given.fact, e.ReferralVoided) and given.fact.sent and not given.fact.outside


def _visits_left(given: Situation) -> bool:
    return given.case.stands in _BEFORE_REPORT and given.case.visits_held < given.pathway.visits


def _last_visit(given: Situation) -> bool:
    return given.case.stands in _BEFORE_REPORT and given.case.visits_held >= given.pathway.visits


def _has_operator(given: Situation) -> bool:
    return given.case.operator_id is not None


def _supplier_not_called(given: Situation) -> bool:
    return not (isinstance(given.fact, e.CutStanding) and given.fact.supplier_called)


def _aid_not_filed(given: Situation) -> bool:
    return not (isinstance(given.fact, e.CutStanding) and given.fact.aid_filed)


def _a_call_is_wanted(given: Situation) -> bool:
    return isinstance(given.fact, e.HouseholdAnswered) and given.fact.answer is not HouseholdAnswer.HELPED


def _meeting_came_alone(given: Situation) -> bool:
    """Not with the partner's yes, whose letter tells the day already."""
    return isinstance(given.fact, e.MeetingProposed) and not given.fact.with_answer


def _prefers(contact: ContactBy) -> Guard:
    return lambda given: given.case.contact_by == contact


def _asked_of(party: Party, *kinds: str) -> Guard:
    """Somebody had this party reminded of a task; of one of these kinds, where the text says what is awaited."""

    def guard(given: Situation) -> bool:
        fact = given.fact
        return isinstance(fact, e.TaskReminded) and fact.party is party and (not kinds or fact.kind in kinds)

    return guard


def _dwelling_is_dangerous(given: Situation) -> bool:
    """Not a person at risk, whose telephone somebody else may read; what nobody has named may be that.

    Nor on a case that ended: its household may live elsewhere.
    """
    is_open = CaseState(given.case.stands) not in CLOSED_STATES
    hidden = {Danger.PERSON, Danger.UNSPECIFIED}
    return is_open and isinstance(given.fact, e.DangerReported) and given.fact.danger not in hidden


def _goes_elsewhere(given: Situation) -> bool:
    """To a Slime that is not on this Relais: nothing reaches it by itself."""
    return isinstance(given.fact, e.CaseTransferred) and given.fact.to_programme_id is None


def _stays_on_relais(given: Situation) -> bool:
    return isinstance(given.fact, e.CaseTransferred) and not _goes_elsewhere(given)


GUARDS: Final[dict[str, Guard]] = {
    "attempts_left": _attempts_left,
    "attempts_exhausted": _attempts_exhausted,
    "another_number": _another_number,
    "no_number_and_alert_giver": _no_number_and_alert_giver,
    "no_number_and_nobody": _no_number_and_nobody,
    "awaiting_contact": _awaiting_contact,
    "absence_allowed": _absence_allowed,
    "too_many_absences": _too_many_absences,
    "household_was_absent": _household_was_absent,
    "visit_is_near": _visit_is_near,
    "visit_is_far": _visit_is_far,
    "danger_told": _danger_told,
    "more_calls_to_come": _more_calls_to_come,
    "last_call_made": _last_call_made,
    "no_call_open": _no_call_open,
    "calls_all_made": _calls_all_made,
    "back_to_triage": _reopened_in(Stage.DETECTION),
    "back_to_contact": _reopened_in(Stage.VISIT),
    "back_to_follow_up": _reopened_in(Stage.FOLLOW_UP),
    "request_was_refused": _request_was_refused,
    "message_is_unknown": _message_is_unknown,
    "household_address_refuses": _household_address_refuses,
    "question_came_back": _question_came_back,
    "giver_is_not_asked": _giver_is_not_asked,
    "a_visit_is_told": _a_visit_is_told,
    "somebody_to_write_to": _somebody_to_write_to,
    "asked_outside": _asked_outside,
    "asked_by_mail": _asked_by_mail,
    "nobody_else_asked": _nobody_else_asked,
    "taken_by_another": _taken_by_another,
    "given_to_another": _given_to_another,
    "had_left_by_mail": _had_left_by_mail,
    "visits_left": _visits_left,
    "last_visit": _last_visit,
    "has_operator": _has_operator,
    "visit_is_owed": _visit_is_owed,
    "report_is_left": _report_is_left,
    "after_the_report": _after_the_report,
    "supplier_not_called": _supplier_not_called,
    "aid_not_filed": _aid_not_filed,
    "prefers_sms": _prefers(ContactBy.SMS),
    "a_call_is_wanted": _a_call_is_wanted,
    "prefers_email": _prefers(ContactBy.EMAIL),
    "meeting_came_alone": _meeting_came_alone,
    "asked_urgently": _asked_urgently,
    "asked_calmly": _asked_calmly,
    "answer_is_awaited": _answer_is_awaited,
    "news_are_awaited": _news_are_awaited,
    "an_answer_is_asked": _asked_of(Party.PARTNER, "answer_referral"),
    "visit_comes_late": _visit_comes_late,
    "cancelled_again": _cancelled_again,
    "contact_is_awaited": _contact_is_awaited,
    "dwelling_is_dangerous": _dwelling_is_dangerous,
    "goes_elsewhere": _goes_elsewhere,
    "stays_on_relais": _stays_on_relais,
    "partner_is_to_tell": _partner_is_to_tell,
    "first_call_is_owed": _first_call_is_owed,
    "is_under_way": _is_under_way,
    "visitor_was_absent": _visitor_was_absent,
    "reminder_letter_is_past": _reminder_letter_is_past,
    "news_are_asked": _asked_of(Party.PARTNER, "report_outcome"),
    "an_operator_is_asked": _asked_of(Party.OPERATOR),
    "back_to_visits": _both(_reopened_in(Stage.DIAGNOSTIC), _visits_left),
    "back_to_report": _both(_reopened_in(Stage.DIAGNOSTIC), _last_visit),
    "back_to_calls": _both(_reopened_in(Stage.FOLLOW_UP), _more_calls_to_come),
    "back_to_closing": _both(_reopened_in(Stage.FOLLOW_UP), _last_call_made),
    "somebody_is_relieved": _somebody_is_relieved,
    "nobody_comes_any_more": _nobody_comes_any_more,
    "an_alert_giver_is_asked": _asked_of(Party.ALERT_GIVER, "correct_number"),
}
