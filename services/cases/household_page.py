"""What a household sees and checks by itself: where its case stands, and whether the visitor at the door is ours.

Nothing shown here names anybody but the one who comes: whoever finds a letter in a bin learns no name from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select, select

from models.cases import Case, Phone, Referral, Visit
from models.programmes import Programme
from models.refusals import CaseworkError
from models.vocabulary import CaseState, HouseholdAnswer, ReferralState, VisitState
from services.cases import household_answers
from services.cases.household_answers import HouseholdWord
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.foundation.runtime import Runtime
from services.rules import limits
from services.rules.casework import Hand
from services.rules.household import number_in, opens, visit_word
from services.rules.limits import Limit, Use
from services.rules.policy import Actor, note_access
from services.rules.presence import works
from services.rules.view import meeting_to_come

CODES: Final = Limit("household_code", 5, timedelta(hours=1))
"""Wrong digits for one code, from wherever they come: the ten thousand of them would take a quarter of a year."""
DIGITS: Final = 4
LASTS: Final = timedelta(minutes=20)
EARLY: Final = timedelta(hours=1)
_COOKIE: Final = "household-page"
TOLD: Final = (
    ReferralState.SENT,
    ReferralState.UNDER_REVIEW,
    ReferralState.ACCEPTED,
    ReferralState.IN_PROGRESS,
    ReferralState.ON_HOLD,
    ReferralState.COMPLETED,
)
"""A refusal and what was taken back are the team's work: the household hears of it from a person; of a silence, by the
letter that says what is done about it."""


class CodeRefused(CaseworkError):
    """No open page for this code and these digits; the same sentence whichever is wrong."""

    status_code = 422
    code = "code-refused"

    def __init__(self) -> None:
        """The way out is the telephone."""
        super().__init__(
            "Ce code et ces chiffres ne vont pas ensemble. Regardez votre dernière lettre, et le numéro où nous vous "
            "appelons. Vous pouvez aussi nous appeler."
        )


@dataclass(frozen=True)
class Help:
    """What was asked of a partner for the household: codes and his public name."""

    theme: str
    state: str
    partner: str
    meets_at: datetime | None  # the day that he proposes, while it is to come


@dataclass(frozen=True)
class Meeting:
    """Who comes, when, and the word that he says at the door."""

    starts_at: datetime
    ends_at: datetime
    visitor: str  # a full name, or empty while nobody is chosen
    word: str

    def is_expected_at(self, moment: datetime) -> bool:
        """Whether whoever rings then may be the visitor: from an hour before, for one who had time to spare."""
        return self.starts_at - EARLY <= moment <= self.ends_at


@dataclass(frozen=True)
class Standing:
    """Where a case stands, for the household itself."""

    state: str
    caller: str  # the organisation that calls
    phone: str  # E.164
    meeting: Meeting | None
    helps: Sequence[Help]
    is_helped: bool  # somebody took up what was asked
    offered: Sequence[HouseholdAnswer]  # what it may say now
    said: HouseholdAnswer | None  # what it said today
    called_by: datetime | None


def programme_of(unit: UnitOfWork, slug: str) -> Programme:
    """The programme of this public address. Raises `NotFound`."""
    found = unit.session.scalars(select(Programme).where(Programme.slug == slug)).first()
    if found is None:
        raise NotFound
    return found


def count_try(unit: UnitOfWork, programme: Programme, code: str) -> None:
    """Count a try before it is made, in a transaction of its own. Raises `limits.TooMany`."""
    limits.spend(unit, _use(programme, code))


def open_page(unit: UnitOfWork, runtime: Runtime, programme: Programme, *, code: str, digits: str) -> str:
    """What the browser keeps for twenty minutes. Each opening is written down. Raises `CodeRefused`."""
    number = number_in(code)
    case = unit.session.scalars(_case(programme, number)).first() if number else None
    if case is None or not opens(runtime.secrets, code, case) or not _is_known(unit, case, digits):
        raise CodeRefused
    limits.clear(unit, _use(programme, code))
    note_access(unit, _household(case), "read", case_id=case.id)
    until = int((unit.now + LASTS).timestamp())
    value = f"{case.id.hex}.{until}"
    return f"{value}.{runtime.secrets.sign(_COOKIE, value)}"


def standing(unit: UnitOfWork, runtime: Runtime, programme: Programme, kept: str) -> Standing | None:
    """Where the case of this browser stands; None when it must give its code again."""
    case = _opened(unit, runtime, programme, kept)
    if case is None:
        return None
    planned = unit.session.scalars(_planned().where(Visit.case_id == case.id, Visit.ends_at > unit.now)).first()
    asked = _asked(unit, case)
    operator = case.operator if case.operator and case.operator.phone else None
    return Standing(
        state=case.resumes_in if case.state == CaseState.SUSPENDED and case.resumes_in else case.state,
        caller=operator.name if operator else programme.public_name,
        phone=(operator.phone if operator else None) or programme.phone,
        meeting=_meeting(unit, runtime, planned) if planned else None,
        helps=[Help(each.need.theme, each.state, each.partner.name, meeting_to_come(unit, each)) for each in asked],
        is_helped=any(each.is_helping for each in asked),
        offered=household_answers.offered(unit, case),
        said=household_answers.said_today(unit, case),
        called_by=household_answers.called_by(unit, case),
    )


def answer(unit: UnitOfWork, runtime: Runtime, programme: Programme, kept: str, form: HouseholdWord) -> UUID | None:
    """What the household of this browser says; its case, or None when it must give its code again."""
    case = _opened(unit, runtime, programme, kept)
    if case is None:
        return None
    household_answers.answer(unit, Hand(_household(case)), case.id, form)
    return case.id


def _opened(unit: UnitOfWork, runtime: Runtime, programme: Programme, kept: str) -> Case | None:
    value, _, signature = kept.rpartition(".")
    if not runtime.secrets.verify(_COOKIE, value, signature):
        return None
    case_id, _, until = value.partition(".")
    case = unit.session.get(Case, UUID(hex=case_id))
    if case is None or case.erased_at or case.programme_id != programme.id or unit.now.timestamp() > int(until):
        return None
    return case


def expected_visit(
    unit: UnitOfWork, runtime: Runtime, programme: Programme, *, word: str, digits: str
) -> Meeting | None:
    """The visit of today or of the next days that has this word, at the household that answers at this number.

    None when there is none: whoever stands at the door must not be let in. Said and written alike: "Tilleul " is right.
    """
    nearby = _planned().where(
        Visit.starts_at > unit.now - timedelta(days=1), Case.programme_id == programme.id, Case.erased_at.is_(None)
    )
    called = unit.session.scalars(
        nearby.join(Phone, Phone.household_id == Case.household_id)
        .where(Phone.number.endswith(_last(digits)), Phone.blocked_at.is_(None))
        .order_by(Visit.starts_at)
    )
    said = word.strip().lower()
    for visit in called if len(_last(digits)) == DIGITS else ():
        if visit_word(runtime.secrets, visit.id) == said:
            note_access(unit, Actor("form", None, programme.id), "visit_verified", case_id=visit.case_id)
            return _meeting(unit, runtime, visit)
    note_access(unit, Actor("form", None, programme.id), "visit_verified", case_id=None, allowed=False)
    return None


def _case(programme: Programme, number: str) -> Select[Case]:
    return select(Case).where(Case.programme_id == programme.id, Case.number == number, Case.erased_at.is_(None))


def _is_known(unit: UnitOfWork, case: Case, digits: str) -> bool:
    query = select(Phone.id).where(
        Phone.household_id == case.household_id, Phone.blocked_at.is_(None), Phone.number.endswith(_last(digits))
    )
    return len(_last(digits)) == DIGITS and unit.session.scalars(query).first() is not None


def _last(digits: str) -> str:
    """What was typed, figures only: "12 34" is right, a whole number too."""
    return "".join(figure for figure in digits if figure in "0123456789")[-DIGITS:]


def _use(programme: Programme, code: str) -> Use:
    return Use(CODES, f"{programme.slug}\0{number_in(code) or ''}")


def _household(case: Case) -> Actor:
    return Actor("form", case.household_id, case.programme_id)


def _planned() -> Select[Visit]:
    return select(Visit).join(Case, Case.id == Visit.case_id).where(Visit.state == VisitState.PLANNED)


def _meeting(unit: UnitOfWork, runtime: Runtime, visit: Visit) -> Meeting:
    """Somebody who left is confirmed to nobody."""
    case = unit.session.get_one(Case, visit.case_id)
    return Meeting(
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        visitor=visit.officer.name if visit.officer and works(unit, visit.officer, case) else "",
        word=visit_word(runtime.secrets, visit.id),
    )


def _asked(unit: UnitOfWork, case: Case) -> Sequence[Referral]:
    query = select(Referral).where(Referral.case_id == case.id, Referral.state.in_(TOLD)).order_by(Referral.id)
    return unit.session.scalars(query).all()
