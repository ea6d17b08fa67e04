"""One case as its page shows it: plain data in the words of the screen, nothing that still needs the database."""

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from models.cases import Case
from models.engine import Task
from models.lifecycles import CaseAction, case_actions
from models.pathway import Send
from models.vocabulary import CallResult, CaseState, Channel, Role
from services import desk, messages, timeline
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.rules.effects import REVIEW_SUSPENSION
from services.rules.obligations import Coming
from services.rules.policy import Right, rights
from services.rules.published import calendar_of, pathway_of
from services.rules.rendering import COORDINATION, coordinator_of
from services.rules.texts.catalogue import SCREEN, TextContext, render
from services.rules.texts.labels import inside, label
from services.rules.titles import task_title, what_to_do
from services.web.pages import case_cards
from services.web.pages.next_acts import acts_of, handling_of
from services.web.pages.visitor import Visitor

CALLABLE: Final = frozenset({CaseState.TO_CONTACT, CaseState.CONTACTING, CaseState.QUALIFIED})
RESULTS: Final = (
    CallResult.REACHED,
    CallResult.NO_ANSWER,
    CallResult.VOICEMAIL,
    CallResult.WRONG_NUMBER,
    CallResult.REFUSED,
)
_MORE: Final = (
    (CaseAction.ACCEPT, "Accepter", "accepter", Right.TRIAGE),
    (CaseAction.REJECT, "Refuser", "refuser", Right.TRIAGE),
    (CaseAction.PLAN_VISIT, "Fixer la visite", "visite", Right.VISIT),
    (CaseAction.MOVE_VISIT, "Déplacer la visite", "visite/deplacer", Right.VISIT),
    (CaseAction.HOLD_VISIT, "Visite faite", "visite/faite", Right.VISIT),
    (CaseAction.LOSE_VISIT, "Absence ou annulation", "visite/perdue", Right.VISIT),
    (CaseAction.FINISH_DIAGNOSIS, "Diagnostic terminé", "diagnostic", Right.REPORT),
    (CaseAction.DELIVER_REPORT, "Remettre le rapport", "rapport", Right.REPORT),
    (CaseAction.REFER, "Orienter vers un partenaire", "orienter", Right.REFER),
    (CaseAction.FOLLOW_UP, "Passer au suivi", "passer-au-suivi", Right.REFER),
    (CaseAction.GIVE_UP, "Renoncer : ménage injoignable", "renoncer", Right.GIVE_UP),
    (CaseAction.CLOSE, "Terminer la situation", "cloturer", Right.CLOSE),
    (CaseAction.RESUME, "Reprendre la situation", "reprendre", Right.SUSPEND),
    (CaseAction.REOPEN, "Rouvrir la situation", "rouvrir", Right.REOPEN),
    (CaseAction.UNMERGE, "Défaire la réunion", "separer", Right.MERGE),
)
_ENDS: Final = (
    (CaseAction.SUSPEND, "Mettre en pause", "suspendre", Right.SUSPEND),
    (CaseAction.DISQUALIFY, "Conditions non réunies", "non-eligible", Right.DISQUALIFY),
    (CaseAction.WITHDRAW, "Arrêter à la demande du ménage", "retrait", Right.WITHDRAW),
    (CaseAction.MERGE, "Réunir à une autre situation", "reunir", Right.MERGE),
    (CaseAction.TRANSFER, "Transmettre à un autre dispositif", "transmettre", Right.TRANSFER),
)
"""What stops a case, makes it wait or sends it elsewhere: folded below the others."""


def context(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any]:
    """Everything that `case.html` asks for, but the shell and the forms."""
    case = found.case
    rest = case_cards.at_rest(unit, visitor, found)
    ball, engine = (None, None) if rest else (_ball(unit, visitor, found), _engine(found))
    offered = {act.get("href") for part in (rest, ball, engine) if part for act in part["acts"]}
    return {
        "case": _heading(visitor, case),
        "danger": _danger(unit, visitor, found),
        "rest": rest,
        "ball": ball,
        "others": _others(unit, visitor, found, at_rest=rest is not None),
        "engine": engine,
        "entries": timeline.of_case(unit, case.id, visitor.zone),
        "hastened": messages.may_leave_now(unit, case) if Right.SEND_NOW in rights(visitor.actor) else frozenset(),
        "calling": _calling(unit, visitor, found),
        "reach": _reach(case),
        "checks": case_cards.checks(unit, visitor, case),
        "visit": _visit(visitor, found),
        "referrals": [case_cards.referral(unit, visitor, each, found) for each in found.referrals],
        "coming": [line for each in found.coming if (line := _coming(unit, each, visitor.zone))][:8],
        "loans": case_cards.loans(visitor, found),
        "agreements": [case_cards.agreement(unit, visitor, case, each) for each in found.permissions],
        "documents": [_document(each) for each in found.documents],
        "alerts": [_alert(visitor, each) for each in case.alerts],
        "may_agree": Right.PERMISSIONS in rights(visitor.actor) and not case.is_closed,
        "more": [act for act in _more(visitor, case) if act["href"] not in offered],
        "ends": [act for act in _ends(visitor, case) if act["href"] not in offered],
    }


