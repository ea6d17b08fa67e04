"""The programme's organisations: who they are, how they are reached, under which contract; until when they work with
it; and the secret address of each alert giver.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import EmailStr, Field
from sqlalchemy import func, select

from models.cases import Case, Referral
from models.lifecycles import UNANSWERED, UNDER_WAY
from models.programmes import Membership, Organisation, Programme
from models.vocabulary import Contract, OrganisationKind, Stage
from services.accounts import sessions
from services.cases import addresses
from services.forms import Form, Line, PhoneNumber, RequiredLine
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput, InvalidInputs, NotFound
from services.programme import programmes
from services.rules.casework import Hand
from services.rules.finding import by_name, plain, search_key
from services.rules.policy import Actor, Right, forget_contracts, note_access, require, visible
from services.rules.published import today_of
from services.rules.texts.labels import label

ADDED: Final = "organisation.added"
CHANGED: Final = "organisation.changed"
CONTRACT_CHANGED: Final = "organisation.contract_changed"
ENDED: Final = "organisation.ended"
TAKEN_UP: Final = "organisation.taken_up"
RENEWED: Final = "alert_link.renewed"
REVOKED: Final = "alert_link.revoked"
ON_SCREEN: Final = (OrganisationKind.ALERT_GIVER, OrganisationKind.OPERATOR, OrganisationKind.PARTNER)
"""Those that come and go; the carrier is the programme itself."""
LONGEST_SLUG: Final = 40


class OrganisationDetails(Form):
    """How an organisation is called and reached."""

    name: RequiredLine = Field(description="Nom")
    contact: Line = Field("", description="Interlocuteur, nom et fonction")
    email: EmailStr | None = Field(None, description="Adresse électronique")
    phone: PhoneNumber | None = Field(None, description="Téléphone")
    contract: Contract | None = Field(None, description="Ce qui lie un opérateur au dispositif ; vide : inchangé")


class NewOrganisation(OrganisationDetails):
    """Somebody new works with the programme."""

    kind: OrganisationKind = Field(description="Donneur d’alerte, opérateur ou partenaire")


@dataclass(frozen=True)
class Hanging:
    """What still hangs on an organisation: open cases, requests under way, people who sign in, a live secret link."""

    cases: int
    requests: int
    people: int
    has_link: bool


def directory(unit: UnitOfWork, actor: Actor) -> dict[OrganisationKind, Sequence[Organisation]]:
    """Every organisation of the actor's programme, by kind, then by name; those that ended are last."""
    require(actor, Right.ORGANISATIONS)
    query = select(Organisation).where(Organisation.programme_id == actor.programme_id)
    found = sorted(unit.session.scalars(query), key=lambda each: (each.ended_on is not None, by_name(each), each.id))
    return {kind: [each for each in found if each.kind == kind] for kind in OrganisationKind}


def one(unit: UnitOfWork, actor: Actor, organisation_id: UUID) -> Organisation:
    """An organisation of the actor's programme that comes and goes, locked. Raises `NotFound`."""
    require(actor, Right.ORGANISATIONS)
    query = select(Organisation).where(
        Organisation.id == organisation_id,
        Organisation.programme_id == actor.programme_id,
        Organisation.kind.in_(ON_SCREEN),
    )
    found = unit.session.scalars(query.with_for_update(of=Organisation)).first()
    if found is None:
        raise NotFound
    return found


def alert_giver(unit: UnitOfWork, actor: Actor, organisation_id: UUID) -> Organisation:
    """An alert giver's service of the actor's programme, locked. Raises `NotFound`."""
    found = one(unit, actor, organisation_id)
    if found.kind != OrganisationKind.ALERT_GIVER:
        raise NotFound
    return found


# --- Coming, changing ------------------------------------------------------------------------------------------------


