"""Figures of one household: what its energy costs, the share of its income, what it saves; how alike two requests are.

They are given by whoever found them, stored with the method that gave them; nothing is worked out here. They are read
as its income is: by the coordination and the operator of the case, nobody else.
"""

from decimal import Decimal
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import select

from models.cases import Case, Finding
from models.events import FindingsRecorded, MatchNoted
from models.vocabulary import FindingKind, Method
from services import search
from services.forms import Form, RequiredLine, as_number
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.texts.labels import inside, label

UNITS: Final[dict[FindingKind, int]] = {
    FindingKind.ENERGY_COST: 1,
    FindingKind.BURDEN: 10,
    FindingKind.REFERENCE_BURDEN: 10,
    FindingKind.SAVING_DEEMED: 1,
    FindingKind.SAVING_DECLARED: 1,
    FindingKind.SAVING_MEASURED: 1,
    FindingKind.MATCH: 1,
}
"""How many units of what is stored make one of what is said: euros a year, points of a percent, points of a hundred."""
TELLS_INCOME: Final = frozenset({FindingKind.ENERGY_COST, FindingKind.BURDEN, FindingKind.REFERENCE_BURDEN})
OF_HOUSEHOLD: Final = tuple(kind for kind in FindingKind if kind is not FindingKind.MATCH)


Euros = Annotated[Annotated[int, Field(ge=0, le=99_999)] | None, BeforeValidator(as_number)]
Percent = Annotated[Annotated[Decimal, Field(ge=0, le=100, decimal_places=1)] | None, BeforeValidator(as_number)]


class FindingsForm(Form):
    """What was found; what is left empty stays as it was."""

    energy_cost: Euros = Field(None, description="Dépense d’énergie, en euros par an")
    burden: Percent = Field(None, description="Taux d’effort énergétique, en % des ressources")
    reference_burden: Percent = Field(None, description="Taux d’effort sur revenu fiscal, en %")
    saving_deemed: Euros = Field(None, description="Économie forfaitaire, en euros par an")
    saving_declared: Euros = Field(None, description="Économie dite par le ménage, en euros par an")
    saving_measured: Euros = Field(None, description="Économie mesurée sur factures, en euros par an")

    @model_validator(mode="after")
    def _says_something(self) -> "FindingsForm":
        if not self.said:
            raise PydanticCustomError("nothing_said", "at least one figure")
        return self

    @property
    def said(self) -> dict[FindingKind, int]:
        """Each figure that is given, in the unit in which it is stored."""
        given = {kind: getattr(self, kind.value) for kind in OF_HOUSEHOLD}
        return {kind: int(value * UNITS[kind]) for kind, value in given.items() if value is not None}


class MatchForm(Form):
    """How alike a request is to another one."""

    number: RequiredLine = Field(description="Référence de l’autre situation, ou sa fin (187)")
    score: int = Field(ge=0, le=100, description="Ressemblance, de 0 à 100")

    @field_validator("score", mode="before")
    @classmethod
    def _typed(cls, value: object) -> object:
        return as_number(value)


class Figure(NamedTuple):
    """A figure that holds, as people read it, and how it was come by."""

    finding: Finding
    kind: FindingKind
    words: str


def record(unit: UnitOfWork, hand: Hand, case_id: UUID, form: FindingsForm) -> Case:
    """Write figures down: the latest of each kind holds, those before it stay."""
    case = case_for(unit, hand.actor, case_id, Right.CIRCUMSTANCES)
    casework.check_open(case)
    found = [_given(unit, hand, case, kind, value) for kind, value in form.said.items()]
    unit.session.add_all(found)
    unit.session.flush()
    fact = FindingsRecorded(finding_ids=[each.id for each in found], kinds=list(form.said))
    casework.record(unit, case, fact, hand=hand)
    return case


def note_match(unit: UnitOfWork, hand: Hand, case_id: UUID, form: MatchForm) -> Case:
    """How alike two requests are: for the coordination alone, since nobody else may know who is known already."""
    case = case_for(unit, hand.actor, case_id, Right.MERGE)
    other = search.another(unit, hand.actor, case.id, form.number, field="number")
    finding = _given(unit, hand, case, FindingKind.MATCH, form.score)
    finding.about_id = other
    unit.session.add(finding)
    unit.session.flush()
    casework.record(unit, case, MatchNoted(other=other, score=form.score), hand=hand)
    return case


def _given(unit: UnitOfWork, hand: Hand, case: Case, kind: FindingKind, value: int) -> Finding:
    return Finding(
        case_id=case.id,
        kind=kind.value,
        value=value,
        method=Method.GIVEN.value,
        at=hand.occurred_at or unit.now,
    )


def of_household(unit: UnitOfWork, case: Case) -> list[Figure]:
    """What is known of the household, the latest of each kind; for whoever may read its income."""
    query = select(Finding).where(Finding.case_id == case.id).order_by(Finding.at, Finding.id)
    latest = {row.kind: row for row in unit.session.scalars(query)}
    known = (kind for kind in OF_HOUSEHOLD if kind in latest)
    return [Figure(latest[kind], kind, words_of(kind, latest[kind].value)) for kind in known]


def matches(unit: UnitOfWork, case: Case) -> dict[UUID, int]:
    """How alike other cases are to this one, by their id. For the coordination alone."""
    query = select(Finding).where(Finding.case_id == case.id, Finding.kind == FindingKind.MATCH)
    rows = unit.session.scalars(query.order_by(Finding.at, Finding.id))
    return {row.about_id: row.value for row in rows if row.about_id is not None}


def words_of(kind: FindingKind, value: int) -> str:
    """`21,7 % des ressources`, `2 870 € par an`."""
    if UNITS[kind] == 1:
        return f"{wording.euros(value)} par an"
    said = f"{Decimal(value) / UNITS[kind]:.1f}".replace(".", ",")
    return f"{said}{wording.NBSP}% {inside(label('burden_of', kind))}"
