"""The cards of a case's page: what is at rest, possible doubles, requests to partners, loans, agreements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from models.cases import Case, KitItem, Loan, Permission, Referral, SupplyCut
from models.engine import Task
from models.lifecycles import UNANSWERED, UNDER_WAY, CaseAction, case_actions
from models.vocabulary import (
    CaseState,
    Derogation,
    Energy,
    EquipmentState,
    IncomeClass,
    Loop,
    ReferralState,
    Role,
    Stage,
)
from services.cases import circumstances, findings, kits, needs, scorecards, supply_cuts, surveys
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.tokens import new_token
from services.overview import desk, doubles
from services.rules import survey
from services.rules.policy import Right, may_know_household, rights
from services.rules.published import pathway_of
from services.rules.supply_cuts import reduced_power
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


# --- The household's means


def means(unit: UnitOfWork, visitor: Visitor, case: Case) -> dict[str, Any]:
    """Its size, its class by the Anah's ceilings and the table that says so, health as yes or no; or what lacks."""
    household, found = case.household, circumstances.means_of(unit, case)
    heard = {True: "Troubles respiratoires liés au logement", False: "Rien à signaler", None: ""}[household.breathing]
    told = label("income_class", found.income_class) if found else ""
    year = f" en {household.income_year}" if household.income_year else ""
    under = f"{wording.euros(found.amount)}{year} · plafonds Anah {found.table.from_on.year}" if found else ""
    may = Right.CIRCUMSTANCES in rights(visitor.actor) and not case.is_closed  # shown to those alone who know it
    note = {"label": "Noter les revenus", "href": f"/situations/{case.id}/revenus"}
    return {
        "people": household.people,
        "income": told,
        "under": under or wording.capital(circumstances.lacking(household)),
        "over": found is not None and found.income_class is not IncomeClass.VERY_MODEST,
        "breathing": heard,
        "told": _of_request(case),
        "acts": [*_deciding(visitor, case), *([note] if may else [])],
    }


def _of_request(case: Case) -> list[tuple[str, Any]]:
    """What the request said of the people and of their dwelling; only what is known."""
    household, dwelling = case.household, case.dwelling
    guardian = (household.guardian, wording.phone(household.guardian_phone) if household.guardian_phone else "")
    facts = [
        ("Dont moins de 14 ans", household.children),
        ("Fragilités", ", ".join(inside(label("vulnerability", each)) for each in household.vulnerabilities)),
        ("Interprète", household.language),
        ("Tutelle ou curatelle", " · ".join(part for part in guardian if part)),
        ("Doit être là aussi", household.companion),
        ("À savoir avant de venir", dwelling.safety),
        ("Chauffage", label("heating", dwelling.heating) if dwelling.heating else ""),
        ("Dérogation", label("derogation", case.derogation) if case.derogation else ""),
    ]
    return [(name, said) for name, said in facts if said]


# --- What the visit found


def measured(unit: UnitOfWork, visitor: Visitor, case: Case) -> dict[str, Any] | None:
    """Figures, small equipment with what it cost, the exit scorecard; None before there is anything to say."""
    figures, items, card = findings.of_household(unit, case), kits.of_case(unit, case), scorecards.of_case(unit, case)
    answers = surveys.of_case(unit, case)
    if not (figures or items or card or answers) and Stage(case.stage) not in _VISITED:
        return None
    granted = rights(visitor.actor) if not case.is_closed else frozenset()
    offered = [(words, path) for words, path, right in MEASURES if right in granted]
    return {
        "figures": [_figure(visitor, each) for each in figures],
        "kit": [_item(each) for each in items],
        "total": wording.euros(Decimal(kits.total_cents(items)) / 100) if items else "",
        "scorecard": _scorecard(card) if card else None,
        "survey": _survey(answers),
        "acts": [{"label": words, "href": f"/situations/{case.id}/{path}"} for words, path in offered],
    }


