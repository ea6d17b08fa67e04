"""Keys of the API: made for one membership and one scope, until a day; shown once, kept as a hash, revoked at once."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select

from models.programmes import ApiKey, Membership, Person
from models.vocabulary import KeyScope, Role
from services.forms import KeyForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, NotFound
from services.foundation.tokens import new_token, token_hash
from services.rules.policy import Actor, Right, note_access

SCOPES: Final[dict[KeyScope, frozenset[Right] | None]] = {
    KeyScope.ALL: None,
    KeyScope.READ: frozenset({Right.READ}),
    KeyScope.ALERTS: frozenset({Right.TRIAGE}),  # without reading, nothing but new requests can be sent
}
SEEN_EVERY: Final = timedelta(hours=1)


def create(  # noqa: PLR0913 - a key is these facts
    unit: UnitOfWork, actor: Actor, membership_id: UUID, label: str, *, scope: KeyScope = KeyScope.ALL,
    days: int | None = None,
) -> str:  # fmt: skip
    """Make a key that acts as this membership; the token is returned once and never again.

    A person makes keys for an own membership only, so no key ever does more than whoever made it; the installation's
    command line (the engine) makes them for anybody.
    """
    membership = unit.session.get(Membership, membership_id)
    if membership is None or membership.ended_at is not None:
        raise NotFound
    if not _is_own(actor, membership) or actor.only is not None:
        raise Denied("Une clé ne peut être créée que pour votre propre compte.")
    token = new_token()
    unit.session.add(
        ApiKey(
            token_hash=token_hash(token),
            label=label,
            membership_id=membership.id,
            scope=scope.value,
            created_at=unit.now,
            expires_at=unit.now + timedelta(days=days) if days else None,
        )
    )
    note_access(unit, actor, "api_key.created", case_id=None)
    return token


def make_own(unit: UnitOfWork, actor: Actor, form: KeyForm) -> str:
    """A key that acts as the actor does now: same programme, same role. The token is returned once."""
    acting = select(Membership).where(
        Membership.person_id == actor.id,
        Membership.programme_id == actor.programme_id,
        Membership.role == actor.role,
        Membership.organisation_id == actor.organisation_id
        if actor.organisation_id
        else Membership.organisation_id.is_(None),
        Membership.ended_at.is_(None),
    )
    membership = unit.session.scalars(acting).first()
    if membership is None:
        raise NotFound
    return create(unit, actor, membership.id, form.label, scope=form.scope, days=int(form.days))


def revoke(unit: UnitOfWork, actor: Actor, key_hash: str) -> None:
    """End a key at once; its owner, an administrator of the programme or the command line may."""
    key = unit.session.get(ApiKey, key_hash)
    membership = unit.session.get(Membership, key.membership_id) if key else None
    if key is None or membership is None:
        raise NotFound
    governs = actor.role is Role.ADMINISTRATOR and actor.programme_id == membership.programme_id
    if not governs and not _is_own(actor, membership):
        raise NotFound
    key.revoked_at = key.revoked_at or unit.now
    note_access(unit, actor, "api_key.revoked", case_id=None)


def keys_of(unit: UnitOfWork, programme_id: UUID) -> list[ApiKey]:
    """Every key of a programme, newest first, the revoked ones included."""
    return list(
        unit.session.scalars(
            select(ApiKey)
            .join(Membership, Membership.id == ApiKey.membership_id)
            .where(Membership.programme_id == programme_id)
            .order_by(ApiKey.created_at.desc())
        )
    )


def revoke_by_id(unit: UnitOfWork, actor: Actor, key_id: UUID) -> None:
    """As `revoke`, for a page that names a key without its hash."""
    key = unit.session.scalars(select(ApiKey).where(ApiKey.id == key_id)).first()
    if key is None:
        raise NotFound
    revoke(unit, actor, key.token_hash)


def made_by(unit: UnitOfWork, actor: Actor) -> list[ApiKey]:
    """One's own keys, newest first, the revoked ones included."""
    mine = select(ApiKey).join(Membership, Membership.id == ApiKey.membership_id)
    return list(unit.session.scalars(mine.where(Membership.person_id == actor.id).order_by(ApiKey.created_at.desc())))


def is_stale(unit: UnitOfWork, token: str) -> bool:
    """Whether it is time to write that this key was used."""
    key = unit.session.get(ApiKey, token_hash(token))
    return key is not None and (key.used_at is None or key.used_at + SEEN_EVERY <= unit.now)


def touch(unit: UnitOfWork, token: str) -> None:
    """This key was used just now."""
    key = unit.session.get(ApiKey, token_hash(token))
    if key is not None:
        key.used_at = unit.now


def scope_of(unit: UnitOfWork, token: str) -> frozenset[Right] | None:
    """All that a key may do; None when that is all that its owner may."""
    return SCOPES[KeyScope(unit.session.get_one(ApiKey, token_hash(token)).scope)]


def membership_of(unit: UnitOfWork, token: str, *, held: bool = False) -> Membership | None:
    """The membership that a key acts as; None once the key, the membership or the account ended.

    `held`: whoever ends one of them waits until this transaction is over.
    """
    living = (
        select(Membership)
        .join(ApiKey, ApiKey.membership_id == Membership.id)
        .join(Person, Person.id == Membership.person_id)
        .where(
            ApiKey.token_hash == token_hash(token),
            ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > unit.now),
            Membership.ended_at.is_(None),
            Person.disabled_at.is_(None),
        )
    )
    if held:
        living = living.with_for_update(read=True, of=(ApiKey, Membership, Person))
    return unit.session.scalars(living).first()


def _is_own(actor: Actor, membership: Membership) -> bool:
    return actor.kind == "engine" or (actor.kind == "person" and actor.id == membership.person_id)
