"""One case as its page shows it: plain data in the words of the screen, nothing that still needs the database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from models.cases import Case, Household
from models.engine import Task
from models.lifecycles import CaseAction, case_actions
from models.vocabulary import CallResult, CaseState, Energy, Stage, Theme, Urgency
from services.cases import calls, deadlines, referrals, visits
from services.correspondence import messages
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.overview import desk, timeline
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
Where = Callable[[desk.Sheet], bool]


def _may(action: CaseAction) -> Where:
    return lambda found: found.case.erased_at is None and action in case_actions(CaseState(found.case.state))


def _is_open(found: desk.Sheet) -> bool:
    return not found.case.is_closed


def _is_still_somebodys(found: desk.Sheet) -> bool:
    """Ended or not: neither gone on elsewhere, nor forgotten."""
    return found.case.state != CaseState.MERGED and found.case.erased_at is None


def _in_triage(found: desk.Sheet) -> bool:
    return found.case.state == CaseState.TRIAGE


def _unsought(found: desk.Sheet) -> tuple[CallResult, ...]:
    """What a call may give that nobody expects; while the household is sought, its calls have a card of their own."""
    return () if calls.is_sought(found.case) else calls.expected(found.case)


def _is_dangerous(case: Case) -> bool:
    return case.danger is not None or case.urgency == Urgency.DANGER


Offer = tuple[str, str, Right, Where]
_MORE: Final[tuple[Offer, ...]] = (
    ("Accepter", "accepter", Right.TRIAGE, _may(CaseAction.ACCEPT)),
    ("Refuser", "refuser", Right.TRIAGE, _may(CaseAction.REJECT)),
    ("Fixer la visite", "visite", Right.VISIT, _may(CaseAction.PLAN_VISIT)),
    ("Noter une visite déjà faite", "visite/deja-faite", Right.VISIT, _may(CaseAction.PLAN_VISIT)),
    ("Déplacer la visite", "visite/deplacer", Right.VISIT, _may(CaseAction.MOVE_VISIT)),
    ("Visite faite", "visite/faite", Right.VISIT,
     lambda found: _may(CaseAction.HOLD_VISIT)(found) and not found.visit_is_to_come),
    ("Absence ou annulation", "visite/perdue", Right.VISIT, _may(CaseAction.LOSE_VISIT)),
    ("Diagnostic terminé", "diagnostic", Right.REPORT, _may(CaseAction.FINISH_DIAGNOSIS)),
    ("Remettre le rapport", "rapport", Right.REPORT, _may(CaseAction.DELIVER_REPORT)),
    ("Orienter vers un partenaire", "orienter", Right.REFER, _may(CaseAction.REFER)),
    ("Passer au suivi", "passer-au-suivi", Right.REFER, _may(CaseAction.FOLLOW_UP)),
    ("Renoncer : ménage injoignable", "renoncer", Right.GIVE_UP, _may(CaseAction.GIVE_UP)),
    ("Terminer la situation", "cloturer", Right.CLOSE, _may(CaseAction.CLOSE)),
    ("Reprendre la situation", "reprendre", Right.SUSPEND, _may(CaseAction.RESUME)),
    ("Rouvrir la situation", "rouvrir", Right.REOPEN, _may(CaseAction.REOPEN)),
    ("Défaire la réunion", "separer", Right.MERGE, _may(CaseAction.UNMERGE)),
    ("Noter un faux numéro", "appel", Right.CALL, lambda found: _unsought(found) == (CallResult.WRONG_NUMBER,)),
    ("Noter un faux numéro ou un refus", "appel", Right.CALL, lambda found: CallResult.REFUSED in _unsought(found)),
    ("Donner un autre numéro", "numero", Right.CORRECT, _is_open),
    ("Corriger l’adresse électronique", "courriel", Right.CORRECT, _is_open),
    ("Retirer l’adresse électronique", "courriel/retirer", Right.CORRECT,
     lambda found: _is_open(found) and found.case.household.email is not None),
    ("Prêter un appareil", "prets", Right.LEND, _is_open),
    ("Choisir comment demander des nouvelles", "contact", Right.FOLLOW_UP, _is_open),
    ("Suivre une coupure annoncée", "coupure", Right.CUT,
     lambda found: _is_open(found) and len(found.cuts) < len(Energy)),
    ("Signaler un danger", "danger", Right.DANGER, _is_still_somebodys),
    ("Noter qu’il n’y a pas de solution", "sans-solution", Right.REFER, _is_open),
    ("Demander une dérogation", "derogation", Right.NOTE,
     lambda found: _in_triage(found) and found.case.derogation is None),
    ("Noter une dérogation", "derogation", Right.TRIAGE,
     lambda found: _is_open(found) and found.case.stage != Stage.DETECTION and found.case.derogation is None),
    ("Noter une ressemblance", "ressemblance", Right.MERGE, _in_triage),
    ("Noter une réclamation", "reclamation", Right.NOTE, _is_still_somebodys),
    ("Demander une mise en sécurité", f"orienter?type={Theme.EMERGENCY}", Right.REFER,
     lambda found: referrals.is_only_for_safety(found.case) and _is_dangerous(found.case)),
    ("Remplacer le rapport", "rapport/remplacer", Right.REPORT, lambda found: bool(found.reports)),
)  # fmt: skip
"""What may be done beside what is asked: words, page, the right that it takes, and where a case has to be."""
_ENDS: Final[tuple[Offer, ...]] = (
    ("Mettre en pause", "suspendre", Right.SUSPEND,
     lambda found: _may(CaseAction.SUSPEND)(found) and not _may(CaseAction.RESUME)(found)),
    ("Prolonger la pause", "suspendre", Right.SUSPEND, _may(CaseAction.RESUME)),
    ("Conditions non réunies", "non-eligible", Right.DISQUALIFY, _may(CaseAction.DISQUALIFY)),
    ("Arrêter à la demande du ménage", "retrait", Right.WITHDRAW, _may(CaseAction.WITHDRAW)),
    ("Réunir à une autre situation", "reunir", Right.MERGE, _may(CaseAction.MERGE)),
    ("Transmettre à un autre dispositif", "transmettre", Right.TRANSFER, _may(CaseAction.TRANSFER)),
    ("Confier à un autre opérateur", "reaffecter", Right.REASSIGN,
     lambda found: _is_open(found) and found.case.operator_id is not None),
)  # fmt: skip
"""What stops a case, makes it wait or sends it elsewhere: folded below the others."""


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
    if not calls.may_give_up(unit, case):
        granted -= {Right.GIVE_UP}
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
        "more": [act for act in _acts(found, _MORE, granted) if act["href"] not in offered],
        "ends": [act for act in _acts(found, _ENDS, granted) if act["href"] not in offered],
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
    named = " et ".join(inside(label("danger", each)) for each in visits.dangers_told(unit, found.case))
    text = f"{named or 'danger'}, signalé {wording.day(told.date())} à {wording.hour(told)}, pas encore pris en charge."
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
        again = {"label": "Voir où elle en est", "href": f"/situations/{found.case.id}"}
        return {"what": what, "heading": "", "acts": [again], "mark": "engine"}
    if found.is_held_up:
        what = "Ce qui devait suivre d’un acte n’a pas pu se faire : l’administration le voit et le remettra en route."
        return {"what": what, "heading": "Une suite est restée en chemin", "acts": [], "mark": "engine"}
    if not found.tasks:
        what = "Rien n’est demandé à personne pour l’instant."
        return {"what": what, "heading": "Aucune tâche ouverte", "acts": [], "mark": "engine"}
    return None


def _calling(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    case = found.case
    if not calls.is_sought(case):
        return None
    usable = case.household.own_phones
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


def _acts(found: desk.Sheet, offers: Sequence[Offer], granted: frozenset[Right]) -> list[dict[str, str]]:
    return [
        {"label": words, "href": f"/situations/{found.case.id}/{path}"}
        for words, path, right, where in offers
        if right in granted and where(found)
    ]