MEASURES: Final = (
    ("Noter les chiffres", "chiffres", Right.CIRCUMSTANCES),
    ("Noter les équipements", "equipements", Right.REPORT),
    ("Compléter le relevé", "releve", Right.CIRCUMSTANCES),
)
OF_MEANS: Final = frozenset({"before", "household", "resources", "energies", "comfort"})
"""Sections that a sheet which names nobody leaves out: sums of money, contracts, how somebody feels."""


def _survey(answers: Sequence[surveys.Answer]) -> list[dict[str, Any]]:
    """What was asked and seen, section by section, as many lines as there are answers."""
    found: dict[str, dict[str, Any]] = {}
    for each in answers:
        section = survey.sections()[each.place.section]
        about = f"{section.each[each.place.about]}, " if each.place.about else ""
        words = section.fields[each.place.field].label
        group = found.setdefault(
            each.place.section, {"title": section.title, "means": each.place.section in OF_MEANS, "lines": []}
        )
        group["lines"].append((f"{about}{inside(words) if about else words}", each.words))
    return list(found.values())


def _figure(visitor: Visitor, figure: findings.Figure) -> dict[str, Any]:
    how = inside(label("method", figure.finding.method))
    return {
        "label": label("finding_kind", figure.kind),
        "words": figure.words,
        "how": f"{how}, {_day(visitor, figure.finding.at)}",
        "income": figure.kind in findings.TELLS_INCOME,
    }


_VISITED: Final = frozenset({Stage.DIAGNOSTIC, Stage.ORIENTATION, Stage.FOLLOW_UP})


def _item(item: KitItem) -> dict[str, Any]:
    state = EquipmentState(item.state)
    cost = Decimal(item.quantity * item.unit_price_cents) / 100
    return {
        "words": f"{item.quantity} × {inside(label('equipment', item.item))}",
        "cost": wording.euros(cost) if state in kits.PAID_FOR and cost else "",
        "state": "" if state is EquipmentState.INSTALLED else label("equipment_state", state),
    }


def _scorecard(card: scorecards.Scorecard) -> dict[str, Any]:
    lines = [(label("exit_criterion", each.criterion), label("known", each.met)) for each in card.lines]
    return {"words": f"{card.met} critères sur {card.of}", "lines": lines}


def _day(visitor: Visitor, at: datetime) -> str:
    local = at.astimezone(visitor.zone).date()
    return f"{wording.short(local)} {local.year}"


def gaps(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, str]]:
    """The needs for which nothing exists here, each with its reason."""
    return [
        {"what": label("theme", each.theme), "why": label("gap_reason", each.reason), "on": _day(visitor, each.at)}
        for each in needs.unmet(unit, case)
    ]


