"""The one page of every act: what it is, what Relais does next by itself, what is asked, one button."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from starlette.responses import HTMLResponse

from models.cases import Case
from models.vocabulary import PermissionKind
from services.cases import agreements
from services.foundation.database import UnitOfWork
from services.web.pages import answers
from services.web.pages.visitor import Visitor
from services.web.rendering import Form


def page(
    request: Request,
    visitor: Visitor,
    section: str,
    form: Form,
    *,
    heading: str,
    action: str,
    button: str,
    back: str,
    over: str = "",
    lead: str = "",
    follows: Sequence[str] = (),
    fields: Sequence[dict[str, Any]] = (),
    others: Sequence[tuple[str, str]] = (),
    danger: bool = False,
    place: str = "",
    lacking: str = "",
    status: int = 200,
) -> HTMLResponse:
    """`section` is the part of the menu that it belongs to; the rest is what `act.html` says of it."""
    return answers.page(
        request,
        "act.html",
        status=status,
        shell=visitor.shell(section),
        form=form,
        heading=heading,
        over=over,
        lead=lead,
        follows=follows,
        fields=fields,
        action=action,
        button=button,
        others=others,
        back=back,
        danger=danger,
        place=place,
        lacking=lacking,
    )


def health_agreement(unit: UnitOfWork, case: Case) -> list[dict[str, Any]]:
    """What is asked beside an answer of health, until the household has agreed that it is noted."""
    if agreements.standing(unit, case, PermissionKind.HEALTH):
        return []
    return [
        {"kind": "checks", "name": agreements.HEALTH_AGREED, "label": "Accord sur la santé", "optional": True,
         "choices": [("yes", agreements.HEALTH_WORDS)],
         "hint": "Sans lui, laissez la santé sans réponse ; le ménage peut le retirer, et tout est alors effacé"},
    ]  # fmt: skip
