"""What is known of a household: whether a text names it; what only a double knew, taken over and given back."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from models.cases import Call, Case, Household, Phone
from services.foundation.database import UnitOfWork
from services.rules.finding import plain

TOGETHER: Final = (
    ("email",),
    ("birth_year",),
    ("people", "children"),
    ("reference_income", "income_year", "income_on"),
    ("breathing",),
    ("vulnerabilities",),
    ("language",),
    ("companion",),
    ("guardian", "guardian_phone"),
)
"""What is taken over as a whole, where nothing of its first is known."""
INITIALS: Final = 2
_EMPTY: Final = {"vulnerabilities": list, "language": str, "companion": str, "guardian": str}
_OF_A_NUMBER: Final = ("reached_at", "blocked_at", "no_sms_at")


def is_named_in(case: Case, text: str) -> bool:
    """Whether a text tells a name, the street, the address or a number of the household; initials pass."""
    household, words = case.household, plain(text)
    joined, names = "".join(words), [*plain(household.surname), *plain(household.first_name)]
    whole = [case.dwelling.street, household.email or "", *(phone.number[-9:] for phone in household.phones)]
    return any(len(name) > INITIALS and name in words for name in names) or any(
        key in joined for key in ("".join(plain(each)) for each in whole) if key
    )


def join_numbers(unit: UnitOfWork, double: Household, kept: Household) -> list[Phone]:
    """The numbers at which nobody else answered, after those that are known already."""
    known, rank = {phone.number for phone in kept.phones}, max((phone.rank for phone in kept.phones), default=0)
    new = [phone for phone in double.own_phones if phone.number not in known]
    added = [
        Phone(
            household_id=kept.id, number=phone.number, rank=at, reached_at=phone.reached_at, no_sms_at=phone.no_sms_at
        )
        for at, phone in enumerate(new, start=rank + 1)
    ]
    unit.session.add_all(added)
    unit.session.flush()
    unit.session.refresh(kept, ["phones"])
    return added


def join_facts(double: Household, kept: Household) -> list[str]:
    """Take over what the double alone knew, but no address that sends our mails back; returns the names of it."""
    taken = []
    for first, *others in TOGETHER:
        told = double.mail_address if first == "email" else getattr(double, first)
        if not told or getattr(kept, first):
            continue
        taken.append(first)
        for name in (first, *others):
            setattr(kept, name, getattr(double, name))
    return taken


def part(
    unit: UnitOfWork, double: Household, kept: Household, *, phones: Collection[UUID], facts: Collection[str]
) -> None:
    """Take back what a merge gave to the case that went on, unless somebody has changed it since. What was learnt of
    a number meanwhile goes back with it."""
    own = {phone.number: phone for phone in double.phones}
    for phone in unit.session.scalars(select(Phone).where(Phone.id.in_(phones), Phone.household_id == kept.id)).all():
        for name in _OF_A_NUMBER:
            if phone.number in own:
                setattr(own[phone.number], name, getattr(phone, name))
        unit.session.execute(update(Call).where(Call.phone_id == phone.id).values(phone_id=None))
        unit.session.delete(phone)
    for first, *others in (group for group in TOGETHER if group[0] in facts):
        if getattr(kept, first) == getattr(double, first):
            for name in (first, *others):
                setattr(kept, name, _EMPTY[name]() if name in _EMPTY else None)
    unit.session.flush()
    unit.session.refresh(kept, ["phones"])
