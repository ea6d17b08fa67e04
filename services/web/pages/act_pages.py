"""One act, one page: what it is, what follows by itself, what is asked; shown again as typed when refused."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import Response

from models.cases import Case
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Denied, NotFound
from services.overview import timeline
from services.rules.casework import Hand
from services.rules.policy import Right, check, readable, sees
from services.rules.texts.labels import label
from services.web import returning
from services.web.pages import act_form, answers
from services.web.pages.entries import Mistakes, kept, mistakes_of, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

Do = Callable[[UnitOfWork, Hand, UUID, Any], object]
Fields = Callable[[UnitOfWork, Visitor, Case], Sequence[dict[str, Any]]]
Given = Callable[[Visitor, FormData], dict[str, Any]]
Checked = Callable[[UnitOfWork, Visitor, Case, FormData], dict[str, str]]
PLACE: Final = re.compile(r"\bacte-[0-9a-f-]{36}\b")
"""The place of a line for the forms of its acts: of a case, or of one of its tasks where each has a line."""
LONGEST_NUMBER = 9
UNREAD = 422
"""What was typed cannot be read: nothing was tried."""
Possible = Callable[[UnitOfWork, Case], object]
Proposed = Callable[[UnitOfWork, Visitor, Case, Mapping[str, Any]], Sequence[dict[str, Any]]]
NO_FIELDS: Fields = lambda _unit, _visitor, _case: ()  # noqa: E731 - a page that only asks to confirm
NOTHING_PROPOSED: Proposed = lambda _unit, _visitor, _case, _typed: ()  # noqa: E731
NOTHING_WRONG: Checked = lambda _unit, _visitor, _case, _data: {}  # noqa: E731
ALWAYS: Possible = lambda _unit, _case: None  # noqa: E731
NOTHING_GIVEN: Given = lambda _visitor, _data: {}  # noqa: E731


class Nothing(BaseModel):
    """The form of an act that asks nothing."""


def bare(use_case: Callable[[UnitOfWork, Hand, UUID], object]) -> Do:
    """A use case that takes no form."""
    return lambda unit, hand, place, _form: use_case(unit, hand, place)


@dataclass(frozen=True)
class ActPage:
    """One act of a case. `do` is its use case; `given` what the page works out from what was typed.

    `others` are other buttons (value, words), sent as `then`; `proposed` fields above the rest that depend on what was
    typed; `checked` says what is wrong beside the form, in the database or on the calendar: all is told at once.
    `possible` raises what keeps the act from being done whatever is typed: the page then says so and asks nothing.
    """

    path: str
    code: str
    heading: str
    button: str
    right: Right
    do: Do
    model: type[BaseModel] = Nothing
    fields: Fields = NO_FIELDS
    given: Given = NOTHING_GIVEN
    lead: str = ""
    follows: tuple[str, ...] = ()
    danger: bool = False
    others: tuple[tuple[str, str], ...] = ()
    proposed: Proposed = NOTHING_PROPOSED
    checked: Checked = NOTHING_WRONG
    possible: Possible = ALWAYS


def add(router: APIRouter, act: ActPage) -> None:
    """Give an act its two routes."""
    address = f"/situations/{{case_id}}/{act.path}"

    def ask(request: Request, visitor: SignedIn, case_id: UUID) -> Response:
        return show(request, visitor, case_id, act, Form(entered=dict(request.query_params)))

    def send(request: Request, visitor: SignedIn, case_id: UUID, data: Entered) -> Response:
        return carry_out(request, visitor, case_id, act, data)

    router.add_api_route(address, ask, methods=["GET"], name=f"{act.code}: ask")
    router.add_api_route(address, send, methods=["POST"], name=f"{act.code}: send")


def of_part(act: ActPage, place: str, part_id: UUID) -> ActPage:
    """The same for one part of the case, to which its use case is done."""
    return replace(
        act,
        path=f"{place}/{part_id}/{act.path}",
        do=lambda unit, hand, _case_id, form: act.do(unit, hand, part_id, form),
    )


def add_for_referral(router: APIRouter, name: str, made: Callable[[Visitor, UUID, UUID, FormData], ActPage]) -> None:
    """Give the act of a request its two routes: its page is made for each request, and by what was typed."""
    address = f"/situations/{{case_id}}/orientations/{{referral_id}}/{name}"

    def ask(request: Request, visitor: SignedIn, case_id: UUID, referral_id: UUID) -> Response:
        return show(request, visitor, case_id, made(visitor, case_id, referral_id, FormData()), Form())

    def send(request: Request, visitor: SignedIn, case_id: UUID, referral_id: UUID, data: Entered) -> Response:
        return carry_out(request, visitor, case_id, made(visitor, case_id, referral_id, data), data)

    router.add_api_route(address, ask, methods=["GET"], name=f"{name}: ask")
    router.add_api_route(address, send, methods=["POST"], name=f"{name}: send")


def show(request: Request, visitor: Visitor, case_id: UUID, act: ActPage, form: Form, *, status: int = 200) -> Response:
    """The page of an act."""
    with visitor.runtime.database.read() as unit:
        case = readable(unit, visitor.actor, case_id)
        check(unit, visitor.actor, case, act.right)
        fields = [*act.proposed(unit, visitor, case, form.entered), *act.fields(unit, visitor, case)]
        lacking = "" if form.errors else _lacking(unit, case, act)  # what was typed is never taken away
        form = form if form.seen is not None else replace(form, seen=case.last_seq)
        over = over_of(case)
    back, place = request.query_params.get(returning.BACK, ""), _place(request, case_id, form)
    address = f"/situations/{case_id}"
    response = act_form.page(
        request,
        visitor,
        "/situations",
        form,
        status=status,
        heading=act.heading,
        over=over,
        lead=act.lead,
        follows=act.follows,
        fields=fields,
        action=returning.leading_back(f"{address}/{act.path}", back),
        button=act.button,
        others=act.others,
        back=back if returning.is_list(back) else address,
        danger=act.danger,
        place=place,
        lacking=lacking,
    )
    if answers.is_inline(request):  # whatever was asked for, a form stands in the line that it was asked from
        response.headers.update({"hx-retarget": f"#{place}", "hx-reswap": "innerHTML", "hx-reselect": ".opened"})
    return response


def over_of(case: Case) -> str:
    """What stands above the heading of an act: which case it is of."""
    return f"{case.number} · {case.dwelling.commune.name} · {label('stage', case.stage)}"


def _lacking(unit: UnitOfWork, case: Case, act: ActPage) -> str:
    """The sentence of what is missing before the act can be done."""
    try:
        act.possible(unit, case)
    except CaseworkError as refused:
        return refused.sentence
    return ""


def _place(request: Request, case_id: UUID, form: Form) -> str:
    """Where in a list the form opens: a link is asked for by its line's place, a button sends it along."""
    told = PLACE.search(f"{form.entered.get('place', '')} {request.headers.get('hx-target', '')}")
    return told[0] if told else f"acte-{case_id}"


