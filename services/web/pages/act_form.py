"""The one page of every act: what it is, what Relais does next by itself, what is asked, one button."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from starlette.responses import HTMLResponse

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
    )
