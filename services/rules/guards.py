"""The conditions that a pathway may name. Append-only: a stored pathway may still use an old one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from models import events as e
from models.pathway import Pathway
from models.vocabulary import (
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
from services.rules.view import CaseView

Guard = Callable[[e.Fact, CaseView, Pathway, datetime], bool]
NEAR = timedelta(days=7)
LETTERS = timedelta(days=11)
_AFTER_REPORT = frozenset({CaseState.REPORT_DELIVERED, CaseState.ORIENTING, CaseState.IN_FOLLOW_UP})
_BEFORE_REPORT = frozenset({CaseState.VISITED, CaseState.DIAGNOSED, CaseState.VISIT_PLANNED})
"""A visit of the follow-up asks for no report; one that another followed before the engine saw it does."""


def _attempts_left(_fact: e.Fact, view: CaseView, pathway: Pathway, _now: datetime) -> bool:
    return len(view.attempts) < pathway.call_attempts


def _attempts_exhausted(_fact: e.Fact, view: CaseView, pathway: Pathway, _now: datetime) -> bool:
    return len(view.attempts) >= pathway.call_attempts


def _another_number(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return view.numbers_left > 0


def _no_number_and_alert_giver(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return view.numbers_left == 0 and view.giver is not None


def _no_number_and_nobody(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return view.numbers_left == 0 and view.giver is None


def _awaiting_contact(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    waiting = {CaseState.CONTACTING, CaseState.TO_CONTACT}
    calls = {"first_call", "call_again", "await_household", "plan_visit"}
    return view.state in waiting and not view.open_tasks & calls


def _too_many_absences(fact: e.Fact, view: CaseView, pathway: Pathway, _now: datetime) -> bool:
    absent = _visit_is_owed(fact, view, pathway, _now) and _household_was_absent(fact, view, pathway, _now)
    return absent and view.absences > pathway.absences_allowed


def _absence_allowed(fact: e.Fact, view: CaseView, pathway: Pathway, now: datetime) -> bool:
    return _visit_is_owed(fact, view, pathway, now) and not _too_many_absences(fact, view, pathway, now)


def _visit_is_owed(fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """Not once the household that was visited said that it does not want to go on."""
    goes_on = view.state not in _AFTER_REPORT and "close_case" not in view.open_tasks
    return goes_on and not _is_for_good(fact)


def _is_for_good(fact: e.Fact) -> bool:
    return isinstance(fact, e.VisitCancelled) and fact.for_good


def _report_is_left(fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """The household wants no further visit: what was seen at those before is still to be written down."""
    return view.state in _BEFORE_REPORT and _is_for_good(fact)


def _after_the_report(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return view.state in _AFTER_REPORT


def _household_was_absent(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return isinstance(fact, e.VisitMissed) and fact.state is VisitState.HOUSEHOLD_ABSENT


def _visitor_was_absent(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return isinstance(fact, e.VisitMissed) and fact.state is VisitState.VISITOR_ABSENT


def _somebody_is_relieved(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return isinstance(fact, e.VisitMoved) and bool(fact.relieved)


def _visit_is_near(_fact: e.Fact, view: CaseView, _pathway: Pathway, now: datetime) -> bool:
    return view.visit_starts_at is not None and view.visit_starts_at - now <= NEAR


def _visit_is_far(fact: e.Fact, view: CaseView, pathway: Pathway, now: datetime) -> bool:
    return not _visit_is_near(fact, view, pathway, now)


def _reminder_letter_is_past(_fact: e.Fact, view: CaseView, _pathway: Pathway, now: datetime) -> bool:
    """Too far for an SMS, too near for the letter that leaves ten days before."""
    return view.visit_starts_at is not None and NEAR < view.visit_starts_at - now <= LETTERS


def _visit_comes_late(fact: e.Fact, view: CaseView, pathway: Pathway, _now: datetime) -> bool:
    """Its day is further from the household's yes than the pathway admits."""
    told = isinstance(fact, e.VisitMoved) or (isinstance(fact, e.VisitPlanned) and not fact.noted_after)
    if not told or view.reached_at is None or view.visit_starts_at is None:
        return False
    return view.visit_starts_at - view.reached_at > timedelta(days=pathway.visit_days)


