"""What the household agreed to and stands by: looked up, and written down with the act that needs it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models.cases import Case, Permission
from models.events import PermissionGiven
from models.vocabulary import AgreementMode, PermissionKind
from services.foundation.calendar import months_later
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.rules import casework
from services.rules.casework import Hand
from services.rules.published import today_of

_TEXT: Final = "accord-2026-11"
_TEXTS: Final = {
    PermissionKind.SHARE_WITH_PARTNER: "partage-2026-11",
    PermissionKind.REPORT_TO_ALERT_GIVER: "rapport-2026-11",
    PermissionKind.REPORT_TO_REFERENT: "rapport-2026-11",
    PermissionKind.REPORT_TO_PARTNER: "rapport-2026-11",
    PermissionKind.REPORT_TO_COMMITTEE: "rapport-2026-11",
}
HEALTH_AGREED: Final = "health_agreed"
"""The field of every form that asks about health."""
HEALTH_WORDS: Final = "Le ménage est d’accord pour que ce qu’il dit de sa santé soit noté"
WITHOUT_HEALTH: Final = (
    "Rien de la santé ne se note sans l’accord du ménage : dites qu’il le donne, ou laissez ces réponses vides."
)


OLDEST_MONTHS: Final = 24
"""Source: domain 2.9 — data are archived twenty-four months after the last contact: an agreement older than that is a
slip of the keyboard, or holds no more."""


def wrong_day(given_on: date | None, today: date) -> str | None:
    """What is wrong with the day of an agreement, in one sentence; None when it can be so."""
    if given_on is not None and given_on > today:
        return "Un accord à venir ne se note pas : aujourd’hui au plus tard."
    if given_on is not None and months_later(given_on, OLDEST_MONTHS) < today:
        return "Un accord de plus de deux ans ne vaut plus : vérifiez l’année, ou demandez-le à nouveau."
    return None


def text_of(kind: PermissionKind) -> str:
    """The version of the text that the household agrees to."""
    return _TEXTS.get(kind, _TEXT)


def standing(
    unit: UnitOfWork, case: Case, kind: PermissionKind, organisation_id: UUID | None = None
) -> Sequence[Permission]:
    """What the household agreed to and did not take back; each request to a partner notes its agreement anew."""
    query = select(Permission).where(
        Permission.case_id == case.id,
        Permission.kind == kind,
        Permission.organisation_id == organisation_id if organisation_id else Permission.organisation_id.is_(None),
        Permission.revoked_at.is_(None),
    )
    return unit.session.scalars(query.order_by(Permission.id)).all()


def note(  # noqa: PLR0913 - an agreement is these facts
    unit: UnitOfWork, hand: Hand, case: Case, kind: PermissionKind, *, organisation_id: UUID | None = None,
    mode: AgreementMode = AgreementMode.ORAL, given_on: date | None = None,
) -> Permission:  # fmt: skip
    """Write one down on a case that is locked; one that stands already is not written twice."""
    known = standing(unit, case, kind, organisation_id)
    if known:
        return known[0]
    permission = written(
        unit, case, kind, organisation_id=organisation_id, mode=mode, by=hand.actor.name, given_on=given_on
    )
    fact = PermissionGiven(permission_id=permission.id, kind=kind, organisation_id=organisation_id)
    casework.record(unit, case, fact, hand=replace(hand, key=None))
    return permission


def written(  # noqa: PLR0913 - an agreement is these facts
    unit: UnitOfWork, case: Case, kind: PermissionKind, *, by: str, organisation_id: UUID | None = None,
    mode: AgreementMode = AgreementMode.ORAL, given_on: date | None = None,
) -> Permission:  # fmt: skip
    """The same, each time anew, for an act that is refused without it: an alert, a request to a partner. Their own
    event tells it."""
    permission = Permission(
        case_id=case.id,
        kind=kind.value,
        organisation_id=organisation_id,
        mode=mode.value,
        collected_by=by,
        given_on=given_on or today_of(unit, case.programme_id),
        text_version=text_of(kind),
    )
    unit.session.add(permission)
    return permission


def need_health(unit: UnitOfWork, hand: Hand, case: Case, *, agreed: bool) -> None:
    """Before anything of health is written. Raises `InvalidInput` where no agreement stands and none is given now.

    Source: domain 6.2 — health is a compartment of its own, with an explicit permission.
    """
    if agreed:
        note(unit, hand, case, PermissionKind.HEALTH)
    elif not standing(unit, case, PermissionKind.HEALTH):
        raise InvalidInput(HEALTH_AGREED, WITHOUT_HEALTH)
