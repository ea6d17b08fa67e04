"""The second proof: a code of a telephone's application, or one of ten codes kept on paper.

The secret of the application comes from the installation's key and a random seed: the database alone gives no code.
Source: RFC 6238; OWASP ASVS 5.0, 6.5 and 6.6.
"""

import hmac
import secrets
from base64 import b32encode
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from pyotp import TOTP
from sqlalchemy import CursorResult, delete, func, select, update

from models.programmes import Person, Programme, RecoveryCode, SignInStep
from models.refusals import CaseworkError
from services.accounts import accounts, sessions
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import SignInRefused
from services.foundation.runtime import Runtime
from services.foundation.tokens import new_token, token_hash
from services.rules import limits
from services.rules.limits import Use
from services.rules.policy import Actor, note_access

ISSUER: Final = "Relais"
PERIOD_S: Final = 30
DRIFT: Final = (-1, 0, 1)
"""Periods by which a telephone's clock may be wrong."""
STEP_LASTS: Final = timedelta(minutes=10)
PAPER_CODES: Final = 10
SIGNS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Thirty-two signs that nobody takes for another when copied by hand: twelve of them are sixty bits."""
GROUPS: Final = 3
OF_SIGNS: Final = 4
CODE: Final = "code"
SET_UP: Final = "set_up"

REFUSED: Final = "second_factor.refused"
CONFIRMED: Final = "second_factor.set_up"
PAPER_USED: Final = "second_factor.paper_code_used"


class CodeRefused(CaseworkError):
    """Not the code of this moment, or one that has already served."""

    status_code = 401
    code = "code-refused"

    def __init__(self) -> None:
        """One sentence: which of the two it was helps nobody but a thief."""
        super().__init__("Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant, puis recommencez.")


# --- Between the first proof and the second -------------------------------------------------------------------------


def wanted(unit: UnitOfWork, person: Person) -> str:
    """What is asked after the first proof: `CODE`, `SET_UP`, or nothing."""
    if person.totp_since is not None:
        return CODE
    return SET_UP if is_required(unit, person) else ""


def is_required(unit: UnitOfWork, person: Person) -> bool:
    """Whether this person's roles ask for it. A demonstration, where nothing is real, does not."""
    guarded = {each.programme_id for each in sessions.memberships_of(unit, person) if each.role in accounts.GUARDED}
    real = select(func.count()).where(Programme.id.in_(guarded), Programme.is_demonstration.is_(False))
    return bool(guarded) and bool(unit.session.scalar(real))


def open_step(unit: UnitOfWork, person_id: UUID, kind: str) -> str:
    """Remember for ten minutes that a browser gave the first proof; the token opens nothing else."""
    unit.session.execute(delete(SignInStep).where(SignInStep.expires_at <= unit.now))
    token = new_token()
    unit.session.add(
        SignInStep(
            token_hash=token_hash(token),
            person_id=person_id,
            kind=kind,
            seed=secrets.token_hex(20),
            expires_at=unit.now + STEP_LASTS,
        )
    )
    return token


def step_of(unit: UnitOfWork, token: str, kind: str) -> tuple[SignInStep, Person]:
    """What a browser is in the middle of. Raises `SignInRefused` once it took too long, or the account was closed."""
    step = unit.session.get(SignInStep, token_hash(token)) if token else None
    person = unit.session.get(Person, step.person_id) if step else None
    if step is None or person is None or step.kind != kind or step.expires_at <= unit.now:
        raise SignInRefused
    if not sessions.memberships_of(unit, person):
        raise SignInRefused
    return step, person


# --- Setting up -----------------------------------------------------------------------------------------------------


def offer(runtime: Runtime, step: SignInStep, person: Person) -> tuple[str, str]:
    """What the telephone is given: the address for a QR code, and the same secret to type."""
    otp = _totp(runtime, person.id, step.seed)
    return otp.provisioning_uri(name=person.email, issuer_name=ISSUER), otp.secret


def confirm(database: Database, runtime: Runtime, token: str, typed: str) -> tuple[UUID, list[str]]:
    """The telephone knows the secret: it counts from now on. Returns the person and ten codes for paper, shown once.

    Every other browser is signed out. Raises `CodeRefused`, `TooMany`, `SignInRefused`.
    """
    with database.read() as unit:
        person_id = step_of(unit, token, SET_UP)[1].id
    accounts.count_try(database, _tries(person_id))
    with database.write("second_factor_set_up") as unit:
        step, person = step_of(unit, token, SET_UP)
        period = _period_of(_totp(runtime, person.id, step.seed), unit, typed, after=0)
        if period is None:
            raise CodeRefused
        person.totp_seed, person.totp_since, person.totp_period = step.seed, unit.now, period
        unit.session.delete(step)
        sessions.end_all(unit, person.id)
        limits.clear(unit, _tries(person.id))
        note_access(unit, Actor("person", person.id), CONFIRMED, case_id=None)
        return person.id, new_paper_codes(unit, runtime, person.id)


