"""Who is asking: the person behind the cookie, his programme and its clocks; or nobody, who is led to the sign-in."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from starlette.datastructures import FormData

from models.vocabulary import Role, Source
from services.cases import recalling
from services.foundation.calendar import ONE_DAY
from services.foundation.database import UnitOfWork
from services.foundation.errors import SignInRefused
from services.foundation.runtime import Runtime
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, posts_letters, rights
from services.rules.texts.labels import label
from services.web import sessions
from services.web.pages import answers
from services.web.rendering import Flash, HeldLine, Link, Shell

COORDINATION_LINKS = (
    ("À faire", "/a-faire"),
    ("Qui doit quoi", "/qui-doit-quoi"),
    ("Parcours", "/parcours"),
    ("Situations", "/situations?ouvertes=1"),
    ("Envois à venir", "/envois"),
    ("Chiffres", "/chiffres"),
)
LETTERS: Final = "Courriers"
MORE_LINKS = (
    (LETTERS, "/courriers"),
    ("Messages reçus", "/messages-recus"),
    ("Annuaire", "/annuaire"),
    ("Calendrier", "/calendrier"),
    ("Réglages", "/reglages"),
)
"""What is opened less often stands behind one more word."""
OPERATORS: Final = frozenset({"Annuaire", "Calendrier"})
LINKS = {
    Role.COORDINATOR: COORDINATION_LINKS,
    Role.OPERATOR: COORDINATION_LINKS,
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
    token: str = field(repr=False)
    posts_letters: bool = False

    @property
    def today(self) -> date:
        """The day on the programme's wall."""
        return self.now.astimezone(self.zone).date()

    @property
    def tomorrow(self) -> date:
        """The first day that is to come."""
        return self.today + ONE_DAY

    @property
    def programme_id(self) -> UUID:
        """The programme through which he is here. Raises `SignInRefused` for somebody of none."""
        if self.actor.programme_id is None:
            raise SignInRefused
        return self.actor.programme_id

    @property
    def hand(self) -> Hand:
        """Acting on a screen, where what is sent can be taken back for a minute."""
        return Hand(self.actor, Source.WEB, holds=True)

    def once(self, data: FormData, route: str, act: Callable[[UnitOfWork], object]) -> None:
        """Carry out what he asks by a form, as `answers.act_once` does. Raises `SignInRefused` as `hold` does."""

        def held(unit: UnitOfWork) -> object:
            self.hold(unit)
            return act(unit)

        answers.act_once(self.runtime, data, actor=self.actor.label, route=route, act=held)

    def has_done(self, data: FormData, route: str) -> bool:
        """Whether he pressed the button of this form before, and it was done."""
        return answers.has_acted(self.runtime, data, actor=self.actor.label, route=route)

    def hold(self, unit: UnitOfWork) -> None:
        """In the transaction of an act: whoever lets him out now waits for it. Raises `SignInRefused` for whom was let
        out since he was read."""
        if sessions.actor_of(unit, self.token, held=True) != self.actor:
            raise SignInRefused

    def shell(self, here: str, flash: str = "", *, query: str = "") -> Shell:
        """What surrounds a page. `here` is the address of the section it belongs to."""
        links = LINKS[self.actor.role] if self.actor.role else ()
        more = [link for link in MORE_LINKS if self._opens(link[0])]
        return Shell(
            dispositif=self.programme,
            person=self.actor.name,
            links=[_link(label, href, here) for label, href in links],
            more=[_link(label, href, here) for label, href in more],
            flash=Flash(flash) if flash else None,
            searches=Right.READ in rights(self.actor),
            query=query,
            today=self.today,
            held=self.held(),
        )

    def _opens(self, word: str) -> bool:
        """Whether one of the links opened less often is his."""
        if self.actor.role is Role.OPERATOR:
            return word in OPERATORS or (word == LETTERS and self.posts_letters)
        return self.actor.role is Role.COORDINATOR

    def held(self) -> list[HeldLine]:
        """What was just sent and may be taken back, by what it is."""
        with self.runtime.database.read() as unit:
            return [
                HeldLine(str(each.event_id), label("held", each.type), each.number,
                         max(1, round((each.until - unit.now).total_seconds())))
                for each in recalling.held(unit, self.actor)
            ]  # fmt: skip


def _link(label: str, href: str, here: str) -> Link:
    return Link(label, href, current=href.partition("?")[0] == here)


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
        holder = sessions.holder(unit, token)
        if holder is None:
            raise SignInRefused
        found = Visitor(
            runtime, holder.actor, holder.programme, holder.phone, holder.zone, unit.now, token,
            posts_letters=posts_letters(unit, holder.actor),
        )  # fmt: skip
    if holder.is_stale:
        with runtime.database.write("session") as unit:
            sessions.touch(unit, token)
    request.state.actor = found.actor
    return found


MOST_FIELDS: Final = 1000
"""More than any page has: a browser sends the empty fields too, of what is asked at a visit above three hundred."""


async def entered(request: Request) -> AsyncIterator[FormData]:
    """What was typed; a file lies on disk until the answer is given."""
    async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
        yield form


SignedIn = Annotated[Visitor, Depends(visitor)]
Entered = Annotated[FormData, Depends(entered)]
Here = Annotated[Runtime, Depends(runtime_of)]
