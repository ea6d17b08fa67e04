"""Refusals as RFC 9457 problems: a stable type, a French sentence, and never a personal datum or an inner detail."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException

from models.refusals import CaseworkError
from services.foundation.errors import InvalidInput, InvalidInputs, Unavailable
from services.rules.texts.typography import french

LOG: Final = logging.getLogger(__name__)
MEDIA_TYPE: Final = "application/problem+json"
KEY_HEADER: Final = "Idempotency-Key"
OUTAGES: Final = (OperationalError, InterfaceError, NoConnection)
"""How a database says that it is away, full, or too busy to be waited for."""
Handler = Callable[[Request, Exception], Response | Awaitable[Response]]

TITLES: Final[Mapping[str, str]] = {
    "bad-request": "Demande mal formée",
    "conflict": "La situation a changé",
    "denied": "Action non autorisée",
    "guard-refused": "Une règle s’y oppose",
    "internal": "Erreur interne",
    "invalid-input": "Saisie à corriger",
    "key-in-use": "Demande en cours",
    "key-missing": "Clé d’idempotence manquante",
    "key-reused": "Clé d’idempotence déjà utilisée",
    "link-expired": "Lien périmé",
    "method-not-allowed": "Méthode non prévue",
    "not-found": "Introuvable",
    "phone-refused": "Numéro à corriger",
    "setup": "Installation incomplète",
    "sign-in-refused": "Identification nécessaire",
    "stale": "Version périmée",
    "too-large": "Envoi trop lourd",
    "too-many": "Trop d’essais",
    "transition-refused": "Étape impossible",
    "unavailable": "Service momentanément indisponible",
}
SENTENCES: Final[Mapping[str, str]] = {
    "missing": "Ce champ est obligatoire.",
    "extra_forbidden": "Ce champ n’existe pas.",
    "json_invalid": "Le corps de la demande n’est pas du JSON valable.",
    "string_type": "Un texte est attendu.",
    "string_too_short": "Ce texte est trop court : {min_length} caractère(s) au moins.",
    "string_too_long": "Ce texte est trop long : {max_length} caractères au plus.",
    "string_pattern_mismatch": "Ce texte n’a pas la forme attendue.",
    "too_short": "Il en faut au moins {min_length}.",
    "too_long": "Il en faut au plus {max_length}.",
    "enum": "Choisissez une des valeurs prévues : {expected}.",
    "literal_error": "Choisissez une des valeurs prévues : {expected}.",
    "greater_than_equal": "La valeur doit être au moins {ge}.",
    "less_than_equal": "La valeur doit être au plus {le}.",
    "timezone_aware": "Précisez le fuseau horaire (par exemple +01:00).",
}
KINDS: Final[Mapping[str, str]] = {
    "uuid": "Un identifiant (UUID) est attendu.",
    "datetime": "Une date et une heure avec fuseau sont attendues (ISO 8601).",
    "date": "Une date est attendue (AAAA-MM-JJ).",
    "int": "Un nombre entier est attendu.",
    "bool": "Vrai ou faux est attendu.",
    "list": "Une liste est attendue.",
    "model": "Un objet JSON est attendu.",
}
BY_STATUS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad-request", "Cette demande ne peut pas être lue."),
    404: ("not-found", "Cette adresse n’existe pas, ou ne vous est pas ouverte."),
    405: ("method-not-allowed", "Cette adresse ne connaît pas cette méthode."),
}


class Problem(BaseModel):
    """What every refusal looks like (RFC 9457); `errors` gives a sentence for each wrong field."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Nature du refus, stable", examples=["/problemes/guard-refused"])
    title: str = Field(description="Nature du refus, en clair", examples=["Une règle s’y oppose"])
    status: int = Field(description="Code HTTP", examples=[409])
    detail: str = Field(description="Phrase à montrer à la personne", examples=["Aucune visite n’est prévue."])
    retryable: bool = Field(False, description="La même demande peut réussir plus tard, inchangée")
    errors: dict[str, str] = Field(default_factory=dict, description="Une phrase par champ à corriger")


class Stale(CaseworkError):
    """`If-Match` names a version that is no longer the current one."""

    status_code = 412
    retryable = False
    code = "stale"

    def __init__(self) -> None:
        """Reading again gives the current version."""
        super().__init__("La situation a changé depuis votre lecture : relisez-la, puis recommencez.")


