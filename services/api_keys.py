"""Keys of the API: made for one membership, shown once, kept as a hash, revoked at once."""

from uuid import UUID

from sqlalchemy import select

from models.programmes import ApiKey, Membership
from models.vocabulary import Role
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, NotFound
from services.foundation.tokens import new_token, token_hash
from services.rules.policy import Actor, note_access


def create(unit: UnitOfWork, actor: Actor, membership_id: UUID, label: str) -> str:
    """Make a key that acts as this membership; the token is returned once and never again.

    A person makes keys for an own membership only, so no key ever does more than whoever made it; the installation's
    command line (the engine) makes them for anybody.
    """
    membership = unit.session.get(Membership, membership_id)
    if membership is None or membership.ended_at is not None:
        raise NotFound
    if not _is_own(actor, membership):
        raise Denied("Une clé ne peut être créée que pour votre propre compte.")
    token = new_token()
    unit.session.add(
        ApiKey(token_hash=token_hash(token), label=label, membership_id=membership.id, created_at=unit.now)
    )
    note_access(unit, actor, "api_key.created", case_id=None)
    return token


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


def membership_of(unit: UnitOfWork, token: str) -> Membership | None:
    """The membership that a key acts as; None once the key, the membership or the account ended."""
    key = unit.session.get(ApiKey, token_hash(token))
    if key is None or key.revoked_at is not None:
        return None
    membership = unit.session.get_one(Membership, key.membership_id)
    over = membership.ended_at is not None or membership.person.disabled_at is not None
    return None if over else membership


def _is_own(actor: Actor, membership: Membership) -> bool:
    return actor.kind == "engine" or (actor.kind == "person" and actor.id == membership.person_id)
