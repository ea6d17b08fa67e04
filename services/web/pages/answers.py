"""What a page answers: a template, a redirection that says what was done, and an act carried out once."""

import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse

from services import idempotency
from services.foundation.database import UnitOfWork
from services.foundation.errors import Conflict
from services.foundation.runtime import Runtime
from services.foundation.tokens import new_token
from services.rules.work import unhandled
from services.web.rendering import Form

SEE_OTHER: Final = 303
POLL_S: Final = 0.05
PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""While the other press of the same button is being answered."""
REMEDIES: Final = {"event.tried_again": "Événement essayé de nouveau", "message.sent_again": "Message renvoyé"}
DONE: Final = {
    "remede": "C’est relancé : le motif est gardé.",
    "accepter": "La demande est acceptée : l’opérateur est prévenu.",
    "refuser": "La demande est refusée : le donneur d’alerte et le ménage reçoivent une réponse.",
    "appel": "L’appel est noté.",
    "numero": "Le nouveau numéro est enregistré.",
    "visite": "La visite est fixée : l’invitation et la confirmation partent.",
    "visite-deplacer": "La visite est déplacée : chacun reçoit la nouvelle date.",
    "visite-faite": "La visite est notée : le rapport est à rendre.",
    "visite-perdue": "C’est noté : la suite s’organise.",
    "danger": "Le danger est signalé : la coordination est prévenue tout de suite.",
    "danger-pris-en-charge": "Vous avez pris le danger en charge : les alertes s’arrêtent.",
    "rapport": "Le rapport est remis : l’orientation peut commencer.",
    "orienter": "La demande est envoyée au partenaire.",
    "reponse": "La réponse du partenaire est notée.",
    "adresse": "L’adresse est enregistrée : la demande repart.",
    "retirer": "La demande est retirée : le partenaire est prévenu.",
    "repondre": "Votre réponse est enregistrée : le partenaire est prévenu.",
    "nouvelles": "Les nouvelles du partenaire sont notées.",
    "passer-au-suivi": "Le suivi commence.",
    "suivi": "L’appel de suivi est noté.",
    "cloturer": "La situation est terminée.",
    "renoncer": "La situation est terminée, ménage injoignable : la porte reste ouverte.",
    "rouvrir": "La situation est rouverte.",
    "suspendre": "La situation est en pause : les échéances attendent.",
    "reprendre": "La situation reprend : les échéances sont reculées d’autant.",
    "diagnostic": "Le diagnostic est terminé : le rapport reste à remettre.",
    "non-eligible": "La situation est arrêtée : le donneur d’alerte et le ménage reçoivent une réponse.",
    "retrait": "L’accompagnement est arrêté à la demande du ménage.",
    "transmettre": "La situation est transmise.",
    "reunir": "Les deux situations n’en font plus qu’une.",
    "separer": "Les situations sont séparées : celle-ci est à examiner.",
    "reaffecter": "La situation est confiée au nouvel opérateur.",
    "pret": "Le prêt est noté.",
    "pret-rendu": "Le retour de l’appareil est noté.",
    "accord": "L’accord du ménage est noté.",
    "accord-retire": "L’accord est retiré : ce qui en dépendait s’arrête.",
    "tache-prendre": "C’est noté : vous vous en occupez.",
    "tache-rendre": "La tâche est rendue à la coordination.",
    "tache-transmettre": "La tâche est transmise.",
    "tache-reporter": "Les relances sont reportées.",
    "tache-terminer": "La tâche est faite.",
    "preparer": "La demande est gardée : elle ne part pas avant que vous l’envoyiez.",
    "transferer": "La demande est partie à l’autre partenaire ; le premier est prévenu.",
    "redemander": "Une nouvelle demande est préparée : relisez-la, puis envoyez-la.",
    "erreur": "La demande est annulée.",
    "aide-confirmee": "La parole du ménage est notée.",
    "aide-contestee": "C’est noté : la coordination vérifie.",
    "note": "La note est ajoutée.",
    "message-remis": "Le message est noté comme remis.",
    "message-non-remis": "Le message va repartir.",
    "reponse-lue": "La réponse est lue : rien d’autre n’est attendu pour elle.",
    "message-classe": "Le message est rangé dans cette situation, comme une note.",
    "message-sans-suite": "Le message est noté comme lu.",
    "message-envoye": "Le message part tout de suite.",
    "lien-renouvele": "Le lien est renouvelé : l’ancien n’ouvre plus rien. Donnez le nouveau au service.",
    "lettres-imprimees": "Les lettres sont prêtes : ouvrez le PDF, imprimez, postez.",
    "lettres-aucune": "Aucune lettre n’avait encore de raison de partir.",
    "lettres-postees": "Le dépôt est noté dans l’histoire de chaque situation.",
}


def page(request: Request, name: str, /, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A template, filled."""
    return HTMLResponse(request.app.state.pages.get_template(name).render(**context), status)


def done_words(code: str) -> str:
    """The sentence of what was just done; nothing for a code that nobody wrote."""
    return DONE.get(code, "")


def see(address: str, done: str = "") -> RedirectResponse:
    """Lead to a page that says what was done; the address holds a code, never a datum."""
    return RedirectResponse(f"{address}?fait={done}" if done else address, SEE_OTHER)


def blank() -> Form:
    """A form that nobody filled yet, with the key that lets one sending count once."""
    return Form(once=new_token())


def act_once(runtime: Runtime, data: FormData, *, actor: str, route: str, act: Callable[[UnitOfWork], object]) -> None:
    """Carry out an act in one transaction, once for each form that was shown, however often its button is pressed."""
    key = str(data.get("once") or new_token())
    digest = idempotency.request_hash(runtime.secrets, key, *_typed(data))
    for rest in (*PAUSES_S, None):
        try:
            with runtime.database.write("web") as unit:
                if idempotency.find(unit, actor, route, key, digest) is None:
                    act(unit)
                    idempotency.remember(unit, actor, route, key, digest, status=SEE_OTHER, body={})
            return
        except idempotency.KeyReused:
            raise Conflict("Ce formulaire a déjà été envoyé : rouvrez la page avant d’en envoyer un autre.") from None
        except idempotency.KeyInUse:
            if rest is None:
                raise
            time.sleep(rest)


def _typed(data: FormData) -> list[str]:
    return [f"{name}={value}" for name, value in sorted(data.multi_items(), key=str) if isinstance(value, str)]


def wait_for_engine(request: Request, case_id: UUID) -> None:
    """Let the engine draw the consequences of an act before its page is shown; a moment at most."""
    database, until = request.app.state.runtime.database, time.monotonic() + request.app.state.engine_wait_s
    while time.monotonic() < until:
        with database.read() as unit:
            if not unhandled(unit, [case_id]):
                return
        time.sleep(POLL_S)
