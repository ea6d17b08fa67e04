"""The two acts that end the wait of each kind of task; an act that the role does not grant is not offered."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from models.engine import Task
from services.foundation.tokens import new_token
from services.rules.policy import Actor, Right, rights


@dataclass(frozen=True)
class NextAct:
    """A link to the page of an act, or with `post` a button that does it. `{referral}` and `{doubt}` are filled in."""

    label: str
    path: str
    right: Right
    post: bool = False
    danger: bool = False


_CALL: Final = NextAct("Noter un appel", "appel", Right.CALL)
_VISIT: Final = NextAct("Fixer la visite", "visite", Right.VISIT)
_NUMBER: Final = NextAct("Donner un numéro", "numero", Right.CORRECT)
_ANSWER: Final = NextAct("Réponse reçue", "orientations/{referral}/reponse", Right.ANSWER_FOR_PARTNER)
_NEWS: Final = NextAct("Nouvelles reçues", "orientations/{referral}/nouvelles", Right.ANSWER_FOR_PARTNER)
_WITHDRAW: Final = NextAct("Retirer la demande", "orientations/{referral}/retirer", Right.REFER)
_REFER: Final = NextAct("Orienter", "orienter", Right.REFER)
_FOLLOW_UP: Final = NextAct("Passer au suivi", "passer-au-suivi", Right.REFER)

NEXT: Final[dict[str, tuple[NextAct, ...]]] = {
    "triage": (NextAct("Accepter", "accepter", Right.TRIAGE), NextAct("Refuser", "refuser", Right.TRIAGE)),
    "first_call": (_CALL,),
    "call_again": (_CALL,),
    "await_household": (_CALL, NextAct("Renoncer", "renoncer", Right.GIVE_UP)),
    "correct_number": (_NUMBER,),
    "find_number": (_NUMBER,),
    "plan_visit": (_VISIT, _CALL),
    "hold_visit": (
        NextAct("Visite faite", "visite/faite", Right.VISIT),
        NextAct("Absence ou annulation", "visite/perdue", Right.VISIT),
    ),
    "decide_after_absence": (_VISIT, _CALL),
    "deliver_report": (NextAct("Remettre le rapport", "rapport", Right.REPORT),),
    "acknowledge_danger": (NextAct("Je m’en occupe", "danger-pris-en-charge", Right.DANGER, post=True, danger=True),),
    "orient": (_REFER, _FOLLOW_UP),
    "answer_referral": (_ANSWER, _WITHDRAW),
    "answer_question": (
        NextAct("Répondre", "orientations/{referral}/repondre", Right.REFER),
        _ANSWER,
    ),
    "report_outcome": (_NEWS, _WITHDRAW),
    "reorient": (NextAct("Réorienter", "orienter?remplace={referral}", Right.REFER), _FOLLOW_UP),
    "mend_address": (_ANSWER, _WITHDRAW),
    "check_message": (
        NextAct("Il a été remis", "messages/{doubt}/remis", Right.SETTLE_MESSAGE, post=True),
        NextAct("Il ne l’a pas été : renvoyer", "messages/{doubt}/non-remis", Right.SETTLE_MESSAGE, post=True),
    ),
    "follow_up_call": (NextAct("Noter l’appel de suivi", "suivi", Right.FOLLOW_UP),),
    "close_case": (NextAct("Terminer", "cloturer", Right.CLOSE),),
}


def acts_of(actor: Actor, task: Task, *, doubt: UUID | None = None) -> list[dict[str, Any]]:
    """What this reader may do about a task, the main act first."""
    granted = rights(actor)
    offered = [act for act in NEXT.get(task.kind, ()) if act.right in granted]
    if task.referral_id is None:
        offered = [act for act in offered if "{referral}" not in act.path]
    if doubt is None:
        offered = [act for act in offered if "{doubt}" not in act.path]
    return [_shown(act, task, doubt, main=rank == 0) for rank, act in enumerate(offered)]


def _shown(act: NextAct, task: Task, doubt: UUID | None, *, main: bool) -> dict[str, Any]:
    address = f"/situations/{task.case_id}/{act.path.format(referral=task.referral_id, doubt=doubt)}"
    shown: dict[str, Any] = {"label": act.label, "main": main, "danger": act.danger}
    return shown | ({"post": address, "once": new_token()} if act.post else {"href": address})
