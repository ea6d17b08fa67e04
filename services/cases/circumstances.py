"""What is known of a household's means: its reference income and size, and the class that follows; health as yes or no.

The income is for the coordination and the case's operator; a partner, an alert giver or a landlord never reads it.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import Field

from models.cases import Case, Household
from models.events import CircumstancesRecorded
from models.programmes import Commune
from models.vocabulary import IncomeClass
from services.cases import agreements
from services.forms import Form, Number
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.rules import casework, income
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.published import today_of

NOTHING_NEW: Final = "Rien de nouveau n’est noté : écrivez le revenu, le nombre de personnes ou la santé."
YEARS_BACK = 4
"""A tax notice older than that is not this household's income any more."""


class CircumstancesForm(Form):
    """What the tax notice and the household say; what is left empty is not known."""

    reference_income: Number = Field(None, ge=0, le=999_999, description="Revenu fiscal de référence, en euros")
    income_year: Number = Field(None, ge=2000, le=2100, description="Année de ce revenu")
    people: Number = Field(None, ge=1, le=20, description="Nombre de personnes")
    breathing: bool | None = Field(None, description="Quelqu’un a des troubles respiratoires liés au logement")

    health_agreed: bool = Field(False, description=agreements.HEALTH_WORDS)


@dataclass(frozen=True)
class Means:
    """A household's class, and the table that says so."""

    amount: int
    year: int | None
    income_class: IncomeClass
    table: income.Table


def record(unit: UnitOfWork, hand: Hand, case_id: UUID, form: CircumstancesForm) -> Case:
    """Write down the household's means; what was known before and is not said now is not known any more."""
    case = case_for(unit, hand.actor, case_id, Right.CIRCUMSTANCES)
    today = today_of(unit, case.programme_id)
    if form.income_year is not None and not today.year - YEARS_BACK <= form.income_year <= today.year:
        raise InvalidInput("income_year", "L’année de ce revenu est trop ancienne, ou à venir.")
    household = case.household
    if form.reference_income is None and (household.reference_income, household.people, household.breathing) == (
        None, form.people, form.breathing
    ):  # fmt: skip
        raise InvalidInput("reference_income", NOTHING_NEW)
    if form.breathing is not None:
        agreements.need_health(unit, hand, case, agreed=form.health_agreed)
    household.reference_income, household.income_year = form.reference_income, form.income_year
    household.people, household.breathing = form.people, form.breathing
    household.income_on = today if form.reference_income is not None else None
    unit.session.flush()
    means = means_of(unit, case)
    fact = CircumstancesRecorded(
        income_class=means.income_class if means else None, ceilings_on=means.table.from_on if means else None
    )
    casework.record(unit, case, fact, hand=hand)
    return case


def means_of(unit: UnitOfWork, case: Case) -> Means | None:
    """The household's class by the ceilings of the day on which its income was said; None when something lacks."""
    household = case.household
    department = unit.session.get_one(Commune, case.dwelling.commune_code).department
    return _means(household, department)


def _means(household: Household, department: str) -> Means | None:
    if household.reference_income is None or household.people is None or household.income_on is None:
        return None
    table = income.in_force(household.income_on)
    if table is None:
        return None
    found = income.income_class(household.reference_income, household.people, department=department, table=table)
    return Means(household.reference_income, household.income_year, found, table)


def lacking(household: Household) -> str:
    """Why a household has no class, in a few words."""
    if household.reference_income is None:
        return "revenu fiscal de référence à demander"
    return "nombre de personnes à demander" if household.people is None else "barème de l’année à ajouter"
