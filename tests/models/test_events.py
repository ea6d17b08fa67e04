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

from models.events import FACTS, CaseReopened
from services.rules.history import MOVES_CASE, MOVES_REFERRAL

SAFE = (bool, int, float, date, datetime, UUID)


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


@pytest.mark.parametrize("event", FACTS)
def test_a_payload_holds_no_text(event: str) -> None:
    for name, field in FACTS[event].model_fields.items():
        assert [leaf for leaf in leaves(field.annotation) if not is_safe(leaf, field)] == [], name


def is_safe(leaf: Any, field: FieldInfo) -> bool:
    """Whether nothing that anybody writes fits in: a number, a day, or a code."""
    if get_origin(leaf) is Annotated:
        kind, *marks = get_args(leaf)
        return kind is str and is_code(marks)
    return is_code(field.metadata) if leaf is str else leaf is type(None) or issubclass(leaf, (Enum, *SAFE))


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
