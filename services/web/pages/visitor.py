"""Who is asking: the person behind the cookie, his programme and its clocks; or nobody, who is led to the sign-in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from starlette.datastructures import FormData

from models.programmes import Programme
from models.vocabulary import Role, Source
from services.foundation.errors import SignInRefused
from services.foundation.runtime import Runtime
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.web import sessions
from services.web.rendering import Flash, Link, Shell

COORDINATION_LINKS = (
    ("À faire", "/a-faire"),
    ("Situations", "/situations"),
    ("Courriers", "/courriers"),
    ("Messages reçus", "/messages-recus"),
    ("Organisations", "/organisations"),
)
OPERATOR_LINKS = COORDINATION_LINKS[:2]
LINKS = {
    Role.COORDINATOR: COORDINATION_LINKS,
    Role.OPERATOR: OPERATOR_LINKS,
    Role.ADMINISTRATOR: (("Administration", "/administration"), ("Messages reçus", "/messages-recus")),
}


@dataclass(frozen=True)
class Visitor:
    """Somebody signed in, as pages need to know him."""

    runtime: Runtime
    actor: Actor
    programme: str
    phone: str
    zone: ZoneInfo
    now: datetime

    @property
    def today(self) -> date:
        """The day on the programme's wall."""
        return self.now.astimezone(self.zone).date()

    @property
    def hand(self) -> Hand:
        """Acting on a screen."""
        return Hand(self.actor, Source.WEB)

    def shell(self, here: str, flash: str = "", *, query: str = "") -> Shell:
        """What surrounds a page. `here` is the address of the section it belongs to."""
        links = LINKS[self.actor.role] if self.actor.role else ()
        return Shell(
            dispositif=self.programme,
            person=self.actor.name,
            links=[Link(label, href, current=href == here) for label, href in links],
            flash=Flash(flash) if flash else None,
            query=query,
            today=self.today,
        )


def runtime_of(request: Request) -> Runtime:
    """The application's runtime."""
    found: Runtime = request.app.state.runtime
    return found


def token_of(request: Request) -> str:
    """The session token that the browser holds, if any."""
    return request.cookies.get(sessions.cookie_name(runtime_of(request).settings), "")


def visitor(request: Request) -> Visitor:
    """Who holds the cookie. Raises `SignInRefused`, which leads a reader to the sign-in."""
    runtime, token = runtime_of(request), token_of(request)
    with runtime.database.read() as unit:
        actor = sessions.actor_of(unit, token) if token else None
        if actor is None:
            raise SignInRefused
        programme = unit.session.get_one(Programme, actor.programme_id)
        found = Visitor(runtime, actor, programme.name, programme.phone, ZoneInfo(programme.zone), unit.now)
        stale = sessions.is_stale(unit, token)
    if stale:
        with runtime.database.write("session") as unit:
            sessions.touch(unit, token)
    request.state.actor = found.actor
    return found


async def entered(request: Request) -> AsyncIterator[FormData]:
    """What was typed; a file lies on disk until the answer is given."""
    async with request.form(max_files=1, max_fields=100) as form:
        yield form


SignedIn = Annotated[Visitor, Depends(visitor)]
Entered = Annotated[FormData, Depends(entered)]
Here = Annotated[Runtime, Depends(runtime_of)]
