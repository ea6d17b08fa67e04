"""What is asked and seen of a household and its dwelling, field by field: written by whoever visits, the latest holds.

It is read as the household's income is: by the coordination and the operator of the case, nobody else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints, create_model
from sqlalchemy import delete, select, tuple_

from models.cases import Case, SurveyLine
from models.events import SurveyRecorded
from services.cases import agreements
from services.forms import Form, Line, as_number
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.rules import casework, survey
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.survey import SEVERAL, Asked, Place, Section

NOTHING_SAID: Final = "Rien n’est noté : ouvrez une partie et répondez à une question au moins."


def _nothing(value: object) -> object:
    return None if value in ("", []) else value


def _type(asked: Asked) -> Any:
    """What an answer may be; a field that is left empty says nothing."""
    if asked.several:
        return list[Literal[tuple(asked.codes)]]  # type: ignore[misc]
    if asked.codes:
        return Literal[tuple(asked.codes)]
    if asked.number:
        kind: Any = Decimal if asked.tenths else int
        bounds = Field(ge=asked.least, le=asked.most or None, decimal_places=1 if asked.tenths else None)
        return Annotated[Annotated[kind, bounds], BeforeValidator(as_number)]
    if asked.digits:
        return Annotated[str, StringConstraints(pattern=rf"^\d{{{asked.digits}}}$")]
    return date if asked.date else Line


def _told(asked: Asked) -> str:
    codes = " ; ".join(f"`{code}` : {words}" for code, words in asked.codes.items())
    return f"{asked.label}{f' ({asked.number})' if asked.number else ''}{f' — {codes}' if codes else ''}"


def _model(code: str, section: Section) -> type[Form]:
    fields: dict[str, Any] = {
        name: (Annotated[_type(asked) | None, BeforeValidator(_nothing)], Field(None, description=_told(asked)))
        for name, asked in section.fields.items()
    }
    name = "Survey" + code.title().replace("_", "")
    return create_model(name, __base__=Form, __doc__=f"Relevé : {section.title}.", **fields)


def _section(code: str, section: Section) -> tuple[Any, Any]:
    model: Any = _model(code, section)
    if not section.each:
        return model | None, Field(None, description=section.title)
    things = " ; ".join(f"`{thing}` : {words}" for thing, words in section.each.items())
    about: Any = Literal[tuple(section.each)]
    return dict[about, model], Field({}, description=f"{section.title} — {things}")


if TYPE_CHECKING:

    class SurveyForm(Form):
        """What is noted; a field that is left empty stays as it was."""

        health_agreed: bool

else:
    SurveyForm = create_model(
        "SurveyForm",
        __base__=Form,
        __doc__="Ce qui est noté du ménage et du logement ; ce qui est laissé vide reste comme avant.",
        **{agreements.HEALTH_AGREED: (bool, Field(False, description=agreements.HEALTH_WORDS))},
        **{code: _section(code, section) for code, section in survey.sections().items()},
    )


@dataclass(frozen=True)
class Answer:
    """An answer that holds, as it is kept and as people read it."""

    place: Place
    value: str
    words: str
    at: datetime


def record(unit: UnitOfWork, hand: Hand, case_id: UUID, form: SurveyForm) -> Case:
    """Write answers down: the latest of each field holds, those before it stay until the case is erased.

    Those of health need the household's agreement, which stands or is given with them.
    """
    case = case_for(unit, hand.actor, case_id, Right.CIRCUMSTANCES)
    casework.check_open(case)
    said = said_in(form)
    if not said:
        raise InvalidInput("", NOTHING_SAID)
    if any(place in said for place in of_health()):
        agreements.need_health(unit, hand, case, agreed=form.health_agreed)
    standing = {_place(line): line for line in _standing(unit, case)}
    new = {place: value for place, value in said.items() if place not in standing or standing[place].value != value}
    at = hand.occurred_at or unit.now
    for place in new.keys() & standing.keys():
        standing[place].replaced_at = at
    unit.session.add_all(
        SurveyLine(case_id=case.id, section=place.section, field=place.field, about=place.about, value=value, at=at)
        for place, value in new.items()
    )
    unit.session.flush()
    casework.record(unit, case, SurveyRecorded(answers=len(new)), hand=hand)
    return case


def said_in(form: SurveyForm) -> dict[Place, str]:
    """Each answer of a form, as it is kept."""
    found: dict[Place, str] = {}
    for code, section in survey.sections().items():
        said = getattr(form, code)
        things = {"": said} if not section.each else said
        for about, answers in things.items():
            told = answers.model_dump(exclude_none=True) if answers else {}
            found |= {Place(code, name, about): _kept(value) for name, value in told.items()}
    return found


def places_in(told: Mapping[str, Any]) -> dict[Place, str | None]:
    """Each place that a text names, with the answer that it gives there, None where it names the place alone.

    Raises `ValidationError` for what the form would not take.
    """
    said = said_in(SurveyForm.model_validate(told))
    return {place: said.get(place) for place, _ in survey.places() if _is_named(told, place)}


def _is_named(told: Mapping[str, Any], place: Place) -> bool:
    inside = told.get(place.section, {})
    return place.field in (inside.get(place.about, {}) if place.about else inside)


def _kept(value: object) -> str:
    if isinstance(value, list):
        return SEVERAL.join(dict.fromkeys(value))
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def of_case(unit: UnitOfWork, case: Case) -> list[Answer]:
    """The answers that hold, in the order of the catalogue; for whoever may read the household's income."""
    standing = {_place(line): line for line in _standing(unit, case)}
    return [
        Answer(place, standing[place].value, asked.words(standing[place].value), standing[place].at)
        for place, asked in survey.places()
        if place in standing
    ]


def of_health() -> Iterator[Place]:
    """The places whose answers need the household's agreement."""
    yield from (place for place, asked in survey.places() if asked.health)


def forget_health(unit: UnitOfWork, case: Case) -> None:
    """The household took back that its health is noted: what was answered of it goes."""
    told = [(place.section, place.field) for place in of_health()]
    theirs = tuple_(SurveyLine.section, SurveyLine.field).in_(told)
    unit.session.execute(delete(SurveyLine).where(SurveyLine.case_id == case.id, theirs))


def _standing(unit: UnitOfWork, case: Case) -> Iterator[SurveyLine]:
    query = select(SurveyLine).where(SurveyLine.case_id == case.id, SurveyLine.replaced_at.is_(None))
    yield from unit.session.scalars(query.order_by(SurveyLine.id))


def _place(line: SurveyLine) -> Place:
    return Place(line.section, line.field, line.about)


def nested(values: Mapping[Place, object]) -> dict[str, Any]:
    """The same answers as a form says them: by section, by thing where it has several, by field."""
    told: dict[str, Any] = {}
    for place, value in values.items():
        inside = told.setdefault(place.section, {})
        (inside.setdefault(place.about, {}) if place.about else inside)[place.field] = value
    return told
