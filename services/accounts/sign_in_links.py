"""Sign-in links: ten minutes, one use, in the browser that asked; for a partner and for the team alike."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import CursorResult, delete, update

from models.cases import Referral
from models.programmes import SignInLink
from models.refusals import CaseworkError
from services.foundation.database import UnitOfWork
from services.foundation.tokens import token_hash

LASTS: Final = timedelta(minutes=10)
KEPT: Final = timedelta(days=90)

FOREIGN: Final = "Ce lien s’ouvre seulement dans le navigateur où il a été demandé."
USED: Final = "Ce lien a déjà servi : il ne s’ouvre qu’une fois."
EXPIRED: Final = "Ce lien ne s’ouvre plus : il durait dix minutes."


class SignInLinkRefused(CaseworkError):
    """A sign-in link that does not open; the sentence says why, and another may be asked for."""

    status_code = 410
    code = "sign-in-link-refused"


def make(
    unit: UnitOfWork, *, browser: str, person_id: UUID | None = None, referral: Referral | None = None
) -> SignInLink:
    """A link for somebody of the team, or for the partner of a referral; `browser` is the asker's mark."""
    unit.session.execute(delete(SignInLink).where(SignInLink.expires_at < unit.now - KEPT))
    link = SignInLink(
        browser_hash=token_hash(browser),
        person_id=person_id,
        organisation_id=referral.partner_id if referral else None,
        referral_id=referral.id if referral else None,
        expires_at=unit.now + LASTS,
    )
    unit.session.add(link)
    unit.session.flush()
    return link


def why_not(unit: UnitOfWork, link: SignInLink, *, browser: str) -> str:
    """Why a link does not open in this browser, in one sentence; empty when it does."""
    if link.used_at is not None:
        return USED
    if link.expires_at <= unit.now:
        return EXPIRED
    return "" if token_hash(browser) == link.browser_hash else FOREIGN


def use_up(unit: UnitOfWork, link: SignInLink, *, browser: str) -> None:
    """Take the one use of a link; of two at once one wins. Raises `SignInLinkRefused`."""
    refusal = why_not(unit, link, browser=browser)
    if refusal:
        raise SignInLinkRefused(refusal)
    used = update(SignInLink).where(SignInLink.id == link.id, SignInLink.used_at.is_(None)).values(used_at=unit.now)
    result = unit.session.execute(used, execution_options={"synchronize_session": False})
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        raise SignInLinkRefused(USED)
