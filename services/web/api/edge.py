"""The edge of the API: who asks, one transaction an act, the answer kept under its idempotency key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar, TypeVarTuple
from uuid import UUID

from fastapi import Depends, Header, Request, Security
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPBase
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from models.cases import Case, Loan, Permission, Referral
from models.engine import Task
from models.vocabulary import CaseState, Source, Stage
from services import idempotency
from services.accounts import api_keys
from services.accounts.accounts import count_try
from services.foundation.database import UnitOfWork, is_duplicate
from services.foundation.errors import Denied, NotFound
from services.foundation.runtime import Runtime
from services.rules.casework import Hand
from services.rules.limits import ANONYMOUS, Use
from services.rules.policy import Actor, Right, case_for, note_access
from services.web.actors import Credentials, actor_of, credentials_of, runtime_of
from services.web.api.answers import Receipt
from services.web.browsers import place_of
from services.web.problems import Stale
from services.web.security import SAFE
from services.web.sessions import PLAIN_COOKIE

Said = TypeVarTuple("Said")
Part = TypeVar("Part", Loan, Permission, Referral, Task)
REPLAYED: Final = "Idempotent-Replayed"
SAID_ONCE: Final = frozenset({"secret"})
"""What is never kept with an answer: whoever lost it asks for a new one."""

_key = HTTPBearer(auto_error=False, scheme_name="CleApi", description="Clé de l’API : agit comme une personne.")
_link = HTTPBase(
    scheme="Lien", auto_error=False, scheme_name="LienDemande", description="Lien secret d’un donneur d’alerte."
)
_cookie = APIKeyCookie(
    name=PLAIN_COOKIE, auto_error=False, scheme_name="Session", description="Navigateur connecté à Relais."
)


def signed_in(
    request: Request,
    _by_key: Annotated[object, Security(_key)],
    _by_link: Annotated[object, Security(_link)],
    _by_cookie: Annotated[object, Security(_cookie)],
) -> None:
    """Raise `SignInRefused` before anything else of the request is looked at. Each act reads the actor again.

    Whoever sends with a link has no account: it counts as a form does.
    """
    runtime = runtime_of(request)
    credentials = credentials_of(request)
    with runtime.database.read() as unit:
        actor_of(unit, runtime, credentials)
        stale = credentials.kind == "key" and api_keys.is_stale(unit, credentials.token)
    if credentials.kind == "link" and request.method not in SAFE:
        count_try(runtime.database, Use(ANONYMOUS, place_of(request)))
    if stale:
        with runtime.database.write("api_key") as unit:
            api_keys.touch(unit, credentials.token)


@dataclass(frozen=True)
class Reading:
    """A request that only reads."""

    runtime: Runtime
    credentials: Credentials

    def actor(self, unit: UnitOfWork) -> Actor:
        """Who reads, as of this transaction."""
        return actor_of(unit, self.runtime, self.credentials)

    def note(self, actor: Actor, action: str, case_id: UUID) -> None:
        """Write down that a case was read."""
        with self.runtime.database.write("access") as unit:
            note_access(unit, actor, action, case_id=case_id)


@dataclass(frozen=True)
class Acting:
    """A request that acts: once for each idempotency key, on the version of a case that its sender says he has read."""

    reading: Reading
    route: str
    status: int
    path: str
    key: str
    if_match: str | None

    def on_case(
        self, case_id: UUID, act: Callable[[UnitOfWork, Hand, UUID, *Said], object], *said: *Said
    ) -> JSONResponse:
        """Act on a case that this actor may read, with what he said, and answer with its receipt.

        The case is locked first, so that whatever the act reads next is not older than the lock.
        """
        return self._within(case_id, lambda unit, hand: act(unit, hand, case_id, *said), said)

    def on_part(
        self,
        case_id: UUID,
        part: type[Part],
        part_id: UUID,
        act: Callable[[UnitOfWork, Hand, UUID, *Said], object],
        *said: *Said,
    ) -> JSONResponse:
        """The same for something of the case; what is another one's is not found."""

        def on_its_own(unit: UnitOfWork, hand: Hand) -> object:
            found = unit.session.get(part, part_id)
            if found is None or found.case_id != case_id:
                raise NotFound
            return act(unit, hand, part_id, *said)

        return self._within(case_id, on_its_own, said)

    def _within(
        self, case_id: UUID, act: Callable[[UnitOfWork, Hand], object], said: tuple[object, ...]
    ) -> JSONResponse:
        def on_locked(unit: UnitOfWork, hand: Hand) -> Receipt:
            case = case_for(unit, hand.actor, case_id, Right.READ)
            if self.if_match is not None and not names(self.if_match, case.version):
                raise Stale
            made = act(unit, hand)
            unit.session.flush()
            return receipt(case, made)

        return self.once(on_locked, *said, case_id=case_id)

    def once(
        self, act: Callable[[UnitOfWork, Hand], BaseModel], *said: object, case_id: UUID | None = None
    ) -> JSONResponse:
        """Act and keep the answer in one transaction, or give the first answer again. `said` tells a second sending
        from something else under the same key.
        """
        chosen = self.reading.runtime
        words = "\n".join(each.model_dump_json() if isinstance(each, BaseModel) else str(each) for each in said)
        asked = idempotency.request_hash(chosen.secrets, self.path, words)
        try:
            with chosen.database.write("api") as unit:
                actor = actor_of(unit, chosen, self.reading.credentials, held=True)
                known = idempotency.find(unit, actor.label, self.route, self.key, asked)
                if known is not None:
                    return _answer(known.body, known.status, replayed=True)
                body = act(unit, Hand(actor, Source.API)).model_dump(mode="json")
                kept = {name: value for name, value in body.items() if name not in SAID_ONCE}
                idempotency.remember(unit, actor.label, self.route, self.key, asked, status=self.status, body=kept)
        except (Denied, NotFound):
            self._note_refusal(case_id)
            raise
        except IntegrityError as error:
            if is_duplicate(error):
                raise idempotency.KeyInUse from error
            raise
        return _answer(body, self.status)

    def _note_refusal(self, case_id: UUID | None) -> None:
        with self.reading.runtime.database.write("access") as unit:
            note_access(unit, self.reading.actor(unit), self.route, case_id=case_id, allowed=False)


