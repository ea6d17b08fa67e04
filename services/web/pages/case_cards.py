"""The cards of a case's page: what is at rest, possible doubles, requests to partners, loans, agreements."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from models.cases import Case, Loan, Permission, Referral
from models.engine import Task
from models.lifecycles import UNANSWERED, UNDER_WAY, CaseAction, case_actions
from models.vocabulary import CaseState, Loop, ReferralState, Role
from services import desk
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.tokens import new_token
from services.rules.policy import Right, rights
from services.rules.published import pathway_of
from services.rules.texts.labels import inside, label
from services.rules.titles import task_title
from services.web.pages.next_acts import acts_of
from services.web.pages.visitor import Visitor

TONES: Final[dict[ReferralState, str]] = {
    ReferralState.DRAFT: "plain",
    ReferralState.SENT: "info",
    ReferralState.UNDER_REVIEW: "info",
    ReferralState.ACCEPTED: "ok",
    ReferralState.IN_PROGRESS: "ok",
    ReferralState.ON_HOLD: "soon",
    ReferralState.COMPLETED: "ok",
    ReferralState.DECLINED: "late",
    ReferralState.EXPIRED: "late",
    ReferralState.FAILED: "late",
    ReferralState.WITHDRAWN: "plain",
    ReferralState.SUPERSEDED: "plain",
    ReferralState.ENTERED_IN_ERROR: "plain",
}
ENDED: Final = frozenset(
    {
        ReferralState.COMPLETED,
        ReferralState.DECLINED,
        ReferralState.EXPIRED,
        ReferralState.FAILED,
        ReferralState.WITHDRAWN,
    }
)
_REASONED: Final = frozenset({CaseState.REJECTED, CaseState.NOT_ELIGIBLE})


# --- At rest


def at_rest(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any] | None:
    """A case that is suspended, merged or over: since when or until when, and how it goes on."""
    case = found.case
    if case.state == CaseState.SUSPENDED:
        return _suspended(unit, visitor, found)
    if case.state == CaseState.MERGED:
        return _merged(unit, visitor, case)
    return _over(visitor, case) if case.is_closed else None


def _suspended(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet) -> dict[str, Any]:
    case, why = found.case, desk.why_suspended(unit, found.case)
    until = wording.day(case.suspended_until, today=visitor.today) if case.suspended_until else ""
    pathway = pathway_of(unit, case.pathway_hash)
    waiting = list(dict.fromkeys(inside(task_title(pathway, task.kind)) for task in found.paused))
    resumes = f"À la reprise : {', '.join(waiting)}." if waiting else "Les échéances attendent."
    what = f"{label('suspension_reason', why)}. {resumes}" if why else resumes
    acts = [("Reprendre", "reprendre", Right.SUSPEND), ("Terminer", "cloturer", Right.CLOSE)]
    return _rest(visitor, case, what, heading=f"En pause jusqu’au {until}", acts=acts, mark="pause")


def _merged(unit: UnitOfWork, visitor: Visitor, case: Case) -> dict[str, Any]:
    kept = desk.merged_into(unit, visitor.actor, case)
    on = _closed_on(visitor, case)
    rest = _rest(visitor, case, f"Tout continue là-bas depuis le {on}." if on else "Tout continue là-bas.",
                 heading="Réunie à une autre situation", acts=[("Défaire la réunion", "separer", Right.MERGE)],
                 mark="done")  # fmt: skip
    return rest | {"link": {"label": kept.number, "href": f"/situations/{kept.id}"} if kept else None}


def _over(visitor: Visitor, case: Case) -> dict[str, Any]:
    state = CaseState(case.state)
    why = label("case_state", state)
    if case.outcome and state in _REASONED:
        why = f"{why} : {inside(label('rejection_reason', case.outcome))}"
    elif case.outcome and state in {CaseState.CLOSED, CaseState.UNREACHABLE, CaseState.REFUSED}:
        why = label("closure_outcome", case.outcome)
    on = _closed_on(visitor, case)
    acts = [("Rouvrir", "rouvrir", Right.REOPEN)] if CaseAction.REOPEN in case_actions(state) else []
    return _rest(visitor, case, f"{why}, {on}." if on else f"{why}.", heading="Situation terminée", acts=acts,
                 mark="done")  # fmt: skip


def _closed_on(visitor: Visitor, case: Case) -> str:
    return wording.day(case.closed_at.astimezone(visitor.zone).date(), today=visitor.today) if case.closed_at else ""


def _rest(
    visitor: Visitor, case: Case, what: str, *, heading: str, acts: list[tuple[str, str, Right]], mark: str
) -> dict[str, Any]:
    granted = rights(visitor.actor)
    offered = [
        {"label": words, "href": f"/situations/{case.id}/{path}", "main": rank == 0 and mark == "pause"}
        for rank, (words, path, right) in enumerate(acts)
        if right in granted
    ]
    return {"what": what, "heading": heading, "acts": offered, "mark": mark, "link": None}


# --- Possible doubles


def checks(unit: UnitOfWork, visitor: Visitor, case: Case) -> dict[str, Any] | None:
    """What the engine found at the alert; the coordinator alone may know who is already known."""
    if visitor.actor.role is not Role.COORDINATOR:
        return None
    absorbed = [(other.number, f"/situations/{other.id}") for other in desk.absorbed(unit, visitor.actor, case)]
    found = case.checks or {}
    numbers = [] if case.state == CaseState.MERGED else found.get("possible_duplicates", [])
    others = (desk.double_of(unit, visitor.actor, number) for number in numbers)
    doubles = [_double(case, other) for other in others if other is not None and other.merged_into_id is None]
    return {"in_territory": found.get("in_territory", True), "doubles": doubles, "absorbed": absorbed}


def _double(case: Case, other: Case) -> dict[str, Any]:
    may_merge = CaseAction.MERGE in case_actions(CaseState(case.state)) and not other.is_closed
    merge = {"label": "Réunir", "href": f"/situations/{case.id}/reunir?into_number={other.number}"}
    return {
        "number": other.number,
        "href": f"/situations/{other.id}",
        "state": label("case_state", other.state),
        "acts": [merge] if may_merge else [],
    }


# --- Requests to partners


@dataclass(frozen=True)
class RequestAct:
    """An act on a request, offered where `when` holds; the paths are those of its pages."""

    label: str
    path: str
    right: Right
    when: Callable[[Referral], bool]


def _in(*states: ReferralState) -> Callable[[Referral], bool]:
    return lambda referral: referral.state in states


def _told(*loops: Loop) -> Callable[[Referral], bool]:
    return lambda referral: referral.state == ReferralState.COMPLETED and referral.loop in loops


REQUEST_ACTS: Final = (
    RequestAct("Terminer la demande", "envoyer", Right.REFER, _in(ReferralState.DRAFT)),
    RequestAct("Réponse reçue", "reponse", Right.ANSWER_FOR_PARTNER,
               _in(ReferralState.SENT, ReferralState.UNDER_REVIEW)),
    RequestAct("Nouvelles reçues", "nouvelles", Right.ANSWER_FOR_PARTNER, _in(*UNDER_WAY)),
    RequestAct("Le ménage confirme l’aide", "confirmer", Right.FOLLOW_UP, _told(Loop.REPORTED, Loop.DISPUTED)),
    RequestAct("Le ménage conteste l’aide", "contester", Right.FOLLOW_UP,
               _told(Loop.REPORTED, Loop.CONFIRMED, Loop.UNVERIFIABLE)),
    RequestAct("Demander à un autre partenaire", "transferer", Right.REFER,
               _in(ReferralState.SENT, ReferralState.UNDER_REVIEW, *UNDER_WAY)),
    RequestAct("Retirer la demande", "retirer", Right.REFER, _in(*UNANSWERED, *UNDER_WAY)),
    RequestAct("Demander à nouveau", "redemander", Right.REFER, _in(*ENDED)),
    RequestAct("Saisie par erreur", "erreur", Right.VOID,
               lambda referral: referral.state != ReferralState.ENTERED_IN_ERROR),
)  # fmt: skip


def referral(unit: UnitOfWork, visitor: Visitor, asked: Referral, found: desk.Sheet) -> dict[str, Any]:
    """One request: where it is, what its partner was told, the acts that it waits for, the others folded."""
    state = ReferralState(asked.state)
    tasks = [task for task in (*found.tasks, *found.paused) if task.referral_id == asked.id]
    task = next(iter(tasks), None)
    late = task is not None and task.paused_at is None and task.due_at < unit.now and state in UNANSWERED
    live = state in UNANSWERED | UNDER_WAY
    acts = acts_of(unit, visitor.actor, task)[:2] if task is not None and live else []
    offered = {act.get("href") for act in acts}
    return {
        "what": label("theme", asked.need.theme),
        "who": asked.partner.name,
        "file_number": asked.file_number,
        "brief": asked.brief,
        "loop": label("loop", asked.loop) if asked.loop != Loop.OPEN else "",
        "portal": label("referral_kind", asked.kind) if asked.kind != "mail" else "",
        "chip": {"text": _state_words(visitor, asked, tasks), "tone": "late" if late else TONES[state]},
        "acts": acts,
        "more": [act for act in _request_acts(visitor, found.case, asked) if act["href"] not in offered],
    }


def _state_words(visitor: Visitor, asked: Referral, tasks: list[Task]) -> str:
    state = ReferralState(asked.state)
    words = label("referral_state", state)
    if state is ReferralState.UNDER_REVIEW and any(task.kind == "answer_question" for task in tasks):
        return "Question posée"
    if state is ReferralState.ON_HOLD and asked.check_on is not None:
        words = f"{words} jusqu’au {wording.day(asked.check_on, today=visitor.today)}"
    if asked.reason:
        return f"{words} : {inside(label('reason', asked.reason))}"
    return f"{words} : {inside(label('referral_outcome', asked.outcome))}" if asked.outcome else words


def _request_acts(visitor: Visitor, case: Case, asked: Referral) -> list[dict[str, Any]]:
    granted = rights(visitor.actor)
    corrections = {"erreur"} if case.is_closed else None
    return [
        {"label": act.label, "href": f"/situations/{case.id}/orientations/{asked.id}/{act.path}"}
        for act in REQUEST_ACTS
        if act.right in granted and act.when(asked) and (corrections is None or act.path in corrections)
    ]


# --- Loans and agreements


def loans(visitor: Visitor, found: desk.Sheet) -> list[dict[str, Any]]:
    """What was lent, each with its return."""
    return [_loan(visitor, found.case, loan) for loan in found.loans]


def _loan(visitor: Visitor, case: Case, loan: Loan) -> dict[str, Any]:
    due = wording.day(loan.due_on, today=visitor.today)
    chip = {"text": f"À rendre le {due}", "tone": "late" if loan.due_on < visitor.today else "info"}
    if loan.returned_on is not None:
        chip = {"text": f"Rendu le {wording.day(loan.returned_on, today=visitor.today)}", "tone": "ok"}
    back = {"label": "Rendu", "post": f"/situations/{case.id}/prets/{loan.id}/rendu", "once": new_token()}
    may = loan.returned_on is None and Right.LEND in rights(visitor.actor)
    return {"item": loan.item, "on": loan.lent_on, "chip": chip, "acts": [back] if may else []}


def agreement(unit: UnitOfWork, visitor: Visitor, case: Case, permission: Permission) -> dict[str, Any]:
    """One agreement of the household: to what, how, when; and the page that takes it back."""
    words = label("permission_kind", permission.kind)
    if permission.organisation_id:
        words = f"{words} : {desk.organisation_name(unit, permission.organisation_id)}"
    how = inside(label("agreement_mode", permission.mode))
    revoke = {"label": "Retirer", "href": f"/situations/{permission.case_id}/accords/{permission.id}/retirer"}
    stands = permission.revoked_at is None and case.state != CaseState.MERGED
    revoked = permission.revoked_at.astimezone(visitor.zone).date() if permission.revoked_at else None
    return {
        "label": words,
        "revoked_on": wording.day(revoked, today=visitor.today) if revoked else "",
        "detail": f"{how}, recueilli par {permission.collected_by}" if permission.collected_by else how,
        "on": permission.given_on,
        "acts": [revoke] if stands and Right.PERMISSIONS in rights(visitor.actor) else [],
    }
