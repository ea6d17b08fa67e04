"""What opens to a reader: the team's lists; without an account an alert giver's form, the public pages, every link.

The pages are asked as a browser asks them; nothing is pressed, so nothing changes. A case's own page is not among
them: whoever opens it is written down as its reader.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select

from deployments.play.mistakes import typed
from deployments.play.story import HOUSEHOLD, Setting
from models.engine import Message
from models.programmes import Organisation, Person
from models.vocabulary import MessageState, Party, Role
from services.accounts import sessions
from services.foundation.runtime import Runtime
from services.rules.links import alert_url

LISTS: Final = {
    Role.COORDINATOR: (
        "/a-faire", "/qui-doit-quoi", "/parcours", "/situations", "/envois", "/annuaire", "/courriers",
        "/messages-recus",
    ),
    Role.ADMINISTRATOR: ("/administration", "/messages-recus"),
}  # fmt: skip
LINK: Final = re.compile(r"https?://[^\s<>\"]+")
IN_LINE: Final = re.compile(r"</?(?:a|abbr|b|em|span|strong)\b[^>]*>")
TAG: Final = re.compile(r"<(script|style).*?</\1>|<[^>]+>", re.DOTALL)
BLANK: Final = re.compile(r"\s+")


def surprises(
    runtime: Runtime, setting: Setting, case_id: UUID, shown: Mapping[str, Sequence[str]],
    hidden: Mapping[str, Sequence[str]],
) -> Iterator[str]:  # fmt: skip
    """A line for each text that no page of its reader shows, or that one shows and should not."""
    pages = {who: [_words(page) for page in _pages(runtime, setting, case_id, who)] for who in {**shown, **hidden}}
    for who, texts in shown.items():
        yield from (f"{who} devrait voir à l’écran {text!r}" for text in texts if not _shown(text, pages[who]))
    for who, texts in hidden.items():
        yield from (f"{who} ne devrait pas voir à l’écran {text!r}" for text in texts if _shown(text, pages[who]))


def _pages(runtime: Runtime, setting: Setting, case_id: UUID, who: str) -> list[str]:
    if who not in setting.staff:
        return read(runtime, _addresses(runtime, setting, case_id, who))
    person = setting.staff[who]
    with runtime.database.write("story.sign_in") as unit:
        token = sessions.open_session(unit, unit.session.scalars(select(Person).filter_by(email=person.email)).one())
    try:
        return read(runtime, LISTS.get(person.role, LISTS[Role.COORDINATOR]), token=token)
    finally:
        with runtime.database.write("story.sign_out") as unit:
            sessions.close_session(unit, token)


def read(runtime: Runtime, addresses: Sequence[str], *, token: str = "") -> list[str]:
    """Those pages of ours, as a browser gets them; `token` is that of somebody signed in."""
    from starlette.testclient import TestClient

    from services.web.app import create_app
    from services.web.sessions import cookie_name

    client = TestClient(create_app(runtime, engine_wait_s=0), base_url=runtime.settings.public_url)
    if token:
        client.cookies.set(cookie_name(runtime.settings), token)
    return [client.get(address, follow_redirects=False).text for address in addresses]


def links(runtime: Runtime, bodies: Sequence[str | None]) -> list[str]:
    """Every address of ours in these texts, once."""
    host = urlsplit(runtime.settings.public_url).netloc
    found = {link.rstrip(".,") for body in bodies for link in LINK.findall(body or "")}
    return sorted(link for link in found if urlsplit(link).netloc == host)


def _addresses(runtime: Runtime, setting: Setting, case_id: UUID, who: str) -> list[str]:
    his = Message.party == Party.HOUSEHOLD if who == HOUSEHOLD else Message.address == (setting.address(who) or who)
    with runtime.database.read() as unit:
        sent = select(Message.body).where(Message.case_id == case_id, his, Message.state == MessageState.ACCEPTED)
        found = links(runtime, unit.session.scalars(sent).all())
        giver = setting.alert_givers.get(who)
        if giver is not None:
            service = unit.session.scalars(select(Organisation).filter_by(slug=giver.organisation)).one()
            form = alert_url(runtime, service)
            found += [form, f"{form}/envoyee"]
    if who == HOUSEHOLD:
        public = f"{runtime.settings.public_url}/d/{setting.programme.slug}"
        found += [public, f"{public}/demande", f"{public}/demande/envoyee"]
    return found


def _words(page: str) -> str:
    return BLANK.sub(" ", unescape(TAG.sub(" ", IN_LINE.sub("", page))))


def _shown(text: str, pages: Sequence[str]) -> bool:
    return any(typed(text) in BLANK.sub(" ", typed(page)) for page in pages)