def _deciding(visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    """The act that decides an exception that was asked for."""
    decide = {"label": "Décider de la dérogation", "href": f"/situations/{case.id}/derogation/decision"}
    may = case.derogation == Derogation.ASKED and Right.TRIAGE in rights(visitor.actor) and not case.is_closed
    return [decide] if may else []


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
    acts = [("Reprendre", "reprendre", Right.SUSPEND), ("Prolonger", "suspendre", Right.SUSPEND),
            ("Terminer", "cloturer", Right.CLOSE)]  # fmt: skip
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
    acts = [("Rouvrir", "rouvrir", Right.REOPEN)] if may_reopen(case) else []
    return _rest(visitor, case, f"{why}, {on}." if on else f"{why}.", heading="Situation terminée", acts=acts,
                 mark="done")  # fmt: skip


def may_reopen(case: Case) -> bool:
    """Whether the table lets it, and something still says who the household is."""
    return CaseAction.REOPEN in case_actions(CaseState(case.state)) and case.erased_at is None


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
    found = [_double(case, each) for each in doubles.alike(unit, visitor.actor, case)]
    return {"in_territory": (case.checks or {}).get("in_territory", True), "doubles": found, "absorbed": absorbed}


def _double(case: Case, likeness: doubles.Likeness) -> dict[str, Any]:
    other = likeness.case
    merge = {"label": "Réunir", "href": f"/situations/{case.id}/reunir?into_number={other.number}"}
    return {
        "number": other.number,
        "href": f"/situations/{other.id}",
        "state": label("case_state", other.state),
        "told": alike_words(likeness),
        "acts": [merge] if doubles.may_go_on(case, other) else [],
    }


def alike_words(likeness: doubles.Likeness) -> str:
    """`ressemblance 80 sur 100 · visite faite le 3 mars 2026`; empty where nothing is known of it."""
    score = "" if likeness.score is None else f"ressemblance {likeness.score} sur 100"
    visit = f"visite faite le {wording.day(likeness.visited_on)}" if likeness.visited_on else ""
    return " · ".join(each for each in (score, visit) if each)


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
    RequestAct("Le ménage confirme l’aide", "confirmer", Right.FOLLOW_UP,
               _told(Loop.REPORTED, Loop.DISPUTED, Loop.UNVERIFIABLE)),
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
        "file_number": asked.file_number if found.is_known else "",
        "meets": wording.moment(asked.meets_at, visitor.zone, today=visitor.today) if asked.meets_at and live else "",
        "brief": asked.brief if found.is_known else "",
        "loop": label("loop", asked.loop) if asked.loop != Loop.OPEN else "",
        "urgent": asked.urgent and live,
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


# --- A cut of supply


def cut(visitor: Visitor, found: desk.Sheet, its: SupplyCut) -> dict[str, Any]:
    """A cut that threatens or lasts: from when it is allowed, what is done and left to do, by when, and why."""
    told = supply_cuts.ahead(its)
    energy = label("energy", its.energy)
    if its.outcome is not None:
        since = wording.day(its.ended_on, today=visitor.today) if its.ended_on else ""
        heading = f"{label('cut_outcome', its.outcome)} : {inside(energy)}"
        return {"heading": heading, "what": f"Depuis le {since}.", "chip": None, "why": [], "steps": []}
    days = (told.day - visitor.today).days
    when = "Aujourd’hui" if days == 0 else f"Dans {days} j" if days > 0 else f"Depuis {-days} j"
    tasks = {task.kind: task for task in (*found.tasks, *found.paused) if task.cut_id == its.id}
    done = {"call_supplier": its.supplier_called_on, "file_aid": its.aid_filed_on}
    steps = [(words, _step(visitor, tasks.get(kind), done[kind])) for kind, words in CUT_STEPS]
    announced = wording.day(its.cut_on, today=visitor.today)
    return {
        "heading": f"Coupure annoncée : {inside(energy)}",
        "what": f"Annoncée pour le {announced}." if told.day != its.cut_on else "",
        "chip": {"text": f"{when} : le {wording.day(told.day, today=visitor.today)}",
                 "tone": "late" if days < SOON else "soon"},
        "why": [{"text": REASONS[reason.code].format(day=wording.day(reason.until, today=visitor.today)),
                 "source": reason.source} for reason in told.reasons] + _before_it(its),
        "steps": [(words, step) for words, step in steps if step],
    }  # fmt: skip


CUT_STEPS: Final = (("call_supplier", "Appeler le fournisseur"), ("file_aid", "Déposer la demande d’aide"))
REDUCED: Final = (
    "Avant la coupure, {days} jours à {kva} kVA si le ménage a le chèque énergie ou une aide du FSL, et un compteur "
    "communicant : à faire confirmer par le fournisseur."
)
REASONS: Final = {
    "truce": "Trêve hivernale : pas de coupure avant le {day}.",
    "aid": "Aide demandée : fourniture maintenue jusqu’à la décision, au plus jusqu’au {day}.",
}
SOON: Final = 10
"""Days before a cut within which little can still be done."""


def _before_it(its: SupplyCut) -> list[dict[str, str]]:
    rule = reduced_power(Energy(its.energy), its.cut_on)
    return [{"text": REDUCED.format(days=rule.days, kva=rule.kva), "source": rule.source}] if rule else []


def _step(visitor: Visitor, task: Task | None, done_on: date | None) -> str:
    if done_on is not None:
        return f"fait le {wording.day(done_on, today=visitor.today)}"
    if task is None:
        return ""
    return f"au plus tard le {wording.day(task.due_at.astimezone(visitor.zone).date(), today=visitor.today)}"


# --- Who works on it


def people(unit: UnitOfWork, found: desk.Sheet) -> list[dict[str, Any]]:
    """The operator, the officer, who gave the alert, and each partner with what he may read."""
    case = found.case
    listed: list[dict[str, Any]] = []
    if case.operator is not None:
        listed.append(
            {"name": case.operator.name, "role": "opérateur", "phone": case.operator.phone or "", "reads": ""}
        )
    officers = {visit.officer.id: visit.officer for visit in found.visits if visit.officer is not None}
    listed += [{"name": each.name, "role": "visite", "phone": "", "reads": ""} for each in officers.values()]
    for alert in case.alerts:
        own = alert.giver_name if found.is_known else ""  # it may be the household itself
        name, phone = alert.organisation.name if alert.organisation else own, alert.giver_phone or ""
        if name:
            listed.append(
                {"name": name, "role": "donneur d’alerte", "phone": phone if found.is_known else "", "reads": ""}
            )
    live = [each for each in found.referrals if ReferralState(each.state) in UNANSWERED | UNDER_WAY]
    return listed + [_partner(unit, asked) for asked in live]


def _partner(unit: UnitOfWork, asked: Referral) -> dict[str, Any]:
    knows = may_know_household(unit, asked)
    reads = (
        "Lit la demande et, après identification, les coordonnées du ménage"
        if knows
        else ("Lit la demande seulement : ni nom, ni adresse, ni notes")
    )
    role = f"partenaire, {inside(label('theme', asked.need.theme))}"
    return {"name": asked.partner.name, "role": role, "phone": asked.partner.phone or "", "reads": reads}


# --- Loans and agreements


def loans(visitor: Visitor, found: desk.Sheet) -> list[dict[str, Any]]:
    """What was lent, each with its return."""
    return [_loan(visitor, found.case, loan) for loan in found.loans]


def _loan(visitor: Visitor, case: Case, loan: Loan) -> dict[str, Any]:
    due = wording.day(loan.due_on, today=visitor.today)
    chip = {"text": f"À rendre le {due}", "tone": "late" if loan.due_on < visitor.today else "info"}
    if loan.returned_on is not None:
        chip = {"text": f"Rendu le {wording.day(loan.returned_on, today=visitor.today)}", "tone": "ok"}
    elif loan.lost_on is not None:
        chip = {"text": f"Perdu, noté le {wording.day(loan.lost_on, today=visitor.today)}", "tone": "late"}
    ends = {"rendu": "Rendu"} | ({"perdu": "Perdu ou cassé"} if loan.is_out else {})
    acts = [
        {"label": label, "post": f"/situations/{case.id}/prets/{loan.id}/{path}", "once": new_token()}
        for path, label in ends.items()
    ]
    may = loan.returned_on is None and Right.LEND in rights(visitor.actor)
    return {"item": loan.item, "on": loan.lent_on, "chip": chip, "acts": acts if may else []}


def agreement(unit: UnitOfWork, visitor: Visitor, found: desk.Sheet, permission: Permission) -> dict[str, Any]:
    """One agreement of the household: to what, how, when; and the page that takes it back."""
    case, collected_by = found.case, permission.collected_by if found.is_known else ""
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
        "detail": f"{how}, recueilli par {collected_by}" if collected_by else how,
        "on": permission.given_on,
        "acts": [revoke] if stands and found.is_known and Right.PERMISSIONS in rights(visitor.actor) else [],
    }
