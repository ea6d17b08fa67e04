"""The people of the programme: who they are, what they do, who is let in and who is kept out."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.programmes import Organisation
from models.vocabulary import Role
from services import forms
from services.foundation import wording
from services.foundation.errors import CaseworkError, GuardRefused, InvalidInput
from services.programme import people
from services.programme.people import Known
from services.rules.texts.labels import choices, label
from services.web.pages import act_form, answers
from services.web.pages.administration import tabs
from services.web.pages.entries import Mistakes, kept, mistakes_of, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
HOME: Final = "/administration"
HERE: Final = "/administration/personnes"


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """Everybody, those who left last."""
    with visitor.runtime.database.read() as unit:
        lines = [_line(visitor, each) for each in people.everybody(unit, visitor.actor)]
    shell = visitor.shell(HOME, answers.done_words(fait))
    return answers.page(request, "people.html", shell=shell, tabs=tabs(HERE), people=lines, invite=f"{HERE}/inviter")


@router.get(HERE + "/inviter")
def ask_invitation(request: Request, visitor: SignedIn) -> Response:
    """Whom to let in."""
    return _invitation(request, visitor, answers.blank())


@router.post(HERE + "/inviter")
def invite(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Open an account and write to its address."""
    try:
        form = read(forms.Invitation, data)
        visitor.once(data, "personnes/inviter", lambda unit: people.invite(unit, visitor.hand, form))
    except Mistakes as wrong:
        return _invitation(request, visitor, Form(kept(data), wrong.errors), status=422)
    except InvalidInput as refused:
        return _invitation(request, visitor, Form(kept(data), mistakes_of(refused)), status=422)
    return answers.see(HERE, "invitation")


@router.get(HERE + "/{person_id}")
def one(request: Request, visitor: SignedIn, person_id: UUID, fait: str = "") -> Response:
    """One person: roles, sign-in, what can be done."""
    return _person(request, visitor, person_id, answers.blank(), flash=answers.done_words(fait))


@router.post(HERE + "/{person_id}/invitation")
def invite_again(request: Request, visitor: SignedIn, person_id: UUID, data: Entered) -> Response:
    """The same mail once more."""
    route = f"personnes/{person_id}/invitation"
    try:
        visitor.once(data, route, lambda unit: people.invite_again(unit, visitor.hand, person_id))
    except GuardRefused as refused:
        return _refused(request, visitor, person_id, refused)
    return answers.see(f"{HERE}/{person_id}", "invitation")


@router.post(HERE + "/{person_id}/roles")
def give_role(request: Request, visitor: SignedIn, person_id: UUID, data: Entered) -> Response:
    """One more role."""
    try:
        form = read(forms.RoleForm, data)
        route = f"personnes/{person_id}/roles"
        visitor.once(data, route, lambda unit: people.give_role(unit, visitor.hand, person_id, form))
    except Mistakes as wrong:
        return _person(request, visitor, person_id, Form(kept(data), wrong.errors), status=422)
    except InvalidInput as refused:
        return _person(request, visitor, person_id, Form(kept(data), mistakes_of(refused)), status=422)
    return answers.see(f"{HERE}/{person_id}", "role-donne")


@router.post(HERE + "/{person_id}/roles/{membership_id}/retirer")
def end_role(request: Request, visitor: SignedIn, person_id: UUID, membership_id: UUID, data: Entered) -> Response:
    """Take a role away. Whoever gives up administering leaves these pages."""
    route = f"personnes/{person_id}/roles/{membership_id}"
    try:
        visitor.once(data, route, lambda unit: people.end_role(unit, visitor.hand, person_id, membership_id))
    except GuardRefused as refused:
        return _refused(request, visitor, person_id, refused)
    return answers.see(f"{HERE}/{person_id}", "role-retire")


@router.post(HERE + "/{person_id}/telephone")
def forget_telephone(request: Request, visitor: SignedIn, person_id: UUID, data: Entered) -> Response:
    """Let somebody start anew with another telephone."""
    try:
        form = read(forms.Remedy, data)
        route = f"personnes/{person_id}/telephone"
        visitor.once(data, route, lambda unit: people.forget_telephone(unit, visitor.hand, person_id, form))
    except (Mistakes, GuardRefused) as refused:
        return _refused(request, visitor, person_id, refused)
    return answers.see(f"{HERE}/{person_id}", "telephone-oublie")


