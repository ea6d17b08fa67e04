"""The programme's organisations: added, changed, ended; each alert giver's secret address, renewed or revoked."""

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.cases import Case
from models.programmes import Organisation
from models.vocabulary import Contract, OrganisationKind
from services import forms
from services.cases import addresses, triage
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, NotFound
from services.foundation.tokens import new_token
from services.overview import desk
from services.programme import organisations
from services.programme.organisations import NewOrganisation, OrganisationDetails
from services.rules.links import alert_url, has_alert_link
from services.rules.policy import Right, require
from services.rules.texts.labels import choices, label
from services.web.pages import act_form, answers
from services.web.pages.directory_acts import carry_out
from services.web.pages.entries import Mistakes, kept, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
HERE = "/organisations"
SECTION = "/annuaire"
"""Where the navigation shows it: one directory, and who else works with the programme."""
OPERATOR: Final = OrganisationKind.OPERATOR
ADDING: Final = {
    OrganisationKind.ALERT_GIVER: "Ajouter un service qui demande des visites",
    OrganisationKind.OPERATOR: "Ajouter un opérateur",
    OrganisationKind.PARTNER: "Ajouter un partenaire",
}
ADDED: Final = {
    OrganisationKind.ALERT_GIVER: "Il a son lien secret tout de suite : à vous de le lui donner.",
    OrganisationKind.OPERATOR: "Il est proposé dès qu’une demande est acceptée ; ses personnes sont invitées à part.",
    OrganisationKind.PARTNER: "Il est proposé une fois que l’annuaire dit ce qu’il offre.",
}
CONTRACTS: Final = {
    Contract.IN_HOUSE: "Des agents de la collectivité",
    Contract.PUBLIC_CONTRACT: "La coordination voit tout de ses situations",
    Contract.SUBSIDY: "La coordination suit l’avancement ; elle ne sait qui est le ménage qu’avec son accord",
    Contract.AGREEMENT: "Comme un marché public",
}


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """The alert givers' services with their secret addresses, operators and partners; those that ended, folded."""
    with visitor.runtime.database.read() as unit:
        known = organisations.directory(unit, visitor.actor)
        living = {kind: [each for each in known[kind] if each.ended_on is None] for kind in ADDING}
        givers = [_giver(visitor, each) for each in living[OrganisationKind.ALERT_GIVER]]
        operators = [_line(each) for each in living[OrganisationKind.OPERATOR]]
        partners = [_line(each) for each in living[OrganisationKind.PARTNER]]
        ended = [_ended(each, visitor) for kind in ADDING for each in known[kind] if each.ended_on is not None]
    return answers.page(
        request,
        "organisations.html",
        shell=visitor.shell(SECTION, answers.done_words(fait)),
        givers=givers,
        operators=operators,
        partners=partners,
        ended=ended,
        adding={kind.value: f"{HERE}/ajouter?nature={kind}" for kind in ADDING},
    )


@router.get(HERE + "/ajouter")
def ask_new(request: Request, visitor: SignedIn, nature: OrganisationKind = OrganisationKind.PARTNER) -> Response:
    """Somebody new works with the programme."""
    return _ask_new(request, visitor, nature, answers.blank())


