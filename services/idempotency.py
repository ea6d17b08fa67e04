"""One request, one act: the first answer to an idempotency key is kept with the act and replayed, never done twice."""

from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import delete, text

from models.programmes import IdempotentAnswer
from models.refusals import CaseworkError
from services.foundation.database import UnitOfWork
from services.foundation.errors import Conflict
from services.foundation.tokens import Secrets

KEPT: Final = timedelta(days=7)
"""How long an answer can be replayed. Source: three days at least, so that a week-end does not lose it."""


class KeyReused(CaseworkError):
    """The key came back with another request: the caller's fault, so nothing is done."""

    status_code = 422
    code = "key-reused"

    def __init__(self) -> None:
        """The same sentence for every difference."""
        super().__init__("Cette clé d’idempotence a déjà servi pour une autre demande : prenez-en une nouvelle.")


class KeyInUse(Conflict):
    """The same key is being answered at this moment by another request."""

    code = "key-in-use"

    def __init__(self) -> None:
        """Asking again a little later gives the first answer."""
        super().__init__("La même demande est en cours de traitement : recommencez dans un instant.")


def request_hash(secrets: Secrets, *parts: str) -> str:
    """What is kept of a request to know it again. Keyed, so that a phone number cannot be guessed from it."""
    return secrets.sign("idempotency", "\0".join(parts))


def find(unit: UnitOfWork, actor: str, route: str, key: str, request_hash: str) -> IdempotentAnswer | None:
    """The first answer to this key, if any; needs a unit that writes. `actor` is its label.

    Raises `KeyReused` when it answered another request, `KeyInUse` while another transaction is answering it
    (PostgreSQL; on SQLite writers already take turns).
    """
    _hold(unit, f"{actor}\0{route}\0{key}")
    answer = unit.session.get(IdempotentAnswer, (actor, route, key))
    if answer is not None and answer.request_hash != request_hash:
        raise KeyReused
    return answer


def remember(  # noqa: PLR0913 - a key of three parts and an answer of two
    unit: UnitOfWork, actor: str, route: str, key: str, request_hash: str, *, status: int, body: dict[str, Any]
) -> None:
    """Keep the answer in the transaction of its act: both are there after a crash, or neither.

    `body` holds ids and codes only: it outlives an erasure by a few days.
    """
    unit.session.add(
        IdempotentAnswer(
            actor=actor,
            route=route,
            key=key,
            request_hash=request_hash,
            status=status,
            body=body,
            created_at=unit.now,
        )
    )
    unit.session.flush()


def forget_old(unit: UnitOfWork) -> None:
    """Drop the answers that nobody will ask for again."""
    unit.session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.created_at < unit.now - KEPT))


def _hold(unit: UnitOfWork, name: str) -> None:
    if unit.dialect != "postgresql":
        return
    number = int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
    free = unit.session.scalar(text("select pg_try_advisory_xact_lock(:number)"), {"number": number})
    if not free:
        raise KeyInUse
