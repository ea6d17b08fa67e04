"""Payloads hold ids, codes, numbers, dates, booleans: erasing a household never touches an event."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from models.events import FACTS, CaseReopened, Fact
from services.rules.history import MOVES_CASE, MOVES_REFERRAL

SAFE = (bool, int, float, date, datetime, UUID)
FIELDS = [(fact, name, field) for fact in FACTS.values() for name, field in fact.model_fields.items()]


def leaves(annotation: Any) -> Iterator[Any]:
    """The types that a field may hold, inside lists and unions."""
    if get_origin(annotation) in {Union, UnionType, list}:
        for inner in get_args(annotation):
            yield from leaves(inner)
    else:
        yield annotation


def is_code(marks: Sequence[Any]) -> bool:
    """Whether a string is held to the pattern of a code."""
    return any(getattr(mark, "pattern", None) for mark in marks)


@pytest.mark.parametrize(("fact", "name", "field"), FIELDS, ids=[f"{fact.type}-{name}" for fact, name, _ in FIELDS])
def test_a_payload_holds_no_text(fact: type[Fact], name: str, field: FieldInfo) -> None:
    for leaf in leaves(field.annotation):
        if get_origin(leaf) is Annotated:
            assert get_args(leaf)[0] is str
            assert is_code(get_args(leaf)[1:])
        elif leaf is str:
            assert is_code(field.metadata)
        else:
            assert leaf is type(None) or issubclass(leaf, (Enum, *SAFE))


def test_a_sentence_is_no_code() -> None:
    with pytest.raises(ValidationError):
        CaseReopened(state="Mme Martin a rappelé")


def test_a_payload_takes_nothing_that_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        CaseReopened.model_validate({"state": "triage", "name": "Martin"})


def test_every_event_is_named_by_what_happened_to_what() -> None:
    assert all(len(name.split(".")) == 2 for name in FACTS)


def test_the_checker_knows_every_event_that_moves_something() -> None:
    assert set(MOVES_CASE) | set(MOVES_REFERRAL) <= set(FACTS)