def reading(request: Request) -> Reading:
    """What a route that reads asks for."""
    return Reading(runtime_of(request), credentials_of(request))


def acting(
    request: Request,
    idempotency_key: Annotated[
        str,
        Header(
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="Une valeur nouvelle par acte (un UUID convient) : répétée, elle rend la première réponse.",
            examples=["0199b6c2-6f0e-7c54-9d3c-2f6f0a4d1e11"],
        ),
    ],
    if_match: Annotated[
        str | None,
        Header(
            max_length=200,
            description="ETag de la situation lue : refus 412 si elle a changé depuis. Ailleurs, sans effet.",
            examples=['"7"'],
        ),
    ] = None,
) -> Acting:
    """What a route that acts asks for."""
    route: APIRoute = request.scope["route"]
    status = route.status_code or 200
    return Acting(reading(request), route.name, status, request.url.path, idempotency_key, if_match)


Reads = Annotated[Reading, Depends(reading)]
Acts = Annotated[Acting, Depends(acting)]


def etag(version: int) -> str:
    """The version of a case as HTTP writes it."""
    return f'"{version}"'


def names(if_match: str, version: int) -> bool:
    """Whether `If-Match` names this version: `*` does, a weak tag never. Source: RFC 9110, 13.1.1."""
    return if_match.strip() == "*" or etag(version) in {each.strip() for each in if_match.split(",")}


def receipt(case: Case, made: object = None, *, bare: bool = False) -> Receipt:
    """What is told of an act; `bare` for an alert giver, who must not learn what becomes of it this way."""
    if bare:
        return Receipt(case_id=case.id, number=case.number)
    return Receipt(
        case_id=case.id,
        number=case.number,
        state=CaseState(case.state),
        stage=Stage(case.stage),
        version=case.version,
        made_id=None if made is case else getattr(made, "id", None),
    )


def _answer(body: dict[str, Any], status: int, *, replayed: bool = False) -> JSONResponse:
    headers = {}
    if body.get("version") is not None:
        headers["ETag"] = etag(body["version"])
    if replayed:
        headers[REPLAYED] = "true"
    return JSONResponse(body, status, headers=headers)