@router.post(HERE + "/{person_id}/fermer")
def close(request: Request, visitor: SignedIn, person_id: UUID, data: Entered) -> Response:
    """Keep somebody out."""
    try:
        form = read(forms.Remedy, data)
        route = f"personnes/{person_id}/fermer"
        visitor.once(data, route, lambda unit: people.close(unit, visitor.hand, person_id, form))
    except (Mistakes, GuardRefused) as refused:
        return _refused(request, visitor, person_id, refused)
    return answers.see(f"{HERE}/{person_id}", "compte-ferme")


@router.post(HERE + "/{person_id}/rouvrir")
def reopen(visitor: SignedIn, person_id: UUID, data: Entered) -> Response:
    """Let somebody in again."""
    route = f"personnes/{person_id}/rouvrir"
    visitor.once(data, route, lambda unit: people.reopen(unit, visitor.hand, person_id))
    return answers.see(f"{HERE}/{person_id}", "compte-rouvert")


def _refused(request: Request, visitor: Visitor, person_id: UUID, refused: Exception) -> Response:
    if isinstance(refused, CaseworkError):
        form, status = Form(errors={"": refused.sentence}), refused.status_code
    else:
        form, status = Form(errors={"": "Dites pourquoi : ce motif reste dans le journal."}), 422
    return _person(request, visitor, person_id, form, status=status)


def _invitation(request: Request, visitor: Visitor, form: Form, *, status: int = 200) -> Response:
    with visitor.runtime.database.read() as unit:
        fields = [
            {"kind": "text", "name": "name", "label": "Prénom et nom"},
            {"kind": "text", "name": "email", "label": "Adresse électronique professionnelle", "type": "email"},
            *_role_fields(people.operators(unit, visitor.actor)),
        ]
    return act_form.page(
        request,
        visitor,
        HOME,
        form,
        status=status,
        heading="Inviter une personne",
        lead="Vous ne choisissez aucun mot de passe : la personne entre par un lien envoyé à son adresse.",
        follows=(
            "Un message lui dit que son compte est ouvert et comment entrer la première fois.",
            "La coordination et l’administration choisissent un mot de passe et ajoutent un téléphone.",
            "Une personne déjà connue de Relais garde son compte et gagne ce rôle.",
        ),
        fields=fields,
        action=f"{HERE}/inviter",
        button="Envoyer l’invitation",
        back=HERE,
    )


def _role_fields(operators: Sequence[Organisation]) -> list[dict[str, Any]]:
    named = [(str(each.id), each.name) for each in operators]
    return [
        {"kind": "select", "name": "role", "label": "Rôle", "choices": choices("role")},
        {
            "kind": "select",
            "name": "organisation_id",
            "label": "Opérateur",
            "hint": "Pour une personne qui fait des visites.",
            "choices": named,
            "optional": True,
        },
    ]


def _person(
    request: Request, visitor: Visitor, person_id: UUID, form: Form, *, flash: str = "", status: int = 200
) -> Response:
    with visitor.runtime.database.read() as unit:
        context = {
            "person": _line(visitor, people.one(unit, visitor.actor, person_id)),
            "fields": _role_fields(people.operators(unit, visitor.actor)),
        }
    shell = visitor.shell(HOME, flash)
    here = f"{HERE}/{person_id}"
    return answers.page(request, "person.html", status=status, shell=shell, form=form, here=here, back=HERE, **context)


def _line(visitor: Visitor, known: Known) -> dict[str, Any]:
    person = known.person
    here = f"{HERE}/{person.id}"
    return {
        "href": here,
        "name": person.name,
        "email": person.email,
        "roles": [
            {
                "words": label("role", each.role),
                "of": each.organisation.name if each.organisation and each.role == Role.OPERATOR else "",
                "end": f"{here}/roles/{each.id}/retirer",
            }
            for each in known.roles
        ],
        "closed": wording.moment(person.disabled_at, visitor.zone, today=visitor.today) if person.disabled_at else "",
        "has_password": person.password_hash is not None,
        "has_telephone": person.totp_since is not None,
        "owes_telephone": known.guarded and person.totp_since is None,
        "signed_in": known.signed_in,
    }
