"""Where the stories of the machine begin: the path is long, and a few dozen acts begin anywhere on it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from models.cases import Case
from models.vocabulary import Energy, HoldReason, SuspensionReason, Theme, VisitState
from services.cases import closing, loans, merging, partner_work, referrals, supply_cuts, suspension, visits
from services.cases.supply_cuts import CutForm
from services.forms import Hold, LoanForm, LostVisit, Merge, Suspension
from tests.services.rules.situations import ADA, BO, BY_PHONE, OTHER_PARTNER, Office, referral_form

Start = Callable[[Office], Any]


def absent_once(office: Office) -> None:
    """Nobody opened the door."""
    case_id, starts_at = office.qualified(), office.clock.at + timedelta(days=2)
    office.plan(case_id, starts_at)
    office.run_to(starts_at)
    office.do(visits.lose_visit, BO, case_id, LostVisit(state=VisitState.HOUSEHOLD_ABSENT))


def planned_anew(office: Office) -> None:
    """Nobody opened the door, and there is another date."""
    absent_once(office)
    office.plan(only_case(office), office.clock.at + timedelta(days=2))


def two_alike(office: Office) -> None:
    """Two requests of the same day."""
    office.triaged()
    office.triaged(surname="Martine")


def planned(office: Office) -> None:
    """There is a date."""
    office.plan(office.qualified(), office.clock.at + timedelta(days=2))


def only_case(office: Office) -> UUID:
    """The case there is."""
    with office.database.read() as unit:
        return unit.session.scalars(select(Case.id)).one()


def called_twice(office: Office) -> None:
    """One more call and there is nothing to do but to wait."""
    case_id = office.accepted()
    for _ in range(2):
        office.call(case_id, "no_answer")


def referred_twice(office: Office) -> None:
    """Two partners are asked for two things."""
    case_id, _ = office.referred()
    office.refer(case_id, OTHER_PARTNER, theme=Theme.FSL)


def reminded(office: Office) -> None:
    """A partner was reminded once."""
    office.referred()
    office.run_to(office.clock.at + timedelta(days=7))


def declined(office: Office) -> None:
    """A partner said no."""
    _, referral_id = office.referred()
    office.answer(referral_id, "decline")


def closed(office: Office) -> None:
    """A partner helped, and the case was closed."""
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")
    office.close(case_id)


def tried(office: Office) -> None:
    """Three calls on three days gave nothing."""
    case_id = office.accepted()
    for hour in (9, 17, 11):
        office.clock.at = (office.clock.at + timedelta(days=1)).replace(hour=hour)
        office.call(case_id, "no_answer")


def refused(office: Office) -> None:
    """The household did not want it."""
    office.call(office.accepted(), "refused")


def called_again(office: Office) -> None:
    """The household did not want it, then called: a cut is still ahead."""
    case_id, day = office.accepted(), office.clock.at.date() + timedelta(days=30)
    office.do(supply_cuts.announce, BO, case_id, CutForm(energy=Energy.ELECTRICITY, cut_on=day))
    office.call(case_id, "refused")
    office.do(closing.reopen_case, ADA, case_id)


def suspended(office: Office) -> None:
    """The household is away, with a cut ahead and a device lent."""
    case_id, until = office.qualified(), office.clock.at.date() + timedelta(days=20)
    office.do(supply_cuts.announce, BO, case_id, CutForm(energy=Energy.GAS, cut_on=until))
    office.do(loans.lend, BO, case_id, LoanForm(item="Wattmètre", due_on=until))
    office.do(suspension.suspend, BO, case_id, Suspension(reason=SuspensionReason.OTHER, until=until))


def prepared(office: Office) -> None:
    """A request waits to be sent."""
    office.do(referrals.prepare, BO, office.reported(), referral_form())


def held(office: Office) -> None:
    """A partner's help waits for the household."""
    _, referral_id = office.followed()
    until = office.clock.at.date() + timedelta(days=10)
    form = Hold(reason=HoldReason.HOUSEHOLD, until=until, on_behalf=BY_PHONE)
    office.do(partner_work.hold, ADA, referral_id, form)


def helped(office: Office) -> None:
    """A partner says that he helped."""
    _, referral_id = office.followed()
    office.answer(referral_id, "complete")


def returned(office: Office) -> None:
    """A partner's mailbox refused the request."""
    office.refer(office.reported())
    office.drain()
    office.bounce("referral_request")


def doubtful(office: Office) -> None:
    """Nobody can tell whether a partner has the request."""
    office.refer(office.reported())
    office.drain()
    office.bounce("referral_request", unknown=True)


def expired(office: Office) -> None:
    """A partner never answered."""
    office.referred()
    office.run_to(office.clock.at + timedelta(days=25))


def merged(office: Office) -> None:
    """A double was merged into the case that goes on."""
    kept = office.accepted()
    double = office.triaged(surname="Durand", phone="06 39 98 55 66")
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))


STARTS: Final[list[Start]] = [
    Office.submit,
    Office.triaged,
    Office.accepted,
    called_twice,
    Office.qualified,
    two_alike,
    planned,
    absent_once,
    planned_anew,
    Office.visited,
    Office.reported,
    Office.referred,
    referred_twice,
    reminded,
    declined,
    Office.followed,
    closed,
    tried,
    refused,
    called_again,
    suspended,
    prepared,
    held,
    helped,
    returned,
    doubtful,
    expired,
    merged,
]
