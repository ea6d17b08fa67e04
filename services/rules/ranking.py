"""In which order a person's day is worth doing: what breaks × who suffers from it × how little time is left.

Pure, and told in words beside each line: an order that nobody can explain is not followed. The weights are proposals of
ours, since no figure of the field exists; they order a list and decide nothing else. A list of thousands is ordered by
the database (`score_of`), from the same weights as the words.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, case, literal

from models.vocabulary import Urgency
from services.foundation.spans import days as days_between

DANGER: Final = "acknowledge_danger"
HAND_OVER: Final = "hand_case_over"
TELL_PARTNER: Final = "tell_partner"
COMPLAINT: Final = "answer_complaint"
READ: Final = "read_reply"
OLD_FROM: Final = 75
"""Years; a proposal of ours."""

DAY_S: Final = 86_400
USUAL: Final = 2.0
BREACH: Final[dict[str, float]] = {
    DANGER: 40.0,
    "mend_address": 4.0,
    "mend_household_address": 4.0,
    "check_message": 4.0,
    HAND_OVER: 3.0,
    "triage": 3.0,
    "first_call": 3.0,
    "find_number": 3.0,
    "decide_after_absence": 3.0,
    "reorient": 3.0,
    "answer_question": 3.0,
    "settle_dispute": 3.0,
    "return_loan": 1.0,
    "close_case": 1.0,
}
"""What a missed date costs: nobody knows that he is asked (4), a household waits for a first word (3), a form (1)."""

UNHEARD: Final = frozenset({"mend_address", "mend_household_address", "check_message"})
URGENT: Final = {Urgency.DANGER: 3.0, Urgency.CUT_ANNOUNCED: 2.0, Urgency.HEATING_OUT: 2.0}
OLD: Final = 1.0
ALONE: Final = 0.5


class Stake(NamedTuple):
    """What is known of an awaited task when it is ranked. `age` and `people` are those of the household."""

    kind: str
    due_at: datetime
    urgency: Urgency = Urgency.NONE
    age: int | None = None
    people: int | None = None


class Rank(NamedTuple):
    """How pressing, and why: codes of `rank_reason`, the weightiest first. A higher score comes first."""

    score: float
    reasons: tuple[str, ...] = ()


def rank(stake: Stake, now: datetime) -> Rank:
    """How pressing a task is at an instant; both instants are aware."""
    reasons = []
    vulnerability = 1.0
    if stake.urgency in URGENT and stake.kind != DANGER:
        vulnerability += URGENT[stake.urgency]
        reasons.append(stake.urgency.value)
    if stake.age is not None and stake.age >= OLD_FROM:
        vulnerability += OLD
        reasons.append("old")
    if stake.people == 1:
        vulnerability += ALONE
        reasons.append("alone")
    if stake.kind in UNHEARD:
        reasons.insert(0, "unheard")
    return Rank(BREACH.get(stake.kind, USUAL) * vulnerability * pressure(stake.due_at, now), tuple(reasons))


def pressure(due_at: datetime, now: datetime) -> float:
    """1 for what is far off, 4 at the date, then one more for each day late, ten at most."""
    days = (due_at - now).total_seconds() / DAY_S
    if days <= 0:
        return min(MOST, AT_THE_DATE - days)
    return max(LEAST, AT_THE_DATE - days * EACH_DAY_AHEAD)


LEAST: Final = 1.0
AT_THE_DATE: Final = 4.0
MOST: Final = 10.0
EACH_DAY_AHEAD: Final = 0.6


def score_of(  # noqa: PLR0913 - what is known of a stake
    kind: ColumnElement[str], due_at: ColumnElement[datetime], urgency: ColumnElement[str],
    born: ColumnElement[int | None], people: ColumnElement[int | None], *, now: datetime,
) -> ColumnElement[float]:  # fmt: skip
    """The score of `rank`, for the database to order by. `born` and `people` are what the reader may know."""
    urgent = case((kind == DANGER, 0.0), else_=case(URGENT, value=urgency, else_=0.0))
    old = case((born <= now.year - OLD_FROM, OLD), else_=0.0)
    alone = case((people == 1, ALONE), else_=0.0)
    breach = case(BREACH, value=kind, else_=USUAL)
    left = days_between(literal(now, due_at.type), due_at)
    pressure = case(
        (due_at <= now - timedelta(days=MOST - AT_THE_DATE), MOST),
        (due_at <= now, AT_THE_DATE - left),
        (due_at >= now + timedelta(days=(AT_THE_DATE - LEAST) / EACH_DAY_AHEAD), LEAST),
        else_=AT_THE_DATE - left * EACH_DAY_AHEAD,
    )
    return breach * (1.0 + urgent + old + alone) * pressure
