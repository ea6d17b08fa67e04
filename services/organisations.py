"""The programme's organisations: who they are, how they are reached, and the secret address of each alert giver."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from models.programmes import Organisation
from models.vocabulary import OrganisationKind
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, note_access, require

RENEWED = "alert_link.renewed"


def directory(unit: UnitOfWork, actor: Actor) -> dict[OrganisationKind, Sequence[Organisation]]:
    """Every organisation of the actor's programme, by kind, then by name."""
    require(actor, Right.ORGANISATIONS)
    query = select(Organisation).where(Organisation.programme_id == actor.programme_id)
    found = unit.session.scalars(query.order_by(Organisation.name, Organisation.id)).all()
    return {kind: [each for each in found if each.kind == kind] for kind in OrganisationKind}


def alert_giver(unit: UnitOfWork, actor: Actor, organisation_id: UUID) -> Organisation:
    """An alert giver's service of the actor's programme, locked. Raises `NotFound`."""
    require(actor, Right.ORGANISATIONS)
    query = select(Organisation).where(
        Organisation.id == organisation_id,
        Organisation.programme_id == actor.programme_id,
        Organisation.kind == OrganisationKind.ALERT_GIVER,
    )
    found = unit.session.scalars(query.with_for_update(of=Organisation)).first()
    if found is None:
        raise NotFound
    return found


def renew_link(unit: UnitOfWork, hand: Hand, organisation_id: UUID) -> Organisation:
    """Give an alert giver's service a new secret address; the old one opens nothing from now on."""
    organisation = alert_giver(unit, hand.actor, organisation_id)
    organisation.alert_link_version += 1
    note_access(unit, hand.actor, RENEWED, case_id=None)
    return organisation
