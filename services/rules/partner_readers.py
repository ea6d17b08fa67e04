"""Who of a partner reads a mail about one of his requests: whoever follows it, or away that day his delegate.

Nobody there is never nobody: a chain of absences that leads nowhere ends at the address where it began.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select

from models.cases import PartnerCharge
from models.programmes import PartnerAbsence, PartnerColleague
from services.foundation.database import UnitOfWork
from services.foundation.lists import among


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
    addresses = {row.id: row.email for row in unit.rows(_COLLEAGUES, partners=partner_ids)}
    gone: dict[UUID, list[Gone]] = {}
    for row in unit.rows(_AWAY, partners=partner_ids):
        gone.setdefault(row.organisation_id, []).append(Gone(*row[1:]))
    if not addresses:
        return Readers(gone=gone)
    charged = unit.rows(_CHARGES, referrals=list(referral_ids))
    return Readers(addresses, {row.referral_id: row.colleague_id for row in charged}, gone)


_COLLEAGUES: Final = select(PartnerColleague.id, PartnerColleague.email).where(
    among(PartnerColleague.organisation_id, "partners"), PartnerColleague.ended_on.is_(None)
)
_AWAY: Final = (
    select(
        PartnerAbsence.organisation_id,
        PartnerAbsence.colleague_id,
        PartnerAbsence.first_on,
        PartnerAbsence.last_on,
        PartnerAbsence.delegate_id,
    )
    .where(among(PartnerAbsence.organisation_id, "partners"))
    .order_by(PartnerAbsence.first_on, PartnerAbsence.id)
)
_CHARGES: Final = select(PartnerCharge.referral_id, PartnerCharge.colleague_id).where(
    among(PartnerCharge.referral_id, "referrals")
)
