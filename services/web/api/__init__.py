"""The API, version 1: every act of a case's path, for the software of operators, alert givers and partners."""

from typing import Final

from fastapi import APIRouter, Depends

from services.web import health, metrics
from services.web.api import (
    alerts,
    cases,
    detection,
    follow_up,
    lives,
    organisations,
    orientation,
    requests,
    tasks,
    visit,
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
    503: "Service momentanément indisponible",
}
TAGS: Final = [
    {"name": alerts.TAG, "description": "Demander une visite pour un ménage."},
    {"name": cases.TAG, "description": "Lire les situations, les tâches et l’annuaire."},
    {"name": detection.TAG, "description": "Examiner une demande : la prendre ou la refuser."},
    {"name": visit.TAG, "description": "Joindre le ménage, fixer et faire la visite, remettre le rapport."},
    {"name": orientation.TAG, "description": "Demander l’aide des partenaires et noter leurs réponses."},
    {"name": follow_up.TAG, "description": "Rappeler le ménage, clore, rouvrir."},
    {"name": tasks.TAG, "description": "S’occuper d’une tâche, la rendre, la transmettre, la reporter."},
    {"name": lives.TAG, "description": "Faire attendre, arrêter, réunir, transmettre ; prêts et accords."},
    {"name": organisations.TAG, "description": "Les liens secrets par lesquels les services demandent des visites."},
    {"name": "Santé", "description": "Si l’installation vit et travaille."},
]
"""What the application's OpenAPI says of each group of routes."""
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

versioned = APIRouter(
    prefix=PREFIX,
    dependencies=[Depends(signed_in)],
    responses={status: {"description": words, "content": _PROBLEM} for status, words in _REFUSALS.items()},
)
for part in (alerts, cases, tasks, detection, visit, orientation, requests, follow_up, lives, organisations):
    versioned.include_router(part.router)

router = APIRouter()
"""Everything that an application includes: version 1 and the two questions of health."""
router.include_router(versioned)
router.include_router(health.router)
router.include_router(metrics.router)