def carry_out(request: Request, visitor: Visitor, case_id: UUID, act: ActPage, data: FormData) -> Response:
    """Do it and go back to the case; or the page again, with a sentence beside each field to correct."""

    def on_what_was_seen(unit: UnitOfWork) -> None:
        check_seen(unit, visitor, case_id, data)
        act.do(unit, visitor.hand, case_id, form)

    try:
        form = _read(visitor, case_id, act, data)
        visitor.once(data, f"{case_id}/{act.path}", on_what_was_seen)
    except Mistakes as mistakes:
        return again(request, visitor, case_id, act, data, errors=mistakes.errors, status=UNREAD)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        errors, status = mistakes_of(refused), refused.status_code
        return again(request, visitor, case_id, act, data, errors=errors, status=status)
    answers.wait_for_engine(request, case_id)
    return answers.see(f"/situations/{case_id}" if _still_sees(visitor, case_id) else "/a-faire", act.code)


def _read(visitor: Visitor, case_id: UUID, act: ActPage, data: FormData) -> BaseModel:
    beside = _beside(visitor, case_id, act, data)
    try:
        given = act.given(visitor, data)
    except Mistakes as mistakes:
        raise Mistakes(beside | mistakes.errors) from None
    return read(act.model, data, beside, **given)


def _beside(visitor: Visitor, case_id: UUID, act: ActPage, data: FormData) -> dict[str, str]:
    if act.checked is NOTHING_WRONG:
        return {}
    with visitor.runtime.database.read() as unit:
        case = readable(unit, visitor.actor, case_id)
        check(unit, visitor.actor, case, act.right)
        return act.checked(unit, visitor, case, data)


def _still_sees(visitor: Visitor, case_id: UUID) -> bool:
    """An act may end what its own hand sees of the case."""
    with visitor.runtime.database.read() as unit:
        return sees(unit, visitor.actor, case_id)


def check_seen(unit: UnitOfWork, visitor: Visitor, case_id: UUID, data: FormData) -> None:
    """Raise `Overtaken` when somebody else acted on the case since the page of this form was drawn."""
    seen = _seen_in(data)
    if seen is not None:
        timeline.read_before_acting(unit, visitor.actor, case_id, seen, visitor.zone)


def _seen_in(data: FormData) -> int | None:
    """The last event that the page of this form told, if it says so."""
    seen = str(data.get("seen", ""))
    return int(seen) if seen.isdecimal() and len(seen) <= LONGEST_NUMBER else None


def again(
    request: Request,
    visitor: Visitor,
    case_id: UUID,
    act: ActPage,
    data: FormData,
    *,
    errors: dict[str, str],
    status: int,
) -> Response:
    """The page of an act with what was typed, and a sentence beside each field to correct."""
    # A field to correct tells nothing of what others did meanwhile: that is still to be said.
    seen = _seen_in(data) if status == UNREAD else None
    form = Form(entered=kept(data), errors=errors, seen=seen)
    return show(request, visitor, case_id, act, form, status=status)