def _cancelled_again(fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return view.cancellations > 1 and not _is_for_good(fact)


def _danger_told(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return view.urgency == Urgency.DANGER


def _calls_planned(pathway: Pathway) -> int:
    return len(pathway.tasks["follow_up_call"].due.series)


def _more_calls_to_come(fact: e.Fact, view: CaseView, pathway: Pathway, _now: datetime) -> bool:
    """Not for a household that wants none any more."""
    if isinstance(fact, e.FollowUpCalled) and fact.result is CallResult.REFUSED:
        return False
    return view.follow_ups_done < _calls_planned(pathway)


def _last_call_made(fact: e.Fact, view: CaseView, pathway: Pathway, now: datetime) -> bool:
    return not _more_calls_to_come(fact, view, pathway, now)


def _no_call_open(_fact: e.Fact, view: CaseView, pathway: Pathway, _now: datetime) -> bool:
    return not view.open_tasks & {"follow_up_call", "close_case"} and view.follow_ups_done < _calls_planned(pathway)


def _calls_all_made(_fact: e.Fact, view: CaseView, pathway: Pathway, _now: datetime) -> bool:
    return not view.open_tasks & {"follow_up_call", "close_case"} and view.follow_ups_done >= _calls_planned(pathway)


def _reopened_in(*stages: Stage) -> Guard:
    def guard(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
        return isinstance(fact, e.CaseReopened) and STAGE_OF[CaseState(fact.state)] in stages

    return guard


def _both(*guards: Guard) -> Guard:
    return lambda fact, view, pathway, now: all(guard(fact, view, pathway, now) for guard in guards)


def _request_was_refused(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """A partner's; what was written before Relais noted whom a message was for is taken for one, as it was then."""
    asked = isinstance(fact, e.MessageFailed) and not fact.unknown and fact.task_id is not None
    return asked and getattr(fact, "party", None) in {None, Party.PARTNER}


def _household_address_refuses(fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """The mail came back and nobody has mended the address meanwhile."""
    return _mail_came_back(fact, Party.HOUSEHOLD) and view.email_refuses


def _mail_came_back(fact: e.Fact, party: Party) -> bool:
    if not isinstance(fact, e.MessageFailed) or fact.unknown:
        return False
    return fact.party is party and fact.channel is Channel.EMAIL


def _is_about(fact: e.Fact, view: CaseView, kind: str) -> bool:
    """Whether it is about an open task of this kind."""
    return getattr(fact, "task_id", None) in {each.task_id for each in view.asked if each.kind == kind}


def _question_came_back(fact: e.Fact, view: CaseView, pathway: Pathway, now: datetime) -> bool:
    """The mail that asked the household for news, whose call is still to make."""
    return _household_address_refuses(fact, view, pathway, now) and _is_about(fact, view, "follow_up_call")


def _giver_is_not_asked(fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """The mail that asked the alert giver for another number came back."""
    return _mail_came_back(fact, Party.ALERT_GIVER) and _is_about(fact, view, "correct_number")


def _a_visit_is_told(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return isinstance(fact, e.HouseholdAddressMended) and fact.visit_id is not None


def _message_is_unknown(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return isinstance(fact, e.MessageFailed) and fact.unknown


def _answer_is_awaited(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return "answer_referral" in view.open_tasks


def _news_are_awaited(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return "report_outcome" in view.open_tasks


def _contact_is_awaited(fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """The partner of this task said yes, and nothing tells that he has called the household."""
    return any(each.awaits_contact for each in view.asked if each.task_id == getattr(fact, "task_id", None))


def _somebody_to_write_to(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return not (isinstance(fact, e.CaseClosed) and fact.outcome is ClosureOutcome.DECEASED)


def _asked_outside(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return bool(getattr(fact, "outside", False))


def _asked_by_mail(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """Our mail reached out to the partner: not by his portal, and not a request that was never sent."""
    return not getattr(fact, "outside", False) and (not isinstance(fact, e.ReferralWithdrawn) or fact.sent)


def _asked_urgently(fact: e.Fact, view: CaseView, pathway: Pathway, now: datetime) -> bool:
    return _asked_by_mail(fact, view, pathway, now) and getattr(fact, "urgent", False)


def _asked_calmly(fact: e.Fact, view: CaseView, pathway: Pathway, now: datetime) -> bool:
    return _asked_by_mail(fact, view, pathway, now) and not _asked_urgently(fact, view, pathway, now)


def _partner_is_to_tell(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """He was asked by his portal or by telephone: none of our mails tells him that it is over."""
    return bool(getattr(fact, "outside", False) and getattr(fact, "sent", True))


def _first_call_is_owed(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return view.state == CaseState.TO_CONTACT


def _is_under_way(fact: e.Fact, view: CaseView, pathway: Pathway, now: datetime) -> bool:
    return not _first_call_is_owed(fact, view, pathway, now)


def _nobody_else_asked(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return not getattr(fact, "others_asked", False)


def _taken_by_another(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return isinstance(fact, e.ReferralSuperseded) and fact.taken and not fact.outside


def _given_to_another(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return isinstance(fact, e.ReferralSuperseded) and not fact.taken and not fact.outside


def _had_left_by_mail(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return isinstance(fact, e.ReferralVoided) and fact.sent and not fact.outside


def _visits_left(_fact: e.Fact, view: CaseView, pathway: Pathway, _now: datetime) -> bool:
    return view.state in _BEFORE_REPORT and view.visits_held < pathway.visits


def _last_visit(_fact: e.Fact, view: CaseView, pathway: Pathway, _now: datetime) -> bool:
    return view.state in _BEFORE_REPORT and view.visits_held >= pathway.visits


def _has_operator(_fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return view.operator_id is not None


def _supplier_not_called(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return not (isinstance(fact, e.CutStanding) and fact.supplier_called)


def _aid_not_filed(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return not (isinstance(fact, e.CutStanding) and fact.aid_filed)


def _a_call_is_wanted(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    return isinstance(fact, e.HouseholdAnswered) and fact.answer is not HouseholdAnswer.HELPED


def _meeting_came_alone(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """Not with the partner's yes, whose letter tells the day already."""
    return isinstance(fact, e.MeetingProposed) and not fact.with_answer


def _prefers(contact: ContactBy) -> Guard:
    return lambda _fact, view, _pathway, _now: view.contact_by == contact


def _asked_of(party: Party, *kinds: str) -> Guard:
    """Somebody had this party reminded of a task; of one of these kinds, where the text says what is awaited."""

    def guard(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
        return isinstance(fact, e.TaskReminded) and fact.party is party and (not kinds or fact.kind in kinds)

    return guard


def _dwelling_is_dangerous(fact: e.Fact, view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """Not a person at risk, whose telephone somebody else may read; what nobody has named may be that.

    Nor on a case that ended: its household may live elsewhere.
    """
    is_open = CaseState(view.state) not in CLOSED_STATES
    hidden = {Danger.PERSON, Danger.UNSPECIFIED}
    return is_open and isinstance(fact, e.DangerReported) and fact.danger not in hidden


def _goes_elsewhere(fact: e.Fact, _view: CaseView, _pathway: Pathway, _now: datetime) -> bool:
    """To a Slime that is not on this Relais: nothing reaches it by itself."""
    return isinstance(fact, e.CaseTransferred) and fact.to_programme_id is None


def _stays_on_relais(fact: e.Fact, view: CaseView, pathway: Pathway, now: datetime) -> bool:
    return isinstance(fact, e.CaseTransferred) and not _goes_elsewhere(fact, view, pathway, now)


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
    "an_alert_giver_is_asked": _asked_of(Party.ALERT_GIVER, "correct_number"),
}
