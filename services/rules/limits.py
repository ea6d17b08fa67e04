"""How often something may be tried: by an address, by a place, counted in the database for every process alike.

One instant a thing: when all that was spent will have come back. It comes back steadily, so a limit of ten a quarter of
an hour gives one more try every ninety seconds, and whoever is refused spends nothing. Source: GCRA, ATM Forum TM 4.0.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from models.programmes import Allowance
from models.refusals import CaseworkError
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.runtime import runtime


class TooMany(CaseworkError):
    """Tried too often: `retry_after_s` says when the next try counts."""

    status_code = 429
    retryable = True
    code = "too-many"

    def __init__(self, wait: timedelta) -> None:
        """The same sentence whatever was tried."""
        self.retry_after_s = max(1, int(wait.total_seconds()) + 1)
        minutes = -(-self.retry_after_s // 60)
        super().__init__(f"Trop d’essais : recommencez dans {wording.counted(minutes, 'minute')}.")


@dataclass(frozen=True)
class Limit:
    """So many times within so long."""

    name: str
    times: int
    within: timedelta

    @property
    def cost(self) -> timedelta:
        """How long one use takes to come back."""
        return self.within / self.times


@dataclass(frozen=True)
class Use:
    """One limit applied to one thing: an address, a person, a place on the network."""

    limit: Limit
    of: str

    @property
    def key(self) -> str:
        """What is stored: whom it is about cannot be read from it."""
        return runtime().secrets.sign("limit", f"{self.limit.name}\0{self.of}")


QUARTER: Final = timedelta(minutes=15)
PASSWORDS: Final = Limit("password", 10, QUARTER)
"""Wrong passwords for one address. A browser that has already been in counts apart, so strangers lock nobody out."""
PLACES: Final = Limit("place", 100, QUARTER)
"""Failed sign-ins from one place: a whole office may share one."""
CODES: Final = Limit("code", 5, QUARTER)
"""Wrong codes of a second factor."""
LINKS: Final = Limit("link", 3, timedelta(minutes=10))
"""Sign-in links to one address: nobody fills somebody's mailbox."""
REFUSALS: Final = Limit("refusal", 1, timedelta(minutes=1))
"""Lines of the access log about one limit: a flood does not fill it."""
ANONYMOUS: Final = Limit("anonymous", 60, timedelta(minutes=10))
"""Forms sent from one place without an account."""


def spend(unit: UnitOfWork, *uses: Use) -> None:
    """Count one try of each before it is made, so that many at once cannot slip through. Raises `TooMany`."""
    for use in sorted(uses, key=lambda each: each.key):
        row = _locked(unit, use)
        empty_at = max(row.empty_at, unit.now) + use.limit.cost
        over = empty_at - unit.now - use.limit.within
        if over > timedelta(0):
            raise TooMany(over)
        row.empty_at = empty_at


def give_back(unit: UnitOfWork, *uses: Use) -> None:
    """The try was a good one: it does not count."""
    for use in sorted(uses, key=lambda each: each.key):
        row = _locked(unit, use)
        row.empty_at = max(row.empty_at - use.limit.cost, unit.now)


def clear(unit: UnitOfWork, use: Use) -> None:
    """Count from nothing again."""
    unit.session.execute(delete(Allowance).where(Allowance.key == use.key))


def forget(unit: UnitOfWork) -> None:
    """Drop what has come back whole."""
    unit.session.execute(delete(Allowance).where(Allowance.empty_at <= unit.now))


def _locked(unit: UnitOfWork, use: Use) -> Allowance:
    """The row of this thing; two who make it at once end with one."""
    mine = select(Allowance).where(Allowance.key == use.key).with_for_update()
    found = unit.session.scalars(mine).first()
    if found is not None:
        return found
    try:
        with unit.session.begin_nested():
            made = Allowance(key=use.key, empty_at=unit.now)
            unit.session.add(made)
        return made
    except IntegrityError:
        return unit.session.scalars(mine).one()