def new_paper_codes(unit: UnitOfWork, runtime: Runtime, person_id: UUID) -> list[str]:
    """Ten codes in place of those that are left. Only a keyed hash of each is kept."""
    unit.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    codes = ["-".join(_signs() for _ in range(GROUPS)) for _ in range(PAPER_CODES)]
    unit.session.add_all(RecoveryCode(code_hash=_hash(runtime, person_id, code), person_id=person_id) for code in codes)
    return codes


def paper_codes_left(unit: UnitOfWork, person_id: UUID) -> int:
    """How many codes on paper still serve."""
    left = select(func.count()).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    return unit.session.scalar(left) or 0


# --- Giving the code ------------------------------------------------------------------------------------------------


def check(database: Database, runtime: Runtime, person_id: UUID, typed: str) -> None:
    """Take a code, once. Raises `CodeRefused`, which is written down, or `TooMany`."""
    accounts.count_try(database, _tries(person_id))
    actor = Actor("person", person_id)
    with database.write("second_factor_check") as unit:
        person = unit.session.get_one(Person, person_id)
        by_telephone = _take_period(unit, runtime, person, typed)
        accepted = by_telephone or _take_paper_code(unit, runtime, person_id, typed)
        if not accepted:
            note_access(unit, actor, REFUSED, case_id=None, allowed=False)
        elif not by_telephone:
            note_access(unit, actor, PAPER_USED, case_id=None)
        if accepted:
            limits.clear(unit, _tries(person_id))
    if not accepted:
        raise CodeRefused


def pass_step(database: Database, runtime: Runtime, token: str, typed: str) -> UUID:
    """The second proof of a sign-in; returns who it is. Raises as `check`, or `SignInRefused`."""
    with database.read() as unit:
        person_id = step_of(unit, token, CODE)[1].id
    check(database, runtime, person_id, typed)
    with database.write("second_factor_pass") as unit:
        unit.session.delete(step_of(unit, token, CODE)[0])
    return person_id


def forget(unit: UnitOfWork, person: Person) -> None:
    """Start anew: the next sign-in sets it up again where it is required. Every browser is signed out."""
    person.totp_seed = person.totp_since = None
    unit.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    unit.session.execute(delete(SignInStep).where(SignInStep.person_id == person.id))
    sessions.end_all(unit, person.id)


def _take_period(unit: UnitOfWork, runtime: Runtime, person: Person, typed: str) -> bool:
    """A period serves once, and none before it serves any more: of two at once one wins."""
    if person.totp_seed is None:
        return False
    period = _period_of(_totp(runtime, person.id, person.totp_seed), unit, typed, after=person.totp_period)
    if period is None:
        return False
    newer = update(Person).where(Person.id == person.id, Person.totp_period < period).values(totp_period=period)
    return _changed_one(unit, newer)


def _take_paper_code(unit: UnitOfWork, runtime: Runtime, person_id: UUID, typed: str) -> bool:
    wanted_hash = _hash(runtime, person_id, typed)
    used = update(RecoveryCode).where(RecoveryCode.code_hash == wanted_hash, RecoveryCode.used_at.is_(None))
    return _changed_one(unit, used.values(used_at=unit.now))


def _changed_one(unit: UnitOfWork, change: object) -> bool:
    result = unit.session.execute(change, execution_options={"synchronize_session": False})  # type: ignore[call-overload]
    return isinstance(result, CursorResult) and result.rowcount == 1


def _period_of(otp: TOTP, unit: UnitOfWork, typed: str, *, after: int) -> int | None:
    now = int(unit.now.timestamp()) // PERIOD_S
    periods: Sequence[int] = [now + drift for drift in DRIFT if now + drift > after]
    given = "".join(typed.split()).encode()
    return next((each for each in periods if hmac.compare_digest(otp.generate_otp(each).encode(), given)), None)


def _totp(runtime: Runtime, person_id: UUID, seed: str) -> TOTP:
    secret = runtime.secrets.digest("second-factor", f"{person_id}\0{seed}")[:20]  # Source: RFC 4226 §4 — 160 bits
    return TOTP(b32encode(secret).decode(), interval=PERIOD_S)


def _tries(person_id: UUID) -> Use:
    return Use(limits.CODES, str(person_id))


def _signs() -> str:
    return "".join(secrets.choice(SIGNS) for _ in range(OF_SIGNS))


def _hash(runtime: Runtime, person_id: UUID, code: str) -> str:
    typed = "".join(sign for sign in code.upper() if sign.isalnum())
    return runtime.secrets.sign("paper-code", f"{person_id}\0{typed}")
