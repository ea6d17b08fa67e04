"""Keys of the API: one's own, made and shown once; all of the programme's, for whoever administers it."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.programmes import ApiKey, Programme
from services import forms
from services.accounts import api_keys
from services.foundation import wording
from services.foundation.tokens import new_token
from services.rules.policy import Right, require
from services.rules.texts.labels import choices, label
from services.web.pages import answers
from services.web.pages.administration import tabs
from services.web.pages.entries import Mistakes, kept, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
OWN: Final = "/compte/cles"
ALL: Final = "/administration/cles"
ALREADY_SHOWN: Final = "Cette clé vient d’être faite et ne se montre qu’une fois : pour une autre, révoquez-la d’abord."
DAYS: Final = (("30", "Un mois"), ("90", "Trois mois"), ("365", "Un an"))


@router.get(OWN)
def own(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """One's own keys, and the form of a new one."""
    return _own(request, visitor, answers.blank(), flash=answers.done_words(fait))


@router.post(OWN)
def make(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Make a key for the role in use; it is shown here and nowhere else."""
    try:
        form = read(forms.KeyForm, data)
    except Mistakes as wrong:
        return _own(request, visitor, Form(kept(data), wrong.errors), status=422)
    made: list[str] = []
    visitor.once(data, "compte/cles", lambda unit: made.append(api_keys.make_own(unit, visitor.actor, form)))
    if not made:
        return _own(request, visitor, Form(errors={"": ALREADY_SHOWN}), status=409)
    return answers.page(request, "key_made.html", shell=visitor.shell(OWN), token=made[0], label=form.label, back=OWN)


@router.post(OWN + "/{key_id}/revoquer")
def revoke_own(visitor: SignedIn, key_id: UUID, data: Entered) -> Response:
    """End one's own key."""
    return _revoke(visitor, key_id, OWN, data)


@router.get(ALL)
def everybodys(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """The keys of the programme, whoever made them."""
    require(visitor.actor, Right.ADMINISTER)
    with visitor.runtime.database.read() as unit:
        programme = unit.session.get_one(Programme, visitor.actor.programme_id)
        lines = [_line(visitor, each, ALL) for each in api_keys.keys_of(unit, programme.id)]
    shell = visitor.shell("/administration", answers.done_words(fait))
    return answers.page(
        request, "keys.html", shell=shell, tabs=tabs(ALL), keys=lines, form=None, own=OWN, once=new_token()
    )


@router.post(ALL + "/{key_id}/revoquer")
def revoke(visitor: SignedIn, key_id: UUID, data: Entered) -> Response:
    """End anybody's key."""
    require(visitor.actor, Right.ADMINISTER)
    return _revoke(visitor, key_id, ALL, data)


def _revoke(visitor: Visitor, key_id: UUID, back: str, data: Entered) -> Response:
    visitor.once(data, f"cles/{key_id}", lambda unit: api_keys.revoke_by_id(unit, visitor.actor, key_id))
    return answers.see(back, "cle-revoquee")


def _own(request: Request, visitor: Visitor, form: Form, *, flash: str = "", status: int = 200) -> Response:
    with visitor.runtime.database.read() as unit:
        lines = [_line(visitor, each, OWN) for each in api_keys.made_by(unit, visitor.actor)]
    return answers.page(
        request,
        "keys.html",
        status=status,
        shell=visitor.shell(OWN, flash),
        tabs=[],
        keys=lines,
        form=form,
        once=form.once,
        own=OWN,
        scopes=choices("key_scope"),
        days=DAYS,
    )


def _line(visitor: Visitor, key: ApiKey, place: str) -> dict[str, Any]:
    def when(instant: Any) -> str:
        return wording.moment(instant, visitor.zone, today=visitor.today) if instant else ""

    late = key.expires_at is not None and key.expires_at <= visitor.now
    return {
        "label": key.label,
        "owner": key.membership.person.name,
        "role": label("role", key.membership.role),
        "scope": label("key_scope", key.scope),
        "made": when(key.created_at),
        "until": when(key.expires_at),
        "used": when(key.used_at),
        "ended": "révoquée" if key.revoked_at else "expirée" if late else "",
        "revoke": f"{place}/{key.id}/revoquer",
    }
