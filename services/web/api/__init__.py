"""The API, version 1: every act of a case's path, for the software of operators, alert givers and partners."""

from typing import Any, Final

from fastapi import Depends, FastAPI

from services.web import health, metrics
from services.web.api import (
    administration,
    alerts,
    cases,
    coming,
    detection,
    directory,
    follow_up,
    imports,
    letters,
    lives,
    organisations,
    orientation,
    overview,
    partner_team,
    people,
    presence,
    replies,
    requests,
    settings,
    sms,
    tasks,
    territory,
    visit,
    webhooks,
)
from services.web.api.edge import signed_in
from services.web.problems import MEDIA_TYPE

PREFIX: Final = "/api/v1"
_REFUSALS: Final = {
    400: "Demande mal formée, ou clé d’idempotence manquante",
    401: "Identification nécessaire",
    403: "Action non autorisée",
    404: "Introuvable, ou pas ouvert à vous : la réponse est la même",
    409: "L’état de la situation ou une règle s’y oppose",
    410: "Lien périmé",
    412: "La situation a changé depuis la version lue (If-Match)",
    422: "Champs à corriger, ou clé d’idempotence déjà utilisée",
    429: "Trop de demandes : Retry-After dit quand recommencer",
    503: "Service momentanément indisponible",
}
TAGS: Final = [
    {"name": alerts.TAG, "description": "Demander une visite pour un ménage."},
    {"name": cases.TAG, "description": "Lire les situations, les tâches et l’annuaire."},
    {
        "name": overview.TAG,
        "description": "Ce qui est à faire, qui doit quoi, les étapes, les chiffres.",
    },
    {"name": coming.TAG, "description": "Ce qui partira si rien ne change ; passer une relance, ou l’avancer."},
    {"name": detection.TAG, "description": "Examiner une demande : la prendre ou la refuser."},
    {"name": visit.TAG, "description": "Joindre le ménage, fixer et faire la visite, remettre le rapport."},
    {"name": orientation.TAG, "description": "Demander l’aide des partenaires et noter leurs réponses."},
    {"name": follow_up.TAG, "description": "Rappeler le ménage, clore, rouvrir."},
    {"name": tasks.TAG, "description": "S’occuper d’une tâche, la rendre, la transmettre, la reporter."},
    {"name": lives.TAG, "description": "Faire attendre, arrêter, réunir, transmettre ; prêts et accords."},
    {"name": directory.TAG, "description": "Ce que les partenaires proposent, leurs zones, et à qui demander."},
    {
        "name": organisations.TAG,
        "description": "Qui travaille avec le dispositif, sous quel contrat ; les liens secrets des donneurs d’alerte.",
    },
    {"name": territory.TAG, "description": "Les communes où le dispositif intervient, et depuis quand."},
    {"name": presence.TAG, "description": "Absences, jours travaillés, astreintes, jours fermés."},
    {"name": replies.TAG, "description": "Les e-mails reçus qu’aucune tâche ne demande de lire."},
    {"name": letters.TAG, "description": "Les courriers à imprimer et à poster."},
    {"name": imports.TAG, "description": "Reprendre un tableur de situations, ou une liste de demandes."},
    {"name": people.TAG, "description": "Qui travaille avec Relais, avec quels rôles, et qui a lu quoi."},
    {"name": settings.TAG, "description": "Délais, relances et textes du dispositif."},
    {"name": administration.TAG, "description": "Ce que Relais n’a pas pu faire seul, et le remettre en route."},
    {
        "name": webhooks.TAG,
        "description": "Prévenir un autre logiciel de ce qui arrive, et renvoyer ce qu’il a manqué.",
    },
    {"name": "Santé", "description": "Si l’installation vit et travaille."},
]
"""What the application's OpenAPI says of each group of routes."""
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

_PARTS: Final = (
    alerts,
    overview,
    cases,
    coming,
    tasks,
    detection,
    visit,
    orientation,
    requests,
    follow_up,
    lives,
    directory,
    organisations,
    territory,
    partner_team,
    presence,
    replies,
    letters,
    imports,
    people,
    administration,
    settings,
    webhooks,
)


def include_api(app: FastAPI) -> None:
    """Everything that an application answers to other software: version 1 and the questions of health."""
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": words, "content": _PROBLEM} for status, words in _REFUSALS.items()
    }
    for part in _PARTS:
        app.include_router(part.router, prefix=PREFIX, dependencies=[Depends(signed_in)], responses=responses)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(sms.router, include_in_schema=False)
