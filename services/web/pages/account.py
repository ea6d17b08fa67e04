"""One's own account: the password, the telephone, the browsers that are signed in, what one may act as."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.programmes import Membership, Person, WebSession
from services.accounts import accounts, second_factor, sessions
from services.accounts.second_factor import CodeRefused
from services.foundation import wording
from services.foundation.errors import InvalidInput, NotFound
from services.foundation.tokens import token_hash
from services.rules.limits import TooMany
from services.rules.policy import Right, rights
from services.rules.texts.labels import label
from services.web import link_cookies
from services.web.pages import answers
from services.web.pages.entries import mistakes_of
from services.web.pages.visitor import Entered, SignedIn, Visitor, token_of
from services.web.rendering import Form, Shell

router = APIRouter(include_in_schema=False)
HERE: Final = "/compte"
SET_UP: Final = "/connexion/telephone?suite=/compte"
PASSWORD, TELEPHONE, CODES = "compte/mot-de-passe", "compte/telephone", "compte/codes"
ALREADY_SHOWN: Final = "Ces codes viennent d’être faits et ne se montrent qu’une fois : demandez-en d’autres au besoin."
JUST_NOW: Final = timedelta(minutes=2)


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """Everything on one page."""
    return _page(request, visitor, answers.blank(), flash=answers.done_words(fait))


@router.post(HERE + "/mot-de-passe")
def change_password(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Take a new password; the other browsers are signed out."""
    if visitor.has_done(data, PASSWORD):
        return answers.see(HERE, "mot-de-passe")
    actor, keep = visitor.actor, token_of(request)
    current, new = str(data.get("current", "")), str(data.get("password", ""))
    try:
        hashed = accounts.new_password(visitor.runtime.database, actor, current=current, new=new)
        visitor.once(data, PASSWORD, lambda unit: accounts.change_password(unit, actor, hashed, keep=keep))
    except InvalidInput as refused:
        return _page(request, visitor, Form(errors=mistakes_of(refused)), status=422)
    except TooMany as refused:
        return _page(request, visitor, Form(errors={"current": refused.sentence}), status=429)
    return answers.see(HERE, "mot-de-passe")


@router.post(HERE + "/telephone")
def set_up_telephone(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Add a telephone, or another in place of the first, whose code is asked."""
    runtime, person_id = visitor.runtime, _own_id(visitor)
    if visitor.has_done(data, TELEPHONE):
        return answers.see(SET_UP)
    try:
        if _has_telephone(visitor):
            second_factor.check(runtime.database, runtime, person_id, str(data.get("code", "")))
    except (CodeRefused, TooMany) as refused:
        return _page(request, visitor, Form(errors={"code": refused.sentence}), status=refused.status_code)
    opened: list[str] = []
    visitor.once(
        data, TELEPHONE, lambda unit: opened.append(second_factor.open_step(unit, person_id, second_factor.SET_UP))
    )
    response = answers.see(SET_UP)
    for step in opened:
        link_cookies.give(response, runtime.settings, "step", step)
    return response


@router.post(HERE + "/codes")
def new_codes(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Ten new codes for paper, shown once; the old ones serve no more."""
    runtime, person_id = visitor.runtime, _own_id(visitor)
    if visitor.has_done(data, CODES):
        return _page(request, visitor, Form(errors={"code": ALREADY_SHOWN}), status=409)
    try:
        second_factor.check(runtime.database, runtime, person_id, str(data.get("code", "")))
    except (CodeRefused, TooMany) as refused:
        return _page(request, visitor, Form(errors={"code": refused.sentence}), status=refused.status_code)
    codes: list[str] = []
    visitor.once(data, CODES, lambda unit: codes.extend(second_factor.new_paper_codes(unit, runtime, person_id)))
    if not codes:
        return _page(request, visitor, Form(errors={"code": ALREADY_SHOWN}), status=409)
    shell = Shell(dispositif=visitor.programme)
    return answers.page(request, "paper_codes.html", shell=shell, codes=codes, onward=HERE)


@router.post(HERE + "/navigateurs/fermer")
def end_others(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Sign out everywhere else."""
    keep = token_of(request)
    visitor.once(data, "compte/navigateurs", lambda unit: sessions.end_others(unit, visitor.actor, keep))
    return answers.see(HERE, "navigateurs-fermes")


@router.post(HERE + "/navigateurs/{session_id}/fermer")
def end_one(visitor: SignedIn, session_id: UUID, data: Entered) -> Response:
    """Sign one browser out."""
    route = f"compte/navigateurs/{session_id}"
    visitor.once(data, route, lambda unit: sessions.end_one(unit, visitor.actor, session_id))
    return answers.see(HERE, "navigateur-ferme")


@router.post(HERE + "/role/{membership_id}")
def act_as(request: Request, visitor: SignedIn, membership_id: UUID, data: Entered) -> Response:
    """Go on in this browser in another role, from its first page."""
    token = token_of(request)
    visitor.once(data, f"compte/role/{membership_id}", lambda unit: sessions.act_as(unit, token, membership_id))
    return answers.see("/")


def _page(request: Request, visitor: Visitor, form: Form, *, flash: str = "", status: int = 200) -> Response:
    mine = token_hash(token_of(request))
    with visitor.runtime.database.read() as unit:
        person = unit.session.get_one(Person, visitor.actor.id)
        context = {
            "name": person.name,
            "email": person.email,
            "reads_log": Right.ACCESS_LOG in rights(visitor.actor),
            "has_telephone": person.totp_since is not None,
            "codes_left": second_factor.paper_codes_left(unit, person.id),
            "has_password": person.password_hash is not None,
            "browsers": [_browser(visitor, each, mine) for each in sessions.of_person(unit, person.id)],
            "roles": [_role(visitor, each) for each in sessions.memberships_of(unit, person)],
        }
    shell = visitor.shell(HERE, flash)
    return answers.page(request, "account.html", status=status, shell=shell, form=form, **context)


def _own_id(visitor: Visitor) -> UUID:
    if visitor.actor.id is None:
        raise NotFound
    return visitor.actor.id


def _has_telephone(visitor: Visitor) -> bool:
    with visitor.runtime.database.read() as unit:
        return unit.session.get_one(Person, visitor.actor.id).totp_since is not None


def _browser(visitor: Visitor, session: WebSession, mine: str) -> dict[str, Any]:
    seen = session.seen_at + JUST_NOW < visitor.now
    return {
        "family": session.browser or "Navigateur inconnu",
        "since": wording.moment(session.created_at, visitor.zone, today=visitor.today),
        "seen": wording.moment(session.seen_at, visitor.zone, today=visitor.today) if seen else "",
        "here": session.token_hash == mine,
        "end": f"{HERE}/navigateurs/{session.id}/fermer",
    }


def _role(visitor: Visitor, held: Membership) -> dict[str, Any]:
    actor = visitor.actor
    place = (actor.programme_id, actor.role, actor.organisation_id)
    return {
        "words": label("role", held.role),
        "of": held.organisation.name if held.organisation else held.programme.name,
        "here": (held.programme_id, held.role, held.organisation_id) == place,
        "choose": f"{HERE}/role/{held.id}",
    }
