"""The sheets of the directory that nobody has looked at for long, and the mail that asks their partner to."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import joinedload

from models.programmes import Organisation, Programme, Service
from models.vocabulary import OrganisationKind
from services.foundation.calendar import months_later
from services.foundation.database import UnitOfWork
from services.rules.published import pathway_of, today_of

VERIFY: Final = "verify_sheet"
"""The text of the mail."""


def is_offered(programme_id: UUID | None) -> ColumnElement[bool]:
    """Of a service and its organisation: one of the programme's partners offers it still."""
    return and_(
        Organisation.programme_id == programme_id,
        Organisation.kind == OrganisationKind.PARTNER,
        Organisation.ended_on.is_(None),
        Service.ended_on.is_(None),
    )


def last_verified(unit: UnitOfWork, programme_id: UUID) -> date:
    """What was verified on that day or before has aged, as the programme's pathway of today says."""
    programme = unit.session.get_one(Programme, programme_id)
    return months_later(today_of(unit, programme_id), -pathway_of(unit, programme.pathway_hash).sheet_months)


def aged(unit: UnitOfWork, programme_id: UUID, *, partner_id: UUID | None = None) -> Sequence[Service]:
    """Those that were verified once, too long ago, of every partner or of one. One that nobody ever verified is the
    coordination's: its partner has not seen it yet."""
    query = (
        select(Service)
        .join(Service.organisation)
        .options(joinedload(Service.organisation))
        .where(is_offered(programme_id), Service.verified_on <= last_verified(unit, programme_id))
        .order_by(Service.name, Service.id)
    )
    if partner_id is not None:
        query = query.where(Organisation.id == partner_id)
    return unit.session.scalars(query).all()
