"""One case as its page shows it: plain data in the words of the screen, nothing that still needs the database."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from models.cases import Case, Household
from models.engine import Task
from models.lifecycles import CaseAction, case_actions
from models.vocabulary import CallResult, CaseState, Energy, Stage, Theme, Urgency
from services import calls, deadlines, desk, messages, referrals, timeline
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.rules.pauses import REVIEW_SUSPENSION
from services.rules.policy import Right, rights_on
from services.rules.published import calendar_of, pathway_of
from services.rules.ranking import DANGER
from services.rules.texts.labels import has_label, inside, label
from services.rules.titles import title_of, what_to_do
from services.web.pages import case_cards, coming_view
from services.web.pages.next_acts import acts_of, handling_of
from services.web.pages.visitor import Visitor
from services.web.rendering import Link

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
    (CaseAction.PLAN_VISIT, "Noter une visite déjà faite", "visite/deja-faite", Right.VISIT),
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


NOT_SOUGHT: Final = ("Noter un faux numéro", "Noter un faux numéro ou un refus")
COMING: Final = 8
"""How many sends to come a case shows."""
STORY_VIEWS: Final = {
    "": "Tout",
    "acts": "Ce qui a été fait",
    "messages": "Messages",
    "not_sent": "Ce qui n’est pas parti",
    "notes": "Notes de l’équipe",
    "exchanges": "Échanges avec les partenaires",
}


def context(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet, *, see: str = "") -> dict[str, Any]:
    """Everything that `case.html` asks for, but the shell and the forms. `see`: which view of the story."""
    case = found.case
    why_due = deadlines.explanations(unit, found.tasks, found.visits)
    rest = case_cards.at_rest(unit, visitor, found)
    granted = rights_on(unit, visitor.actor, case)
    ball, engine = (None, None) if rest else (_ball(unit, visitor, found, why_due), _engine(found))
    offered = {act.get("href") for part in (rest, ball, engine) if part for act in part["acts"]}
    return {
        "case": _heading(visitor, found),
        "unknown": not found.is_known,
        "danger": _danger(unit, visitor, found),
        "rest": rest,
        "ball": ball,
        "others": _others(unit, visitor, found, why_due, at_rest=rest is not None),
        "engine": engine,
        "story": _story(unit, visitor, case, see),
        "hastened": messages.may_leave_now(unit, case) if Right.SEND_NOW in granted else frozenset(),
        "calling": _calling(unit, visitor, found) if Right.CALL in granted else None,
        "reach": _reach(case) if found.is_known else None,
        "means": case_cards.means(unit, visitor, case) if found.is_known else None,
        "measured": case_cards.measured(unit, visitor, case) if found.is_known else None,
        "gaps": case_cards.gaps(unit, visitor, case),
        "checks": case_cards.checks(unit, visitor, case),
        "visits": _visits(visitor, found),
        "referrals": [case_cards.referral(unit, visitor, each, found) for each in found.referrals],
        "coming": coming_view.of_case(unit, visitor, found, most=COMING),
        "cuts": [case_cards.cut(visitor, found, each) for each in found.cuts],
        "people": case_cards.people(unit, found),
        "loans": case_cards.loans(visitor, found),
        "agreements": [case_cards.agreement(unit, visitor, found, each) for each in found.permissions],
        "documents": [_document(each) for each in found.documents],
        "alerts": [_alert(visitor, each, is_known=found.is_known) for each in case.alerts],
        "may_agree": Right.PERMISSIONS in granted and not case.is_closed,
        "more": [act for act in _more(found, granted) if act["href"] not in offered],
        "ends": [act for act in _ends(case, granted) if act["href"] not in offered],
    }


def sheet(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet, *, named: bool) -> dict[str, Any]:
    """What `sheet.html` asks for. Without `named`, nothing that says who the household is leaves this function;
    a reader who may not know it never has it named.
    """
    named = named and found.is_known
    whole = context(unit, visitor, found, see="acts")
    address = f"/situations/{found.case.id}"
    done = [each if named else replace(each, quote="", by="") for each in whole["story"]["entries"]]
    reports = [
        {"on": each.delivered_at.astimezone(visitor.zone).date(), "summary": each.summary} for each in found.reports
    ]
    hidden = (
        {}
        if named
        else {
            "case": whole["case"] | {"who": ""},
            "reach": {},
            "measured": _without_income(whole["measured"]),
            "alerts": [each | {"giver": "", "text": ""} for each in whole["alerts"]],
        }
    )
    other = f"{address}/fiche" if named else f"{address}/fiche?nom=oui"
    return whole | {"done": done, "reports": reports, "named": named, "other": other if found.is_known else ""} | hidden


def _without_income(measured: dict[str, Any] | None) -> dict[str, Any] | None:
    """A sheet that names nobody tells no sum of money either: a committee reads what was found, not what is earned."""
    if measured is None:
        return None
    return measured | {
        "figures": [each for each in measured["figures"] if not each["income"]],
        "survey": [each for each in measured["survey"] if not each["means"]],
    }


def _heading(visitor: Visitor, found: desk.Sheet) -> dict[str, Any]:
    case, household, is_known = found.case, found.case.household, found.is_known
    age = f", {visitor.today.year - household.birth_year} ans" if household.birth_year else ""
    return {
        "id": case.id,
        "href": f"/situations/{case.id}",
        "seen": case.last_seq,
        "reference": case.number,
        "commune": case.dwelling.commune.name,
        "tenure": label("tenure", case.dwelling.tenure) if is_known else "",
        "opened_on": case.opened_at.astimezone(visitor.zone).date(),
        "who": f"{household.name}{age}" if is_known else f"Situation {case.number}",
        "stage": case.stage,
        "ended": _ended(found) if case.is_closed else None,
        "state": label("case_state", case.state),
        "operator": case.operator.name if case.operator else "",
    }


def _ended(found: desk.Sheet) -> dict[str, str] | None:
    """At which stage a case stopped, and how; None when it went all the way."""
    state = CaseState(found.case.state)
    if state is CaseState.CLOSED and found.reached is Stage.FOLLOW_UP:
        return None
    return {"stage": found.reached, "how": _ENDED.get(state, "arrêtée ici")}


_ENDED: Final = {CaseState.MERGED: "réunie à une autre", CaseState.CLOSED: "close ici"}


def _danger(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    task = next((task for task in found.tasks if task.kind == DANGER), None)
    if task is None:
        return None
    told = task.opened_at.astimezone(visitor.zone)
    kind = label("danger", found.case.danger) if found.case.danger else "Danger"
    text = f"{inside(kind)}, signalé {wording.day(told.date())} à {wording.hour(told)}, pas encore pris en charge."
    return {"text": text, "acts": acts_of(unit, visitor.actor, task)}


def _ball(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet, why_due: Mapping[UUID, str]) -> dict[str, Any] | None:
    tasks = [task for task in found.tasks if task.kind != DANGER]
    if found.in_engines_hands or not tasks:
        return None
    ball, visit = _waiting(unit, visitor, tasks[0], why_due), found.planned_visit
    if tasks[0].kind == desk.HOLD_VISIT and visit is not None:
        ball["what"] += f", {wording.moment(visit.starts_at, visitor.zone, today=visitor.today)}"
    return ball


def _others(
    unit: UnitOfWork, visitor: Visitor, found: desk.Sheet, why_due: Mapping[UUID, str], *, at_rest: bool
) -> list[dict[str, Any]]:
    """What is awaited beside the ball; on a suspended case, what goes on all the same."""
    tasks = [task for task in found.tasks if task.kind not in {DANGER, REVIEW_SUSPENSION}]
    if at_rest:
        return [_waiting(unit, visitor, task, why_due) for task in tasks]
    return [] if found.in_engines_hands else [_waiting(unit, visitor, task, why_due) for task in tasks[1:]]


def _waiting(unit: UnitOfWork, visitor: Visitor, task: Task, why_due: Mapping[UUID, str]) -> dict[str, Any]:
    who, phone = desk.waited_for(unit, visitor.actor, task)
    due = wording.chip_beside(task.due_at, unit.now, calendar_of(unit, task.programme_id))
    doubt = messages.in_doubt(unit, task) if task.kind == "check_message" else None
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
        "why_due": why_due.get(task.id, ""),
        "what": title_of(pathway, task),
        "then": " ".join(part for part in (then or what_to_do(pathway, task.kind), put_off) if part),
        "phone": phone,
        "due": {"text": due.text, "tone": due.tone.value} if due else None,
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
    if not calls.is_sought(case):
        return None
    usable = [phone for phone in case.household.phones if phone.blocked_at is None]
    return {
        "action": f"/situations/{case.id}/appel",
        "phones": [(str(phone.id), wording.phone(phone.number)) for phone in usable],
        "numbers": [phone.number for phone in usable],
        "results": [(result.value, label("call_result", result.value)) for result in RESULTS],
        "best_time": label("best_time", case.household.best_time),
        "script": calls.voicemail(unit, visitor.actor, case),
    }


def _reach(case: Case) -> dict[str, Any]:
    household, dwelling = case.household, case.dwelling
    return {
        "phones": [{"number": each.number, "blocked": each.blocked_at is not None} for each in household.phones],
        "best_time": label("best_time", household.best_time),
        "email": _email(household),
        "address": [dwelling.street, dwelling.complement, f"{dwelling.postcode} {dwelling.commune.name}"],
        "landlord": dwelling.landlord,
        "people": household.people,
    }


def _email(household: Household) -> str:
    refuses = household.email_refused_at is not None
    return f"{household.email} (ne reçoit pas nos messages)" if refuses else household.email or ""


def _story(unit: UnitOfWork, visitor: Visitor, case: Case, see: str) -> dict[str, Any]:
    """What happened, in one of its views; each view says how many it holds, counted from the same list."""
    entries = timeline.of_case(unit, visitor.actor, case, visitor.zone)
    chosen = see if see in timeline.FAMILIES else ""
    counts = {code: len(timeline.view(entries, code)) for code in STORY_VIEWS}
    address = f"/situations/{case.id}"
    tabs = [
        Link(words, f"{address}?voir={code}#histoire" if code else f"{address}#histoire", code == chosen, counts[code])
        for code, words in STORY_VIEWS.items()
        if counts[code] and (code != "acts" or counts["acts"] < counts[""])
    ]
    return {"entries": timeline.view(entries, chosen), "tabs": tabs}


def _visits(visitor: Visitor, found: desk.Sheet) -> list[dict[str, Any]]:
    return [
        {
            "planned": visit is found.planned_visit,
            "when": wording.moment(visit.starts_at, visitor.zone, today=visitor.today),
            "officer": " et ".join(each.name for each in (visit.officer, visit.second_officer) if each),
            "with_whom": visit.with_whom,
            "state": _visit_state(visit.state, visit.loss_reason),
            "ordinal": visit.ordinal,
        }
        for visit in reversed(found.visits)
    ]


def _visit_state(state: str, reason: str | None) -> str:
    """`Annulée par le ménage : visite refusée à la porte`."""
    words = label("visit_state", state)
    return f"{words} : {inside(label('loss_reason', reason))}" if reason else words


def _document(document: Any) -> dict[str, Any]:
    size = f"{max(1, round(document.size / 1024))} Ko"
    return {"name": document.filename, "href": f"/documents/{document.id}", "size": size}


def _alert(visitor: Visitor, alert: Any, *, is_known: bool) -> dict[str, Any]:
    """A request; where the household may not be known, its day and the organisation that sent it."""
    told = {
        "organisation": alert.organisation.name if alert.organisation else "",
        "on": alert.received_at.astimezone(visitor.zone).date(),
    }
    if not is_known:
        unknown = ("giver", "how", "motives", "cut", "followed_by", "income", "text", "phone", "email")
        return told | dict.fromkeys(unknown, "")
    return told | {
        "giver": alert.giver_name,
        "how": _how(alert),
        "motives": ", ".join(inside(label("motive", motive)) for motive in alert.motives),
        "cut": _cut_told(alert),
        "followed_by": alert.followed_by,
        "income": label("income_class", alert.income_class) if alert.income_class else "",
        "text": alert.free_text,
        "phone": alert.giver_phone or "",
        "email": alert.giver_email or "",
    }


def _how(alert: Any) -> str:
    """How a request came, where the team wrote it down; and whether the household was told what is kept."""
    came = label("alert_channel", alert.origin) if has_label("alert_channel", alert.origin) else ""
    return " · ".join(words for words in (came, NOTICE_SAID if alert.notice_said else "") if words)


NOTICE_SAID: Final = "Information donnée de vive voix, ou notice remise"


def _cut_told(alert: Any) -> str:
    if alert.cut_on is None:
        return ""
    return f"Coupure annoncée : {inside(label('energy', alert.cut_energy))}, {wording.day(alert.cut_on)}"


def _more(found: desk.Sheet, granted: frozenset[Right]) -> list[dict[str, str]]:
    case = found.case
    more = [*_allowed(case, _MORE, granted), *_to_reach(case, granted)]
    if Right.LEND in granted and not case.is_closed:
        more.append(("Prêter un appareil", "prets"))
    if Right.FOLLOW_UP in granted and not case.is_closed:
        more.append(("Choisir comment demander des nouvelles", "contact"))
    if Right.CUT in granted and not case.is_closed and len(found.cuts) < len(Energy):
        more.append(("Suivre une coupure annoncée", "coupure"))
    if Right.DANGER in granted and case.state != CaseState.MERGED and case.erased_at is None:
        more.append(("Signaler un danger", "danger"))
    if Right.REFER in granted and not case.is_closed:
        more.append(("Noter qu’il n’y a pas de solution", "sans-solution"))
    if Right.NOTE in granted and case.state == CaseState.TRIAGE and case.derogation is None:
        more.append(("Demander une dérogation", "derogation"))
    if Right.TRIAGE in granted and case.stage not in {Stage.DETECTION, Stage.CLOSED} and case.derogation is None:
        more.append(("Noter une dérogation", "derogation"))
    if Right.MERGE in granted and case.state == CaseState.TRIAGE:
        more.append(("Noter une ressemblance", "ressemblance"))
    if Right.NOTE in granted and case.state != CaseState.MERGED and case.erased_at is None:
        more.append(("Noter une réclamation", "reclamation"))
    if Right.REFER in granted and referrals.is_only_for_safety(case) and _in_danger(case):
        more.append(("Demander une mise en sécurité", f"orienter?type={Theme.EMERGENCY}"))
    return _links(case, more)


def _to_reach(case: Case, granted: frozenset[Right]) -> list[tuple[str, str]]:
    """What is said of the ways to reach the household; while it is sought, its calls have a card of their own."""
    acts = []
    if Right.CALL in granted and calls.expected(case) and not calls.is_sought(case):
        acts.append((NOT_SOUGHT[CallResult.REFUSED in calls.expected(case)], "appel"))
    if Right.CORRECT in granted and not case.is_closed:
        acts += [("Donner un autre numéro", "numero"), ("Corriger l’adresse électronique", "courriel")]
        if case.household.email is not None:
            acts.append(("Retirer l’adresse électronique", "courriel/retirer"))
    return acts


def _in_danger(case: Case) -> bool:
    return case.danger is not None or case.urgency == Urgency.DANGER


def _ends(case: Case, granted: frozenset[Right]) -> list[dict[str, str]]:
    longer = {"suspendre": "Prolonger la pause"} if case.state == CaseState.SUSPENDED else {}
    ends = [(longer.get(path, words), path) for words, path in _allowed(case, _ENDS, granted)]
    if Right.REASSIGN in granted and case.operator_id is not None and not case.is_closed:
        ends.append(("Confier à un autre opérateur", "reaffecter"))
    return _links(case, ends)


Offer = tuple[CaseAction, str, str, Right]


def _allowed(case: Case, offers: Sequence[Offer], granted: frozenset[Right]) -> list[tuple[str, str]]:
    allowed = case_actions(CaseState(case.state)) if case.erased_at is None else frozenset()
    return [(words, path) for action, words, path, right in offers if action in allowed and right in granted]


def _links(case: Case, acts: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"label": words, "href": f"/situations/{case.id}/{path}"} for words, path in acts]
