"""A form sent once its session had ended: what was typed goes through the sign-in and comes back in its form.

Nothing of it is stored. It travels in the pages of the sign-in, signed for the person whose session it was: nobody else
gets it back.
"""

import json
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.programmes import WebSession
from services.foundation.runtime import Runtime
from services.foundation.tokens import token_hash
from services.web.pages import answers
from services.web.pages.entries import RESUMED
from services.web.pages.visitor import MOST_FIELDS, runtime_of, token_of
from services.web.rendering import Shell

KEPT: Final = "kept"
PURPOSE: Final = "kept-form"
OF_THE_PAGE: Final = frozenset({"once", "seen", "retour"})
"""What a form sends by itself: nobody typed it."""


async def keep(request: Request) -> str | None:
    """What the sign-in is to carry: empty when nobody knows whose session it was, None when nothing was typed."""
    async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
        typed = [[name, value] for name, value in form.multi_items() if isinstance(value, str) and value]
    if all(name in OF_THE_PAGE for name, _ in typed):
        return None
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    packed = json.dumps([address, [pair for pair in typed if pair[0] != "once"]], ensure_ascii=False)
    person_id = await run_in_threadpool(_whose, runtime_of(request), token_of(request))
    return f"{_signed(runtime_of(request), person_id, packed)}.{packed}" if person_id else ""


def _whose(runtime: Runtime, token: str) -> UUID | None:
    with runtime.database.read() as unit:
        session = unit.session.get(WebSession, token_hash(token)) if token else None
        return session.person_id if session else None


def _signed(runtime: Runtime, person_id: UUID, packed: str) -> str:
    return runtime.secrets.sign(PURPOSE, f"{person_id}\0{packed}")


def give_back(request: Request, runtime: Runtime, person_id: UUID, kept: str) -> Response | None:
    """The page that leads back into the form; None when what is kept is nobody's or somebody else's."""
    signature, _, packed = kept.partition(".")
    if not packed or not runtime.secrets.verify(PURPOSE, f"{person_id}\0{packed}", signature):
        return None
    address, typed = json.loads(packed)
    fields: list[tuple[str, Any]] = [*typed, (RESUMED, "1")]
    return answers.page(request, "resume.html", shell=Shell(dispositif="Relais"), address=address, fields=fields)