def add(unit: UnitOfWork, hand: Hand, form: NewOrganisation) -> Organisation:
    """Somebody new works with the programme; its services and people are added where they are kept."""
    require(hand.actor, Right.ORGANISATIONS)
    if form.kind not in ON_SCREEN:
        raise InvalidInput("kind", "Choisissez donneur d’alerte, opérateur ou partenaire.")
    programme = unit.session.get_one(Programme, hand.actor.programme_id, with_for_update=True)
    _refuse_namesake(unit, programme.id, form.kind, form.name)
    made = programmes.add_organisation(
        unit,
        programme,
        programmes.OrganisationForm(slug=_free_slug(unit, programme.id, form.name), **form.model_dump()),
    )
    _note(unit, hand, ADDED, made)
    return made


def _refuse_namesake(
    unit: UnitOfWork, programme_id: UUID, kind: OrganisationKind, name: str, *, but: UUID | None = None
) -> None:
    if wrong := namesake(unit, programme_id, kind, name, but=but):
        raise InvalidInputs(wrong)


def namesake(
    unit: UnitOfWork, programme_id: UUID | None, kind: OrganisationKind, name: str, *, but: UUID | None = None
) -> dict[str, str]:
    """A sentence beside the name that another organisation of this kind bears."""
    same = select(Organisation).where(Organisation.programme_id == programme_id, Organisation.kind == kind)
    wanted = search_key(name)
    taken = any(search_key(each.name) == wanted and each.id != but for each in unit.session.scalars(same))
    return {"name": "Une organisation de cette nature porte déjà ce nom."} if taken else {}


def _free_slug(unit: UnitOfWork, programme_id: UUID, name: str) -> str:
    """An identifier that files and stories may use, told apart by a number when it is taken."""
    known = set(unit.session.scalars(select(Organisation.slug).where(Organisation.programme_id == programme_id)))
    words = "-".join(plain(name))
    start = f"o-{words}" if not words[:1].isalpha() else words
    first = start[: LONGEST_SLUG - 4].strip("-")
    numbered = (f"{first}-{number}" for number in range(2, len(known) + 3))
    return first if len(first) > 1 and first not in known else next(slug for slug in numbered if slug not in known)


def change(unit: UnitOfWork, hand: Hand, organisation_id: UUID, form: OrganisationDetails) -> Organisation:
    """Write how an organisation is called and reached; a partner's requests that wait for his address leave again.

    Another contract changes at once who knows whom an operator visits: it is written down apart.
    """
    organisation = one(unit, hand.actor, organisation_id)
    kind = OrganisationKind(organisation.kind)
    _refuse_namesake(unit, organisation.programme_id, kind, form.name, but=organisation.id)
    organisation.name, organisation.contact, organisation.phone = form.name, form.contact, form.phone
    if kind is OrganisationKind.PARTNER:
        addresses.move(unit, hand, organisation, form.email)
    else:
        organisation.email = form.email
    if kind is OrganisationKind.OPERATOR and form.contract is not None and form.contract != organisation.contract:
        before = label("contract", organisation.contract) if organisation.contract else "?"
        organisation.contract = form.contract.value
        forget_contracts(unit, organisation.programme_id)
        _note(unit, hand, CONTRACT_CHANGED, organisation, f" : {before} → {label('contract', form.contract)}")
    _note(unit, hand, CHANGED, organisation)
    return organisation


def _note(unit: UnitOfWork, hand: Hand, action: str, organisation: Organisation, more: str = "") -> None:
    note_access(unit, hand.actor, action, case_id=None, reason=f"{organisation.name}{more}")


# --- Ending, taking up again -----------------------------------------------------------------------------------------


def hanging(unit: UnitOfWork, organisation: Organisation) -> Hanging:
    """What is to be known before an organisation ends."""
    session = unit.session
    cases = select(func.count()).where(Case.operator_id == organisation.id, Case.stage != Stage.CLOSED)
    requests = select(func.count()).where(
        Referral.partner_id == organisation.id, Referral.state.in_(UNANSWERED | UNDER_WAY)
    )
    return Hanging(
        cases=session.scalar(cases) or 0,
        requests=session.scalar(requests) or 0,
        people=len(_memberships(unit, organisation)),
        has_link=organisation.kind == OrganisationKind.ALERT_GIVER and organisation.alert_link_revoked_at is None,
    )


