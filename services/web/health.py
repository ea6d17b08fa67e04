"""`/healthz` says that the process lives, `/readyz` that the installation can work; neither asks who wants to know."""

from fastapi import APIRouter, Request, Response

from services.operations import health
from services.web.actors import runtime_of
from services.web.api.answers import Alive, CheckLine, Readiness
from services.web.problems import Problem

router = APIRouter(tags=["Santé"])


@router.get("/healthz", summary="Le processus répond")
def is_alive() -> Alive:
    """Ne regarde ni la base ni le relais."""
    return Alive()


@router.get(
    "/readyz",
    summary="L’installation peut travailler",
    responses={
        500: {"model": Problem, "description": "Erreur interne"},
        503: {"model": Readiness, "description": "La ligne « ok: false » dit ce qui manque"},
    },
)
def is_ready(request: Request, response: Response) -> Readiness:
    """Base joignable et à jour, événements traités à temps, relais en marche."""
    head = getattr(request.app.state, "migration_head", None)
    lines = health.readiness(runtime_of(request).database, head=head)
    ready = all(line.ok for line in lines)
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, lines=[CheckLine(name=each.name, ok=each.ok, found=each.found) for each in lines])
