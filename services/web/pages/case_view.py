"""One case as its page shows it: plain data in the words of the screen, nothing that still needs the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from models.cases import Case, Referral
from models.engine import Task
from models.lifecycles import UNANSWERED, UNDER_WAY, CaseAction, case_actions
from models.pathway import Send
from models.vocabulary import CallResult, CaseState, Channel, Loop, ReferralState, Role
from services import desk, messages, timeline
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.rules.obligations import Coming
from services.rules.policy import Right, rights
from services.rules.published import calendar_of
from services.rules.rendering import COORDINATION, coordinator_of
from services.rules.texts.catalogue import SCREEN, TextContext, render
from services.rules.texts.labels import inside, label
from services.web.pages.next_acts import acts_of
from services.web.pages.visitor import Visitor

CALLABLE: Final = frozenset({CaseState.TO_CONTACT, CaseState.CONTACTING, CaseState.QUALIFIED})
RESULTS: Final = (
    CallResult.REACHED,
    CallResult.NO_ANSWER,
    CallResult.VOICEMAIL,
    CallResult.WRONG_NUMBER,
    CallResult.REFUSED,
)
_TONES: Final = {
    ReferralState.ACCEPTED: "ok",
    ReferralState.IN_PROGRESS: "ok",
    ReferralState.COMPLETED: "ok",
    ReferralState.DECLINED: "late",
    ReferralState.EXPIRED: "late",
    ReferralState.FAILED: "late",
    ReferralState.WITHDRAWN: "plain",
}
_MORE: Final = (
    (CaseAction.ACCEPT, "Accepter", "accepter", Right.TRIAGE),
    (CaseAction.REJECT, "Refuser", "refuser", Right.TRIAGE),
    (CaseAction.PLAN_VISIT, "Fixer la visite", "visite", Right.VISIT),
    (CaseAction.MOVE_VISIT, "Déplacer la visite", "visite/deplacer", Right.VISIT),
    (CaseAction.HOLD_VISIT, "Visite faite", "visite/faite", Right.VISIT),
    (CaseAction.LOSE_VISIT, "Absence ou annulation", "visite/perdue", Right.VISIT),
    (CaseAction.DELIVER_REPORT, "Remettre le rapport", "rapport", Right.REPORT),
    (CaseAction.REFER, "Orienter vers un partenaire", "orienter", Right.REFER),
    (CaseAction.FOLLOW_UP, "Passer au suivi", "passer-au-suivi", Right.REFER),
    (CaseAction.GIVE_UP, "Renoncer : ménage injoignable", "renoncer", Right.GIVE_UP),
    (CaseAction.CLOSE, "Terminer la situation", "cloturer", Right.CLOSE),
    (CaseAction.REOPEN, "Rouvrir la situation", "rouvrir", Right.REOPEN),
)


def context(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any]:
    """Everything that `case.html` asks for, but the shell and the forms."""
    case = found.case
    return {
        "case": _heading(visitor, case),
        "danger": _danger(visitor, found),
        "ball": _ball(unit, visitor, found),
        "others": _others(unit, visitor, found),
        "engine": _engine(visitor, found),
        "entries": timeline.of_case(unit, case.id, visitor.zone),
        "calling": _calling(unit, visitor, found),
        "reach": _reach(case),
        "checks": _checks(unit, visitor, case),
        "visit": _visit(visitor, found),
        "referrals": [_referral(visitor, each, found.tasks, unit.now) for each in found.referrals],
        "coming": [line for each in found.coming if (line := _coming(each, visitor.zone))][:8],
        "agreements": [_agreement(unit, each) for each in found.permissions],
        "documents": [_document(each) for each in found.documents],
        "alerts": [_alert(visitor, each) for each in case.alerts],
        "more": _more(visitor, case),
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


def _danger(visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    task = next((task for task in found.tasks if task.kind == desk.DANGER), None)
    if task is None:
        return None
    told = task.opened_at.astimezone(visitor.zone)
    kind = label("danger", found.case.danger) if found.case.danger else "Danger"
    text = f"{inside(kind)}, signalé {wording.day(told.date())} à {wording.hour(told)}, pas encore pris en charge."
    return {"text": text, "acts": acts_of(visitor.actor, task)}


def _ball(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    tasks = [task for task in found.tasks if task.kind != desk.DANGER]
    if found.in_engines_hands or not tasks:
        return None
    return _waiting(unit, visitor, tasks[0])


def _others(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> list[dict[str, Any]]:
    tasks = [task for task in found.tasks if task.kind != desk.DANGER]
    return [] if found.in_engines_hands else [_waiting(unit, visitor, task) for task in tasks[1:]]


def _waiting(unit: UnitOfWork, visitor: Visitor, task: Task) -> dict[str, Any]:
    who, phone = desk.waited_for(unit, visitor.actor, task)
    due = wording.chip(task.due_at, unit.now, calendar_of(unit, task.programme_id))
    doubt = messages.in_doubt(unit, task) if task.kind == "check_message" else None
    about = f" ({inside(label('theme', task.referral.need.theme))})" if task.referral else ""
    # While a request is under way to the partner its date is not final.
    then = "La date devient définitive quand la messagerie du partenaire a pris la demande." if task.provisional else ""
    return {
        "who": who,
        "before": wording.day(task.due_at.astimezone(visitor.zone).date(), today=visitor.today),
        "what": label("task", task.kind) + about,
        "then": then or label("task_next", task.kind),
        "phone": phone,
        "due": {"text": due.text, "tone": due.tone.value},
        "acts": acts_of(visitor.actor, task, doubt=doubt.id if doubt else None)[:2],
    }


def _engine(visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    case = found.case
    if found.in_engines_hands:
        what = "Ce qui suit du dernier acte part dans la minute. Vous n’avez rien à faire."
        return {"what": what, "heading": "", "acts": [], "mark": "engine"}
    if case.is_closed:
        on = wording.day(case.closed_at.astimezone(visitor.zone).date(), today=visitor.today) if case.closed_at else ""
        kind = "closure_outcome" if case.state != CaseState.REJECTED else "rejection_reason"
        why = label(kind, case.outcome) if case.outcome else label("case_state", case.state)
        reopen = [{"label": "Rouvrir", "href": f"/situations/{case.id}/rouvrir"}]
        acts = reopen if Right.REOPEN in rights(visitor.actor) else []
        return {"what": f"{why}, {on}.", "heading": "Situation terminée", "acts": acts, "mark": "done"}
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


def _checks(unit: UnitOfWork, visitor: Visitor, case: Case) -> dict[str, Any] | None:
    """What the engine found at the alert; the coordinator alone may know who is already known."""
    if visitor.actor.role is not Role.COORDINATOR or not case.checks:
        return None
    doubles = []
    for number in case.checks.get("possible_duplicates", []):
        found = desk.CaseQuery(visitor.actor, words=number).page(unit, 1)
        doubles += [(other.number, f"/situations/{other.id}") for other in found if other.number == number]
    return {"in_territory": case.checks.get("in_territory", True), "doubles": doubles}


def _visit(visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    visit = found.planned_visit
    if visit is None:
        return None
    return {
        "when": wording.moment(visit.starts_at, visitor.zone, today=visitor.today),
        "officer": visit.officer.name if visit.officer else "",
    }


def _referral(visitor: Visitor, referral: Referral, tasks: Sequence[Task], now: datetime) -> dict[str, Any]:
    state = ReferralState(referral.state)
    words = label("referral_state", state.value)
    if referral.reason:
        words = f"{words} : {inside(label('reason', referral.reason))}"
    elif referral.outcome:
        words = f"{words} : {inside(label('referral_outcome', referral.outcome))}"
    task = next((task for task in tasks if task.referral_id == referral.id), None)
    late = task is not None and task.due_at < now and state in UNANSWERED
    live = state in UNANSWERED | UNDER_WAY
    return {
        "what": label("theme", referral.need.theme),
        "who": referral.partner.name,
        "file_number": referral.file_number,
        "brief": referral.brief,
        "loop": label("loop", referral.loop) if referral.loop != Loop.OPEN else "",
        "chip": {"text": words, "tone": "late" if late else _TONES.get(state, "info")},
        "acts": acts_of(visitor.actor, task)[:2] if task is not None and live else [],
    }


def _coming(step: Coming, zone: ZoneInfo) -> dict[str, Any] | None:
    sends = [each for each in step.rung.steps if isinstance(each, Send)]
    on = step.at.astimezone(zone).date()
    if sends:
        first = sends[0]
        reader = f"à {label('party', first.to.value)}".replace("à le ", "au ")
        return {"on": on, "text": f"{_CHANNELS[first.by]} {reader} : {timeline.title_of(first.send)}"}
    return {"on": on, "text": f"{label('task', step.task.kind)} : échéance"} if step.rung.act else None


_CHANNELS: Final = {Channel.EMAIL: "E-mail", Channel.SMS: "SMS", Channel.LETTER: "Courrier"}


def _agreement(unit: UnitOfWork, permission: Any) -> dict[str, Any]:
    words = label("permission_kind", permission.kind)
    if permission.organisation_id:
        words = f"{words} : {desk.organisation_name(unit, permission.organisation_id)}"
    how = inside(label("agreement_mode", permission.mode))
    return {
        "label": words,
        "given": permission.revoked_at is None,
        "detail": f"{how}, recueilli par {permission.collected_by}" if permission.collected_by else how,
        "on": permission.given_on,
    }


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
    allowed, granted = case_actions(CaseState(case.state)), rights(visitor.actor)
    more = [(words, path) for action, words, path, right in _MORE if action in allowed and right in granted]
    if Right.CORRECT in granted and not case.is_closed:
        more.append(("Donner un autre numéro", "numero"))
    if Right.DANGER in granted and not case.is_closed:
        more.append(("Signaler un danger", "danger"))
    return [{"label": words, "href": f"/situations/{case.id}/{path}"} for words, path in more]