def end(unit: UnitOfWork, hand: Hand, organisation_id: UUID) -> Organisation:
    """It works with the programme no more: offered nowhere, its link and its people's accounts open nothing here.

    What was done stays. A partner's requests under way go on. Raises `GuardRefused` while an operator has open cases:
    each has somebody in charge.
    """
    organisation = one(unit, hand.actor, organisation_id)
    if organisation.ended_on is not None:
        raise GuardRefused("Cette organisation ne travaille déjà plus avec le dispositif.")
    left = hanging(unit, organisation).cases
    if left:
        waiting = "Une situation ouverte est" if left == 1 else f"{left} situations ouvertes sont"
        raise GuardRefused(f"{waiting} chez cet opérateur : confiez-les d’abord à un autre.")
    organisation.ended_on = today_of(unit, organisation.programme_id)
    if organisation.kind == OrganisationKind.ALERT_GIVER:
        _close_link(unit, organisation)
    for membership in _memberships(unit, organisation):
        membership.ended_at = unit.now
        sessions.end_all(unit, membership.person_id)
    _note(unit, hand, ENDED, organisation)
    return organisation


def take_up(unit: UnitOfWork, hand: Hand, organisation_id: UUID) -> Organisation:
    """It works with the programme again. Neither its link nor its people's accounts come back by themselves."""
    organisation = one(unit, hand.actor, organisation_id)
    if organisation.ended_on is None:
        raise GuardRefused("Cette organisation travaille déjà avec le dispositif.")
    organisation.ended_on = None
    _note(unit, hand, TAKEN_UP, organisation)
    return organisation


def open_cases(unit: UnitOfWork, actor: Actor, operator_id: UUID) -> Sequence[Case]:
    """The open cases of an operator, the oldest first: to be handed to another before his contract ends."""
    operator = one(unit, actor, operator_id)
    if operator.kind != OrganisationKind.OPERATOR:
        raise NotFound
    query = visible(actor).where(Case.operator_id == operator.id, Case.stage != Stage.CLOSED)
    found: Sequence[Case] = unit.session.scalars(query.order_by(Case.opened_at, Case.id)).all()
    return found


def _memberships(unit: UnitOfWork, organisation: Organisation) -> Sequence[Membership]:
    query = select(Membership).where(Membership.organisation_id == organisation.id, Membership.ended_at.is_(None))
    return unit.session.scalars(query.order_by(Membership.id)).all()


# --- The secret link of an alert giver -------------------------------------------------------------------------------


def renew_link(unit: UnitOfWork, hand: Hand, organisation_id: UUID) -> Organisation:
    """Give an alert giver's service a new secret address; the old one opens nothing from now on."""
    organisation = alert_giver(unit, hand.actor, organisation_id)
    if organisation.ended_on is not None:
        raise GuardRefused("Ce service ne travaille plus avec le dispositif : reprenez-le d’abord.")
    organisation.alert_link_version += 1
    organisation.alert_link_revoked_at = None
    _note(unit, hand, RENEWED, organisation)
    return organisation


def revoke_link(unit: UnitOfWork, hand: Hand, organisation_id: UUID) -> Organisation:
    """The service has no secret address any more, until it is given a new one."""
    organisation = alert_giver(unit, hand.actor, organisation_id)
    if organisation.alert_link_revoked_at is not None:
        raise GuardRefused("Ce service n’a déjà plus de lien.")
    _close_link(unit, organisation)
    _note(unit, hand, REVOKED, organisation)
    return organisation


def _close_link(unit: UnitOfWork, organisation: Organisation) -> None:
    organisation.alert_link_version += 1
    organisation.alert_link_revoked_at = organisation.alert_link_revoked_at or unit.now
