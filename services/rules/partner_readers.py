"""Who of a partner reads a mail about one of his requests: whoever follows it, or away that day his delegate.

Nobody there is never nobody: a chain of absences that leads nowhere ends at the address where it began.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from models.cases import PartnerCharge
from models.programmes import PartnerAbsence, PartnerColleague
from services.foundation.database import UnitOfWork


class Gone(NamedTuple):
    """Days on which nobody reads at an address; None is the partner's own one."""

    who: UUID | None
    first_on: date
    last_on: date
    delegate: UUID | None


@dataclass(frozen=True)
class Readers:
    """The people of some partners, as of one transaction. Pure."""

    addresses: Mapping[UUID, str] = field(default_factory=dict)  # of colleagues who are still there
    in_charge: Mapping[UUID, UUID] = field(default_factory=dict)  # referral: colleague
    gone: Mapping[UUID, Sequence[Gone]] = field(default_factory=dict)  # by partner

    def address(self, partner_id: UUID, own: str, *, referral_id: UUID | None, day: date) -> str:
        """Where a mail for a partner goes that day; `own` is his one address."""
        first = self.in_charge.get(referral_id) if referral_id else None
        first = first if first in self.addresses else None
        at, seen = first, {first}
        while (away := self._away(partner_id, at, day)) is not None:
            at = away.delegate if away.delegate in self.addresses else None
            if at in seen:  # round and round: whoever follows it reads it once he is back
                at = first
                break
            seen.add(at)
        return own if at is None else self.addresses[at]

    def _away(self, partner_id: UUID, who: UUID | None, day: date) -> Gone | None:
        found = (each for each in self.gone.get(partner_id, ()) if each.who == who)
        return next((each for each in found if each.first_on <= day <= each.last_on), None)


def readers(unit: UnitOfWork, partner_ids: Collection[UUID], referral_ids: Iterable[UUID]) -> Readers:
    """Read the people of these partners, with three queries."""
    if not partner_ids:
        return Readers()
    session = unit.session
    living = select(PartnerColleague.id, PartnerColleague.email).where(
        PartnerColleague.organisation_id.in_(partner_ids), PartnerColleague.ended_on.is_(None)
    )
    addresses = {row.id: row.email for row in session.execute(living)}
    away = select(PartnerAbsence).where(PartnerAbsence.organisation_id.in_(partner_ids))
    gone: dict[UUID, list[Gone]] = {}
    for each in session.scalars(away.order_by(PartnerAbsence.first_on, PartnerAbsence.id)):
        told = Gone(each.colleague_id, each.first_on, each.last_on, each.delegate_id)
        gone.setdefault(each.organisation_id, []).append(told)
    if not addresses:
        return Readers(gone=gone)
    charges = select(PartnerCharge.referral_id, PartnerCharge.colleague_id)
    charged = session.execute(charges.where(PartnerCharge.referral_id.in_(list(referral_ids))))
    return Readers(addresses, {row.referral_id: row.colleague_id for row in charged}, gone)