@router.post(HERE + "/ajouter")
def add(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Among the others from now on."""
    kind = next((each for each in ADDING if each == data.get("kind")), OrganisationKind.PARTNER)
    wrong = carry_out(
        visitor,
        data,
        "organisations/ajouter",
        lambda unit: organisations.add(unit, visitor.hand, _read_new(unit, visitor, kind, data)),
    )
    if wrong is not None:
        return _ask_new(request, visitor, kind, wrong, status=422)
    return answers.see(HERE, "organisation-ajoutee")


def _read_new(unit: UnitOfWork, visitor: Visitor, kind: OrganisationKind, data: FormData) -> NewOrganisation:
    same = organisations.namesake(unit, visitor.actor.programme_id, kind, str(data.get("name", "")))
    return read(NewOrganisation, data, same)


def _ask_new(
    request: Request, visitor: Visitor, kind: OrganisationKind, form: Form, *, status: int = 200
) -> Response:  # fmt: skip
    require(visitor.actor, Right.ORGANISATIONS)
    if kind not in ADDING:
        raise NotFound
    hidden = {"kind": "hidden", "name": "kind", "label": ""}
    return act_form.page(
        request,
        visitor,
        SECTION,
        replace(form, entered={**form.entered, "kind": kind.value}),
        status=status,
        heading=ADDING[kind],
        follows=(ADDED[kind],),
        fields=[hidden, *_fields(kind, None)],
        action=f"{HERE}/ajouter",
        button="Ajouter",
        back=HERE,
    )


@router.get(HERE + "/{organisation_id}/modifier")
def ask_change(request: Request, visitor: SignedIn, organisation_id: UUID) -> Response:
    """How an organisation is called and reached, as it stands."""
    return _ask_change(request, visitor, organisation_id, answers.blank())


@router.post(HERE + "/{organisation_id}/modifier")
def change(request: Request, visitor: SignedIn, organisation_id: UUID, data: Entered) -> Response:
    """As it is from now on."""
    wrong = carry_out(
        visitor,
        data,
        f"organisations/{organisation_id}/modifier",
        lambda unit: organisations.change(
            unit, visitor.hand, organisation_id, _read_change(unit, visitor, organisation_id, data)
        ),
    )
    if wrong is not None:
        return _ask_change(request, visitor, organisation_id, wrong, status=422)
    return answers.see(HERE, "organisation-modifiee")


def _read_change(unit: UnitOfWork, visitor: Visitor, organisation_id: UUID, data: FormData) -> OrganisationDetails:
    it = organisations.one(unit, visitor.actor, organisation_id)
    kind, name = OrganisationKind(it.kind), str(data.get("name", ""))
    return read(OrganisationDetails, data, organisations.namesake(unit, it.programme_id, kind, name, but=it.id))


def _ask_change(
    request: Request, visitor: Visitor, organisation_id: UUID, form: Form, *, status: int = 200
) -> Response:  # fmt: skip
    with visitor.runtime.database.read() as unit:
        organisation = organisations.one(unit, visitor.actor, organisation_id)
        kind, name = OrganisationKind(organisation.kind), organisation.name
        fields, follows = _fields(kind, organisation), _follows_change(unit, visitor, organisation)
    return act_form.page(
        request,
        visitor,
        SECTION,
        form,
        status=status,
        heading="Modifier",
        over=name,
        follows=follows,
        fields=fields,
        action=f"{HERE}/{organisation_id}/modifier",
        button="Enregistrer",
        back=HERE,
    )


def _follows_change(unit: UnitOfWork, visitor: Visitor, organisation: Organisation) -> tuple[str, ...]:
    if organisation.kind == OrganisationKind.PARTNER:
        waiting = addresses.waiting_for(unit, visitor.actor, organisation.id)
        if waiting == 0:
            return ("Les prochaines demandes partent à cette adresse.",)
        return (
            "Une demande attend son adresse : elle repart."
            if waiting == 1
            else f"{waiting} demandes attendent son adresse : elles repartent.",
        )
    if organisation.kind == OPERATOR:
        count = organisations.hanging(unit, organisation).cases
        there = "aucune situation ouverte" if count == 0 else wording.counted(count, "situation ouverte")
        return (
            f"Chez cet opérateur : {there}. Un autre contrat change tout de suite ce que la coordination en voit.",
            "Avec une subvention, l’opérateur imprime et poste lui-même les courriers de ses situations.",
        )
    return ()


@router.get(HERE + "/{organisation_id}/terminer")
def ask_end(request: Request, visitor: SignedIn, organisation_id: UUID) -> Response:
    """What hangs on an organisation, before it ends; an operator's open cases are handed over first."""
    with visitor.runtime.database.read() as unit:
        organisation = organisations.one(unit, visitor.actor, organisation_id)
        hanging, name = organisations.hanging(unit, organisation), organisation.name
    if hanging.cases:
        return answers.see(f"{HERE}/{organisation_id}/situations")
    return act_form.page(
        request,
        visitor,
        SECTION,
        answers.blank(),
        heading="Ne plus travailler ensemble",
        over=name,
        follows=_follows_end(hanging),
        action=f"{HERE}/{organisation_id}/terminer",
        button="Ne plus travailler ensemble",
        back=HERE,
        danger=True,
    )


def _follows_end(hanging: organisations.Hanging) -> tuple[str, ...]:
    said = ["Cette organisation n’est plus proposée nulle part ; ce qui a été fait reste écrit."]
    if hanging.has_link:
        said.append("Son lien secret n’ouvre plus rien, tout de suite.")
    if hanging.requests:
        asked = wording.counted(hanging.requests, "demande")
        said.append(f"{asked} en cours : elle peut encore y répondre ; sans réponse, la coordination réoriente.")
    if hanging.people:
        said.append(f"{wording.counted(hanging.people, 'personne')} de l’équipe n’entre plus ici par ce rôle.")
    return tuple(said)


@router.post(HERE + "/{organisation_id}/terminer")
def end(visitor: SignedIn, organisation_id: UUID, data: Entered) -> Response:
    """Offered nowhere from now on."""
    visitor.once(
        data,
        f"organisations/{organisation_id}/terminer",
        lambda unit: organisations.end(unit, visitor.hand, organisation_id),
    )
    return answers.see(HERE, "organisation-terminee")


@router.post(HERE + "/{organisation_id}/reprendre")
def take_up(visitor: SignedIn, organisation_id: UUID, data: Entered) -> Response:
    """It works with the programme again."""
    visitor.once(
        data,
        f"organisations/{organisation_id}/reprendre",
        lambda unit: organisations.take_up(unit, visitor.hand, organisation_id),
    )
    return answers.see(HERE, "organisation-reprise")


# --- At the end of an operator's contract ----------------------------------------------------------------------------


@router.get(HERE + "/{organisation_id}/situations")
def ask_hand_over(request: Request, visitor: SignedIn, organisation_id: UUID) -> Response:
    """An operator's open cases, and to whom they go."""
    return _ask_hand_over(request, visitor, organisation_id, answers.blank())


def _ask_hand_over(
    request: Request, visitor: Visitor, organisation_id: UUID, form: Form, *, status: int = 200
) -> Response:  # fmt: skip
    with visitor.runtime.database.read() as unit:
        cases = [_case(each) for each in organisations.open_cases(unit, visitor.actor, organisation_id)]
        name = organisations.one(unit, visitor.actor, organisation_id).name
        others = desk.organisations(unit, visitor.actor, OPERATOR)
        operators = [(str(each.id), each.name) for each in others if each.id != organisation_id]
    return answers.page(
        request,
        "hand_over.html",
        status=status,
        shell=visitor.shell(SECTION),
        form=form,
        name=name,
        cases=cases,
        operators=operators,
        action=f"{HERE}/{organisation_id}/situations",
        end=f"{HERE}/{organisation_id}/terminer",
        back=HERE,
    )


@router.post(HERE + "/{organisation_id}/situations")
def hand_over(request: Request, visitor: SignedIn, organisation_id: UUID, data: Entered) -> Response:
    """Each case in its own transaction; refusals are said line by line."""
    try:
        form = read(forms.Reassignment, data)
    except Mistakes as mistakes:
        wrong = Form(entered=kept(data), errors=mistakes.errors)
        return _ask_hand_over(request, visitor, organisation_id, wrong, status=422)
    with visitor.runtime.database.read() as unit:
        cases = [_case(each) for each in organisations.open_cases(unit, visitor.actor, organisation_id)]
    lines = [_one(visitor, data, case, form) for case in cases]
    return answers.page(
        request,
        "bulk.html",
        shell=visitor.shell(SECTION),
        heading="Situations confiées",
        problem="" if lines else "Plus aucune situation ouverte n’est chez cet opérateur.",
        untried=(),
        done=[line for line in lines if not line["refused"]],
        refused=[line for line in lines if line["refused"]],
        back=f"{HERE}/{organisation_id}/situations",
    )


def _one(visitor: Visitor, data: FormData, case: dict[str, Any], form: forms.Reassignment) -> dict[str, Any]:
    try:
        visitor.once(
            data,
            f"organisations/situations/{case['id']}",
            lambda unit: triage.reassign(unit, visitor.hand, case["id"], form),
        )
    except CaseworkError as refused:
        return case | {"refused": refused.sentence}
    return case | {"refused": ""}


def _case(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "what": f"{case.dwelling.commune.name} · {label('case_state', case.state)}",
    }


# --- The secret link of an alert giver -------------------------------------------------------------------------------


@router.get(HERE + "/{organisation_id}/renouveler")
def ask_renewal(request: Request, visitor: SignedIn, organisation_id: UUID) -> Response:
    """What renewing means, before anything is done."""
    with visitor.runtime.database.read() as unit:
        giver = organisations.alert_giver(unit, visitor.actor, organisation_id)
        name, had_link = giver.name, has_alert_link(giver)
    old = ("L’ancien lien n’ouvre plus rien, tout de suite.",) if had_link else ()
    return act_form.page(
        request,
        visitor,
        SECTION,
        answers.blank(),
        heading="Renouveler le lien" if had_link else "Donner un lien",
        over=name,
        lead="À faire quand le lien est tombé entre d’autres mains, ou quand quelqu’un quitte le service."
        if had_link
        else "",
        follows=(
            *old,
            "Les demandes déjà reçues ne changent pas.",
            "Le nouveau lien s’affiche dans la liste : à vous de le donner au service.",
        ),
        action=f"{HERE}/{organisation_id}/renouveler",
        button="Renouveler le lien" if had_link else "Donner un lien",
        back=HERE,
        danger=had_link,
    )


@router.post(HERE + "/{organisation_id}/renouveler")
def renew(visitor: SignedIn, organisation_id: UUID, data: Entered) -> Response:
    """The old link dies; the new one is in the list."""
    visitor.once(
        data,
        f"organisations/{organisation_id}/renouveler",
        lambda unit: organisations.renew_link(unit, visitor.hand, organisation_id),
    )
    return answers.see(HERE, "lien-renouvele")


@router.get(HERE + "/{organisation_id}/revoquer")
def ask_revocation(request: Request, visitor: SignedIn, organisation_id: UUID) -> Response:
    """What revoking means, before anything is done."""
    with visitor.runtime.database.read() as unit:
        name = organisations.alert_giver(unit, visitor.actor, organisation_id).name
    return act_form.page(
        request,
        visitor,
        SECTION,
        answers.blank(),
        heading="Retirer le lien",
        over=name,
        lead="Ce service ne peut plus demander de visite par son lien, jusqu’à ce qu’un autre lui soit donné.",
        follows=("Le lien n’ouvre plus rien, tout de suite.", "Les demandes déjà reçues ne changent pas."),
        action=f"{HERE}/{organisation_id}/revoquer",
        button="Retirer le lien",
        back=HERE,
        danger=True,
    )


@router.post(HERE + "/{organisation_id}/revoquer")
def revoke(visitor: SignedIn, organisation_id: UUID, data: Entered) -> Response:
    """No link at all, until it is renewed."""
    visitor.once(
        data,
        f"organisations/{organisation_id}/revoquer",
        lambda unit: organisations.revoke_link(unit, visitor.hand, organisation_id),
    )
    return answers.see(HERE, "lien-retire")


# --- What pages show -------------------------------------------------------------------------------------------------


def _fields(kind: OrganisationKind, it: Organisation | None) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = [
        {"kind": "text", "name": "name", "label": "Nom", "value": it.name if it else ""},
        {"kind": "text", "name": "contact", "label": "Interlocuteur", "optional": True, "hint": "Nom et fonction",
         "value": it.contact if it else ""},
        {"kind": "text", "name": "email", "label": "Adresse électronique", "type": "email", "inputmode": "email",
         "optional": True, "value": (it.email or "") if it else ""},
        {"kind": "text", "name": "phone", "label": "Téléphone", "type": "tel", "inputmode": "tel", "width": "medium",
         "optional": True, "value": wording.phone(it.phone) if it and it.phone else ""},
    ]  # fmt: skip
    if kind is OPERATOR:
        contracts = [(code, words, CONTRACTS[Contract(code)]) for code, words in choices("contract")]
        asked.append(
            {"kind": "radios", "name": "contract", "label": "Contrat", "choices": contracts,
             "value": (it.contract if it else None) or Contract.PUBLIC_CONTRACT.value}
        )  # fmt: skip
    return asked


def _line(organisation: Organisation) -> dict[str, Any]:
    here = f"{HERE}/{organisation.id}"
    acts = [{"label": "Modifier", "href": f"{here}/modifier"}]
    if organisation.kind == OPERATOR:
        acts.append({"label": "Situations ouvertes", "href": f"{here}/situations"})
    return {
        "name": organisation.name,
        "contact": organisation.contact,
        "email": organisation.email or "",
        "phone": organisation.phone or "",
        "contract": label("contract", organisation.contract) if organisation.contract else "",
        "acts": [*acts, {"label": "Ne plus travailler ensemble", "href": f"{here}/terminer"}],
    }


def _giver(visitor: Visitor, organisation: Organisation) -> dict[str, Any]:
    here, line = f"{HERE}/{organisation.id}", _line(organisation)
    if not has_alert_link(organisation):
        return line | {
            "address": "",
            "acts": [{"label": "Donner un lien", "href": f"{here}/renouveler"}, *line["acts"]],
        }
    address = alert_url(visitor.runtime, organisation)
    own = [
        {"label": "Ouvrir le formulaire", "href": address},
        {"label": "Affiche à imprimer", "href": f"{here}/affiche"},
        {"label": "Renouveler le lien", "href": f"{here}/renouveler"},
        {"label": "Retirer le lien", "href": f"{here}/revoquer"},
    ]
    return line | {"address": address, "acts": [*own, *line["acts"]]}


def _ended(organisation: Organisation, visitor: Visitor) -> dict[str, Any]:
    again = {"label": "Reprendre", "post": f"{HERE}/{organisation.id}/reprendre", "once": new_token()}
    since = wording.day(organisation.ended_on, today=visitor.today) if organisation.ended_on else ""
    kind = label("organisation_kind", organisation.kind)
    return {"name": organisation.name, "what": f"{kind}, jusqu’au {since}", "acts": [again]}
