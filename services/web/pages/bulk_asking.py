"""Acts on several lines that ask something first: calls, a partner's words, decisions, another operator."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from starlette.datastructures import FormData

from models.engine import Task
from models.lifecycles import REFERRAL_MOVES, ReferralAction
from models.vocabulary import CallResult, OrganisationKind, ReferralState, TaskState
from services import forms
from services.cases import calls, follow_up, triage
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.overview import desk
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, rights
from services.rules.texts.labels import choices, label
from services.web.pages import orienting
from services.web.pages.acts import NOTE
from services.web.pages.entries import Mistakes, read
from services.web.pages.next_acts import NEXT
from services.web.pages.visitor import Visitor

Field = dict[str, Any]
Do = Callable[[UnitOfWork, Hand, Task], object]
UNANSWERED: Final = (CallResult.NO_ANSWER, CallResult.VOICEMAIL)
"""What several calls in a row have in common: one that somebody answers says more, and is noted in its line."""
FOLLOW_UPS: Final = ("follow_up_call", "call_back")
WHOLE: Final = "S’écrit sur chaque situation : rien qui n’en concerne qu’une"
ONE_PARTNER: Final = "Ces lignes sont de plusieurs partenaires : ne gardez que celles de qui vous a répondu."
GONE: Final = "Cette ligne n’attend plus rien : quelqu’un vient de s’en occuper."


@dataclass(frozen=True)
class BulkAct:
    """One act on several lines. `label` is its button under the list, `done` the title of what was done.

    `kinds` are the tasks that it concerns, none for all; `about` is what two lines of one act may not share: the second
    is left out. `ready` reads what was typed and gives what is done to each line, or raises `Mistakes`.
    """

    label: str
    heading: str
    button: str
    done: str
    right: Right
    fields: Callable[[UnitOfWork, Visitor, Sequence[Task]], Sequence[Field]]
    ready: Callable[[Visitor, FormData], Do]
    kinds: frozenset[str] = frozenset()
    about: Callable[[Task], UUID | None] = lambda task: task.case_id
    lead: str = ""
    of_one_partner: bool = False

    def concerned(self, tasks: Iterable[Task]) -> list[Task]:
        """Those of these lines that the act is for."""
        found = [task for task in tasks if _is_open(task) and (not self.kinds or task.kind in self.kinds)]
        return list({self.about(task): task for task in reversed(found) if self.about(task)}.values())[::-1]

    def problem(self, tasks: Sequence[Task]) -> str:
        """Why these lines cannot be done together, or nothing."""
        partners = {task.referral.partner_id for task in tasks if task.referral is not None}
        return ONE_PARTNER if self.of_one_partner and len(partners) > 1 else ""


def offered(actor: Actor) -> list[tuple[str, str]]:
    """The buttons under a list, by code."""
    return [(code, act.label) for code, act in ACTS.items() if act.right in rights(actor)]


def carry_out(unit: UnitOfWork, hand: Hand, task_id: UUID, do: Do) -> object:
    """Do it to one line, if it still waits."""
    task = unit.session.get_one(Task, task_id)
    if not _is_open(task):
        raise GuardRefused(GONE)
    return do(unit, hand, task)


def _is_open(task: Task) -> bool:
    return task.state == TaskState.OPEN


def _that_lead_to(*paths: str) -> frozenset[str]:
    """The kinds of tasks that one of these pages ends, as their own line offers it."""
    return frozenset(kind for kind, acts in NEXT.items() if any(act.path in paths for act in acts))


def _call_fields(_unit: UnitOfWork, _visitor: Visitor, _tasks: Sequence[Task]) -> list[Field]:
    results = [(result.value, label("call_result", result.value)) for result in UNANSWERED]
    return [{"kind": "radios", "name": "result", "label": "Résultat des appels", "choices": results}, _note()]


def _note() -> Field:
    return NOTE | {"hint": WHOLE}


def _call(_visitor: Visitor, data: FormData) -> Do:
    form = read(forms.CallForm, data, _among("result", [result.value for result in UNANSWERED], data))

    def do(unit: UnitOfWork, hand: Hand, task: Task) -> object:
        if task.kind in FOLLOW_UPS:
            said = forms.FollowUpForm(result=form.result, note=form.note)
            return follow_up.record_follow_up(unit, hand, task.case_id, said)
        return calls.record_call(unit, hand, task.case_id, form)

    return do


def _among(name: str, codes: Sequence[str], data: FormData) -> dict[str, str]:
    return {} if data.get(name) in codes else {name: "Choisissez une réponse."}


def _told_fields(table: Mapping[str, orienting.Told], more: Sequence[Field]) -> Callable[..., list[Field]]:
    """What a partner may have said of at least one of the lines; the others are refused, each with its sentence."""

    def fields(_unit: UnitOfWork, _visitor: Visitor, tasks: Sequence[Task]) -> list[Field]:
        states = {ReferralState(task.referral.state) for task in tasks if task.referral is not None}
        said = [
            (code, words)
            for code, (words, _, _) in table.items()
            if any((state, ReferralAction(code)) in REFERRAL_MOVES for state in states)
        ]
        names = {task.referral.partner.name for task in tasks if task.referral is not None}
        who, how, _, note = orienting.SAID
        first = {"kind": "radios", "name": "answer", "label": f"Ce que dit {', '.join(sorted(names))}", "choices": said}
        return [first, *more, dict(who), dict(how), {**note, "hint": WHOLE}]

    return fields


def _told(table: Mapping[str, orienting.Told]) -> Callable[[Visitor, FormData], Do]:
    def ready(visitor: Visitor, data: FormData) -> Do:
        _, model, act = table.get(str(data.get("answer")), (None, None, None))
        if model is None or act is None:
            raise Mistakes({"answer": "Choisissez une réponse."})
        form = read(model, data, **orienting.on_behalf(visitor, data))
        return lambda unit, hand, task: act(unit, hand, task.referral_id, form)

    return ready


ANSWERS: Final = {code: orienting.ANSWERS[code] for code in ("accept", "acknowledge", "decline")}
NEWS: Final = {code: orienting.NEWS[code] for code in ("start", "report_progress", "complete", "fail")}
"""A day given to the household, a question, a wait are of one request."""


def _decision_fields(unit: UnitOfWork, visitor: Visitor, _tasks: Sequence[Task]) -> list[Field]:
    answers = [("accept", "Accepter"), ("reject", "Refuser")]
    return [
        {"kind": "radios", "name": "answer", "label": "Décision", "choices": answers},
        {"kind": "select", "name": "operator_id", "label": "Si vous acceptez, l’opérateur chargé de la visite",
         "choices": _operators(unit, visitor), "optional": True},
        {"kind": "select", "name": "reason", "label": "Si vous refusez, le motif",
         "choices": choices("rejection_reason"), "optional": True},
        _note() | {"label": "Si vous refusez, note pour l’équipe"},
    ]  # fmt: skip


def _operators(unit: UnitOfWork, visitor: Visitor) -> list[tuple[str, str]]:
    found = desk.organisations(unit, visitor.actor, OrganisationKind.OPERATOR)
    return [(str(each.id), each.name) for each in found]


def _decide(_visitor: Visitor, data: FormData) -> Do:
    wrong = _among("answer", ("accept", "reject"), data)
    if wrong:
        raise Mistakes(wrong)
    if data.get("answer") == "accept":
        accepted = read(forms.Acceptance, data)
        return lambda unit, hand, task: triage.accept(unit, hand, task.case_id, accepted)
    rejected = read(forms.Rejection, data)
    return lambda unit, hand, task: triage.reject(unit, hand, task.case_id, rejected)


def _operator_fields(unit: UnitOfWork, visitor: Visitor, _tasks: Sequence[Task]) -> list[Field]:
    options = _operators(unit, visitor)
    return [{"kind": "radios", "name": "operator_id", "label": "Nouvel opérateur", "choices": options}, _note()]


def _reassign(_visitor: Visitor, data: FormData) -> Do:
    form = read(forms.Reassignment, data)
    return lambda unit, hand, task: triage.reassign(unit, hand, task.case_id, form)


ACTS: Final[dict[str, BulkAct]] = {
    "appeler": BulkAct(
        "Noter un appel…", "Noter des appels restés sans réponse", "Enregistrer les appels", "Appels notés",
        Right.CALL, _call_fields, _call, _that_lead_to("appel", "suivi"),
        lead="Celui où quelqu’un répond se note sur sa ligne.",
    ),
    "repondre": BulkAct(
        "Noter une réponse…", "Noter la réponse du partenaire", "Enregistrer sa réponse", "Réponses notées",
        Right.ANSWER_FOR_PARTNER,
        _told_fields(ANSWERS, [{"kind": "select", "name": "reason", "label": "S’il décline, pourquoi",
                                "optional": True, "choices": choices("decline_reason")}]),
        _told(ANSWERS), _that_lead_to("orientations/{referral}/oui"), lambda task: task.referral_id,
        lead="La même pour chaque ligne. Ce qui n’en concerne qu’une se note sur sa ligne.", of_one_partner=True,
    ),
    "nouvelles": BulkAct(
        "Noter des nouvelles…", "Noter les nouvelles du partenaire", "Enregistrer les nouvelles", "Nouvelles notées",
        Right.ANSWER_FOR_PARTNER,
        _told_fields(NEWS, [{"kind": "select", "name": "outcome", "label": "Si elle est terminée, le résultat",
                             "optional": True, "choices": choices("referral_outcome")},
                            {"kind": "select", "name": "reason", "label": "Si elle n’a pas abouti, pourquoi",
                             "optional": True, "choices": choices("failure_reason")}]),
        _told(NEWS), _that_lead_to("orientations/{referral}/nouvelles"), lambda task: task.referral_id,
        lead="Les mêmes pour chaque ligne. Ce qui n’en concerne qu’une se note sur sa ligne.", of_one_partner=True,
    ),
    "decider": BulkAct(
        "Accepter ou refuser…", "Accepter ou refuser ces demandes", "Enregistrer la décision", "Décisions enregistrées",
        Right.TRIAGE, _decision_fields, _decide, _that_lead_to("accepter"),
    ),
    "confier": BulkAct(
        "Changer d’opérateur…", "Confier ces situations à un autre opérateur", "Confier les situations",
        "Situations confiées", Right.REASSIGN, _operator_fields, _reassign,
        lead="Les tâches de l’ancien opérateur passent au nouveau, qui est prévenu ; leurs échéances ne changent pas.",
    ),
}  # fmt: skip