def _heading(visitor: Visitor, case: Case) -> dict[str, Any]:
    household = case.household
    age = f", {visitor.today.year - household.birth_year} ans" if household.birth_year else ""
    return {
        "id": case.id,
        "href": f"/situations/{case.id}",
        "reference": case.number,
        "commune": case.dwelling.commune.name,
        "tenure": label("tenure", case.dwelling.tenure),
        "opened_on": case.opened_at.astimezone(visitor.zone).date(),
        "who": f"{household.name}{age}",
        "stage": case.stage,
        "state": label("case_state", case.state),
        "operator": case.operator.name if case.operator else "",
    }


def _danger(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    task = next((task for task in found.tasks if task.kind == desk.DANGER), None)
    if task is None:
        return None
    told = task.opened_at.astimezone(visitor.zone)
    kind = label("danger", found.case.danger) if found.case.danger else "Danger"
    text = f"{inside(kind)}, signalé {wording.day(told.date())} à {wording.hour(told)}, pas encore pris en charge."
    return {"text": text, "acts": acts_of(unit, visitor.actor, task)}


def _ball(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    tasks = [task for task in found.tasks if task.kind != desk.DANGER]
    if found.in_engines_hands or not tasks:
        return None
    return _waiting(unit, visitor, tasks[0])


def _others(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet, *, at_rest: bool) -> list[dict[str, Any]]:
    """What is awaited beside the ball; on a suspended case, what goes on all the same."""
    tasks = [task for task in found.tasks if task.kind not in {desk.DANGER, REVIEW_SUSPENSION}]
    if at_rest:
        return [_waiting(unit, visitor, task) for task in tasks]
    return [] if found.in_engines_hands else [_waiting(unit, visitor, task) for task in tasks[1:]]


def _waiting(unit: UnitOfWork, visitor: Visitor, task: Task) -> dict[str, Any]:
    who, phone = desk.waited_for(unit, visitor.actor, task)
    due = wording.chip(task.due_at, unit.now, calendar_of(unit, task.programme_id))
    doubt = messages.in_doubt(unit, task) if task.kind == "check_message" else None
    about = f" ({inside(label('theme', task.referral.need.theme))})" if task.referral else ""
    # While a request is under way to the partner its date is not final.
    then = "La date devient définitive quand la messagerie du partenaire a pris la demande." if task.provisional else ""
    pathway = pathway_of(unit, task.case.pathway_hash)
    until = task.snoozed_until
    put_off = (
        f"Pas de relance avant le {wording.day(until, today=visitor.today)}." if until and until > visitor.today else ""
    )
    return {
        "who": who,
        "before": wording.day(task.due_at.astimezone(visitor.zone).date(), today=visitor.today),
        "what": task_title(pathway, task.kind) + about,
        "then": " ".join(part for part in (then or what_to_do(pathway, task.kind), put_off) if part),
        "phone": phone,
        "due": {"text": due.text, "tone": due.tone.value},
        "acts": acts_of(unit, visitor.actor, task, doubt=doubt.id if doubt else None)[:2],
        "handling": handling_of(unit, visitor.actor, task),
    }


def _engine(found: desk.Sheet) -> dict[str, Any] | None:
    if found.in_engines_hands:
        what = "Ce qui suit du dernier acte part dans la minute. Vous n’avez rien à faire."
        return {"what": what, "heading": "", "acts": [], "mark": "engine"}
    if not found.tasks:
        what = "Rien n’est demandé à personne pour l’instant."
        return {"what": what, "heading": "Aucune tâche ouverte", "acts": [], "mark": "engine"}
    return None


def _calling(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    case = found.case
    if CaseState(case.state) not in CALLABLE or Right.CALL not in rights(visitor.actor):
        return None
    usable = [phone for phone in case.household.phones if phone.blocked_at is None]
    return {
        "action": f"/situations/{case.id}/appel",
        "phones": [(str(phone.id), wording.phone(phone.number)) for phone in usable],
        "results": [(result.value, label("call_result", result.value)) for result in RESULTS],
        "best_time": label("best_time", case.household.best_time),
        "script": _script(unit, visitor, case),
    }


def _script(unit: UnitOfWork, visitor: Visitor, case: Case) -> str:
    """What may be left on a voicemail: nothing of why we call."""
    signer = coordinator_of(unit, case.programme_id)
    programme = case.programme
    words = TextContext(
        programme_name=programme.public_name,
        programme_phone=programme.phone,
        programme_email=programme.email,
        city=programme.city,
        reference=case.number,
        commune=case.dwelling.commune.name,
        signer_name=visitor.actor.name or (signer.name if signer else COORDINATION),
        signer_phone=(case.operator.phone if case.operator else None) or programme.phone,
        zone=visitor.zone,
    )
    return render("voicemail", Role.OPERATOR.value, SCREEN, words).body


def _reach(case: Case) -> dict[str, Any]:
    household, dwelling = case.household, case.dwelling
    return {
        "phones": [{"number": each.number, "blocked": each.blocked_at is not None} for each in household.phones],
        "best_time": label("best_time", household.best_time),
        "email": household.email or "",
        "address": [dwelling.street, dwelling.complement, f"{dwelling.postcode} {dwelling.commune.name}"],
        "landlord": dwelling.landlord,
        "people": household.people,
    }


def _visit(visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    visit = found.planned_visit
    if visit is None:
        return None
    return {
        "when": wording.moment(visit.starts_at, visitor.zone, today=visitor.today),
        "officer": visit.officer.name if visit.officer else "",
    }


def _coming(unit: UnitOfWork, step: Coming, zone: ZoneInfo) -> dict[str, Any] | None:
    sends = [each for each in step.rung.steps if isinstance(each, Send)]
    on = step.at.astimezone(zone).date()
    if sends:
        first = sends[0]
        reader = f"à {label('party', first.to.value)}".replace("à le ", "au ")
        return {"on": on, "text": f"{_CHANNELS[first.by]} {reader} : {timeline.title_of(first.send)}"}
    title = task_title(pathway_of(unit, step.task.case.pathway_hash), step.task.kind)
    return {"on": on, "text": f"{title} : échéance"} if step.rung.act else None


_CHANNELS: Final = {Channel.EMAIL: "E-mail", Channel.SMS: "SMS", Channel.LETTER: "Courrier"}


def _document(document: Any) -> dict[str, Any]:
    size = f"{max(1, round(document.size / 1024))} Ko"
    return {"name": document.filename, "href": f"/documents/{document.id}", "size": size}


def _alert(visitor: Visitor, alert: Any) -> dict[str, Any]:
    return {
        "giver": alert.giver_name,
        "organisation": alert.organisation.name if alert.organisation else "",
        "on": alert.received_at.astimezone(visitor.zone).date(),
        "motives": ", ".join(inside(label("motive", motive)) for motive in alert.motives),
        "text": alert.free_text,
        "phone": alert.giver_phone or "",
        "email": alert.giver_email or "",
    }


def _more(visitor: Visitor, case: Case) -> list[dict[str, str]]:
    granted = rights(visitor.actor)
    more = _allowed(visitor, case, _MORE)
    if Right.CORRECT in granted and not case.is_closed:
        more.append(("Donner un autre numéro", "numero"))
    if Right.LEND in granted and not case.is_closed:
        more.append(("Prêter un appareil", "prets"))
    if Right.DANGER in granted and not case.is_closed:
        more.append(("Signaler un danger", "danger"))
    return _links(case, more)


def _ends(visitor: Visitor, case: Case) -> list[dict[str, str]]:
    ends = _allowed(visitor, case, _ENDS)
    if Right.REASSIGN in rights(visitor.actor) and case.operator_id is not None and not case.is_closed:
        ends.append(("Confier à un autre opérateur", "reaffecter"))
    return _links(case, ends)


Offer = tuple[CaseAction, str, str, Right]


def _allowed(visitor: Visitor, case: Case, offers: Sequence[Offer]) -> list[tuple[str, str]]:
    allowed, granted = case_actions(CaseState(case.state)), rights(visitor.actor)
    return [(words, path) for action, words, path, right in offers if action in allowed and right in granted]


def _links(case: Case, acts: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"label": words, "href": f"/situations/{case.id}/{path}"} for words, path in acts]
