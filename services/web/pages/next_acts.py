"""The two acts that end the wait of each kind of task; an act that the role does not grant is not offered."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from models.engine import Task
from models.pathway import TaskRule
from services.cases import reminding, tasks
from services.foundation.database import UnitOfWork
from services.foundation.tokens import new_token
from services.rules.policy import Actor, Right, rights_on
from services.rules.titles import outcomes_of
from services.web import returning


@dataclass(frozen=True)
class NextAct:
    """A link to the page of an act, or with `post` a button that does it.

    `{referral}`, `{loan}`, `{task}` and `{doubt}` are filled in.
    """

    label: str
    path: str
    right: Right
    post: bool = False
    danger: bool = False


_GIVE_UP: Final = NextAct("Renoncer", "renoncer", Right.GIVE_UP)
_CALL: Final = NextAct("Noter un appel", "appel", Right.CALL)
_VISIT: Final = NextAct("Fixer la visite", "visite", Right.VISIT)
_HELD: Final = NextAct("Visite faite", "visite/faite", Right.VISIT)
_MOVE: Final = NextAct("Déplacer la visite", "visite/deplacer", Right.VISIT)
_NUMBER: Final = NextAct("Donner un numéro", "numero", Right.CORRECT)
_EMAIL: Final = NextAct("Corriger l’adresse", "courriel", Right.CORRECT)
_NO_EMAIL: Final = NextAct("La retirer", "courriel/retirer", Right.CORRECT)
_YES: Final = NextAct("Oui par téléphone", "orientations/{referral}/oui", Right.ANSWER_FOR_PARTNER)
_ANSWER: Final = NextAct("Autre réponse", "orientations/{referral}/reponse", Right.ANSWER_FOR_PARTNER)
_NEWS: Final = NextAct("Nouvelles reçues", "orientations/{referral}/nouvelles", Right.ANSWER_FOR_PARTNER)
_MEND: Final = NextAct("Donner l’adresse", "orientations/{referral}/adresse", Right.DIRECTORY)
_WITHDRAW: Final = NextAct("Retirer la demande", "orientations/{referral}/retirer", Right.REFER)
_REFER: Final = NextAct("Orienter", "orienter", Right.REFER)
_FOLLOW_UP: Final = NextAct("Passer au suivi", "passer-au-suivi", Right.REFER)

NEXT: Final[dict[str, tuple[NextAct, ...]]] = {
    "triage": (NextAct("Accepter", "accepter", Right.TRIAGE), NextAct("Refuser", "refuser", Right.TRIAGE)),
    "hand_case_over": (
        NextAct("Fiche remise", "fiche-remise", Right.TRANSFER),
        NextAct("Imprimer la fiche", "fiche-a-remettre", Right.TRANSFER),
    ),
    "first_call": (_CALL,),
    "call_again": (_CALL,),
    "await_household": (_CALL, _GIVE_UP),
    "correct_number": (_NUMBER,),
    "find_number": (_NUMBER,),
    "plan_visit": (_VISIT, _CALL),
    "hold_visit": (
        _HELD,
        NextAct("Absence ou annulation", "visite/perdue", Right.VISIT),
    ),
    "choose_visitor": (NextAct("Choisir qui vient", "visite/deplacer", Right.VISIT),),
    "decide_after_absence": (_VISIT, _CALL),
    "deliver_report": (NextAct("Remettre le rapport", "rapport", Right.REPORT),),
    "acknowledge_danger": (
        NextAct("Je m’en occupe", "danger-pris-en-charge", Right.TAKE_DANGER, post=True, danger=True),
    ),
    "orient": (_REFER, _FOLLOW_UP),
    "answer_referral": (_YES, _ANSWER),
    "answer_question": (
        NextAct("Répondre", "orientations/{referral}/repondre", Right.REFER),
        _YES,
    ),
    "report_outcome": (_NEWS, _WITHDRAW),
    "reorient": (NextAct("Réorienter", "orienter?remplace={referral}", Right.REFER), _FOLLOW_UP),
    "mend_address": (_MEND, _YES, _WITHDRAW),
    "mend_household_address": (_EMAIL, _NO_EMAIL),
    "check_message": (
        NextAct("Il a été remis", "messages/{doubt}/remis", Right.SETTLE_MESSAGE, post=True),
        NextAct("Il ne l’a pas été : renvoyer", "messages/{doubt}/non-remis", Right.SETTLE_MESSAGE, post=True),
    ),
    "finish_draft": (NextAct("Terminer la demande", "orientations/{referral}/envoyer", Right.REFER), _WITHDRAW),
    "check_back": (_YES, _ANSWER),
    "follow_outside": (_NEWS, _WITHDRAW),
    "review_hold": (_NEWS, _WITHDRAW),
    "settle_dispute": (
        NextAct("L’aide est bien venue", "orientations/{referral}/confirmer", Right.FOLLOW_UP),
        NextAct("Demander à nouveau", "orientations/{referral}/redemander", Right.REFER),
    ),
    "review_suspension": (
        NextAct("Reprendre", "reprendre", Right.SUSPEND),
        NextAct("Prolonger", "suspendre", Right.SUSPEND),
        NextAct("Terminer", "cloturer", Right.CLOSE),
    ),
    "return_loan": (
        NextAct("Appareil rendu", "prets/{loan}/rendu", Right.LEND, post=True),
        NextAct("Perdu ou cassé", "prets/{loan}/perdu", Right.LEND, post=True),
    ),
    "read_reply": (
        NextAct("Lire la réponse", "reponses/{task}", Right.REPLIES),
        NextAct("Lu, rien à faire", "reponses/{task}", Right.TASKS, post=True),
    ),
    "answer_complaint": (NextAct("Répondre", "reclamation/reponse", Right.TRIAGE),),
    "call_back": (NextAct("Noter l’appel", "suivi", Right.FOLLOW_UP),),
    "avert_cut": (
        NextAct("Coupure évitée, ou faite", "coupure/issue", Right.CUT),
        NextAct("Changer le jour", "coupure/jour", Right.CUT),
    ),
    "call_supplier": (NextAct("Noter l’appel au fournisseur", "coupure/fournisseur", Right.CUT),),
    "file_aid": (NextAct("Demande d’aide déposée", "coupure/aide", Right.CUT),),
    "restore_supply": (NextAct("Énergie rétablie", "coupure/retablie", Right.CUT),),
    "follow_up_call": (NextAct("Noter l’appel de suivi", "suivi", Right.FOLLOW_UP),),
    "close_case": (NextAct("Terminer", "cloturer", Right.CLOSE),),
}
SIDE_BY_SIDE: Final = 2
"""So many outcomes of a task stand beside each other; more are asked on its page."""


def acts_of(
    unit: UnitOfWork, actor: Actor, task: Task, *, doubt: UUID | None = None, back: str = ""
) -> list[dict[str, Any]]:
    """What this reader may do about a task, the main act first. `back`: the list to come back to, else the case."""
    rule = tasks.own_rule(unit, task.case, task)
    if rule is not None and not tasks.may_act(actor, task):
        return []
    granted = rights_on(unit, actor, task.case)
    known = NEXT.get(task.kind, ()) if rule is None else _own(rule)
    if task.visit is not None and unit.now < task.visit.starts_at:
        known = [_MOVE if act is _HELD else act for act in known]  # what has not begun cannot have been held
    if unit.now < task.due_at:
        known = [act for act in known if act is not _GIVE_UP]  # the household has time left to answer
    offered = [act for act in known if act.right in granted]
    places = {"referral": task.referral_id, "loan": task.loan_id, "doubt": doubt}
    lacking = {f"{{{name}}}" for name, found in places.items() if found is None}
    offered = [act for act in offered if not any(place in act.path for place in lacking)]
    return [_shown(act, task, doubt, back, main=rank == 0) for rank, act in enumerate(offered)]


def _own(rule: TaskRule) -> list[NextAct]:
    """How a task of the pathway's own ends: an act an outcome, or one page that asks which."""
    outcomes = outcomes_of(rule)
    if not outcomes:
        return [NextAct("C’est fait", "taches/{task}/terminer", Right.TASKS)]
    if len(outcomes) > SIDE_BY_SIDE:
        return [NextAct("Dire ce qu’il en est", "taches/{task}/terminer", Right.TASKS)]
    return [NextAct(words, f"taches/{{task}}/terminer?outcome={code}", Right.TASKS) for code, words in outcomes]