def answer(problem: Problem, *, wait_s: int = 1) -> JSONResponse:
    """The response of a problem. `wait_s`: when the same request may succeed, if it may."""
    headers = {}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retryable:
        headers["Retry-After"] = str(wait_s)
    return JSONResponse(problem.model_dump(mode="json"), problem.status, headers=headers, media_type=MEDIA_TYPE)


def problem(code: str, status: int, detail: str, *, retryable: bool = False) -> Problem:
    """A problem of our own; its title comes from the table."""
    title = TITLES.get(code, TITLES["bad-request"])
    return Problem(type=f"/problemes/{code}", title=title, status=status, detail=french(detail), retryable=retryable)


def of_refusal(error: CaseworkError) -> Problem:
    """A refusal of the casework: its sentence is for the person."""
    made = problem(error.code, error.status_code, error.sentence, retryable=error.retryable)
    if isinstance(error, InvalidInput):
        made.errors[error.field] = made.detail
    if isinstance(error, InvalidInputs):
        made.errors = {field: french(sentence) for field, sentence in error.errors.items()}
    return made


def of_validation(error: RequestValidationError) -> Problem:
    """A malformed request: 400 for a missing or odd idempotency key, else 422 with a sentence for each field."""
    found = {_place(each["loc"]): each for each in error.errors()}
    if f"header.{KEY_HEADER.lower()}" in {place.lower() for place in found}:
        return problem("key-missing", 400, f"L’en-tête {KEY_HEADER} est obligatoire : 1 à 200 caractères ASCII.")
    made = problem("invalid-input", 422, "Cette demande est à corriger : voyez chaque champ.")
    made.errors = {_field(place): _sentence(each) for place, each in found.items()}
    return made


def _place(loc: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in loc)


def _field(place: str) -> str:
    return place.partition(".")[2] or place


def _sentence(error: Mapping[str, Any]) -> str:
    """In French, from the kind of error only: what was typed is never repeated."""
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind == "value_error" and isinstance(context.get("error"), CaseworkError):
        return french(context["error"].sentence)
    if kind == "value_error" and "email" in str(error.get("msg", "")):
        return french("Cette adresse électronique n’est pas valable.")
    if kind == "value_error" and _is_ours(context.get("error")):
        return french(str(context["error"]))
    words = SENTENCES.get(kind) or KINDS.get(kind.partition("_")[0], "Cette valeur n’est pas valable.")
    return french(words.format_map({**context, "expected": str(context.get("expected", "")).replace(" or ", " ou ")}))


def _is_ours(error: object) -> bool:
    return type(error).__module__.startswith("services.")


def handler(
    describe: Callable[[Any], Problem], otherwise: Handler | None
) -> Callable[[Request, Any], Awaitable[Response]]:
    """What answers a refusal in the manner of its reader: a problem for programs, `otherwise` for the pages."""

    async def handle(request: Request, error: Exception) -> Response:
        if otherwise is None or request.url.path.startswith(("/api/", "/healthz", "/readyz")):
            return answer(describe(error), wait_s=getattr(error, "retry_after_s", 1))
        response = otherwise(request, error)
        return await response if inspect.isawaitable(response) else response

    return handle


def install(app: FastAPI, *, otherwise: Handler | None = None) -> None:
    """Answer every refusal of `/api/`, `/healthz` and `/readyz` as a problem.

    `otherwise` answers for the pages; without it they get problems too.
    """

    def handled(describe: Callable[[Any], Problem]) -> Callable[[Request, Any], Awaitable[Response]]:
        return handler(describe, otherwise)

    app.add_exception_handler(CaseworkError, handled(of_refusal))
    app.add_exception_handler(RequestValidationError, handled(of_validation))
    app.add_exception_handler(HTTPException, handled(_of_http))
    app.add_exception_handler(DataError, handled(_of_data))
    for outage in OUTAGES:
        app.add_exception_handler(outage, handled(_of_outage))
    app.add_exception_handler(Exception, handled(_of_accident))


def _of_http(error: HTTPException) -> Problem:
    code, detail = BY_STATUS.get(error.status_code, ("bad-request", "Cette demande ne peut pas aboutir."))
    return problem(code, error.status_code, detail)


def _of_data(_error: DataError) -> Problem:
    return problem("invalid-input", 422, "Un des champs contient un caractère ou un nombre impossible à garder.")


def _of_outage(error: Exception) -> Problem:
    LOG.error("the database did not answer: %s", type(error).__name__)
    return of_refusal(Unavailable())


def _of_accident(_error: Exception) -> Problem:
    return problem("internal", 500, "Une erreur inattendue est survenue : rien n’a été enregistré.")