def handling_of(unit: UnitOfWork, actor: Actor, task: Task, *, back: str = "") -> list[dict[str, Any]]:
    """What may be done with a task without doing it: take it, give it back, hand it over, put its reminders off."""
    possible = set(tasks.handling(unit, actor, task))
    if reminding.may_remind(actor, task):
        possible.add("remind")
    return [_shown(act, task, None, back, main=False) for code, act in HANDLING.items() if code in possible]


HANDLING: Final = {
    "remind": NextAct("Relancer", "taches/{task}/relancer", Right.REFER, post=True),
    "take": NextAct("Je m’en occupe", "taches/{task}/prendre", Right.TASKS, post=True),
    "give_back": NextAct("Rendre à la coordination", "taches/{task}/rendre", Right.TASKS),
    "hand_over": NextAct("Transmettre à un collègue", "taches/{task}/transmettre", Right.TASKS),
    "snooze": NextAct("Reporter les relances", "taches/{task}/reporter", Right.TASKS),
}


def _shown(act: NextAct, task: Task, doubt: UUID | None, back: str, *, main: bool) -> dict[str, Any]:
    path = act.path.format(referral=task.referral_id, loan=task.loan_id, task=task.id, doubt=doubt)
    address = returning.leading_back(f"/situations/{task.case_id}/{path}", back)
    shown: dict[str, Any] = {"label": act.label, "main": main, "danger": act.danger}
    return shown | ({"post": address, "once": new_token()} if act.post else {"href": address})
