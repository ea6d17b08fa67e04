"""Where the SMS provider tells of the SMS that households send us: one address, its own secret, no session."""

import hmac
from base64 import b64decode
from binascii import Error
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.correspondence.incoming_sms import ReceivedSms, receive
from services.foundation.errors import CaseworkError, NotFound
from services.foundation.runtime import Runtime
from services.web.actors import runtime_of

router = APIRouter()
LONGEST: Final = 16_384
NAMES: Final = {
    "sender": ("from", "sender", "msisdn", "phone", "number"),
    "text": ("text", "message", "body", "content"),
    "reference": ("id", "message_id", "messageId", "reference"),
}
"""What providers call these three; the first found is taken."""


@router.post("/api/v1/sms", status_code=204)
async def told(request: Request) -> Response:
    """An SMS, in JSON or as a form. Told twice, it counts once.

    The secret comes in `Authorization`, as a bearer token or as the password of a Basic pair, never in the address,
    which proxies write down. Without a secret in the settings nothing listens here.
    """
    runtime = runtime_of(request)
    if not _may_tell(runtime, request.headers.get("authorization", "")):
        return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
    given = await _given(request)
    try:
        form = ReceivedSms.model_validate(given)
    except (ValidationError, CaseworkError):
        return Response(status_code=422)
    await run_in_threadpool(_keep, runtime, form)
    return Response(status_code=204)


def _may_tell(runtime: Runtime, header: str) -> bool:
    wanted = runtime.settings.sms_webhook_secret
    if wanted is None:
        raise NotFound
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            value = b64decode(value, validate=True).decode().partition(":")[2]
        except (Error, UnicodeDecodeError):
            value = ""
    return hmac.compare_digest(value.strip().encode(), wanted.get_secret_value().encode())


async def _given(request: Request) -> dict[str, Any]:
    if int(request.headers.get("content-length") or LONGEST + 1) > LONGEST:
        return {}
    try:
        is_json = "json" in request.headers.get("content-type", "")
        found = await request.json() if is_json else dict(await request.form(max_files=0, max_fields=50))
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    values = {name: next((str(found[key]) for key in keys if key in found), None) for name, keys in NAMES.items()}
    return {name: value for name, value in values.items() if value is not None}


def _keep(runtime: Runtime, form: ReceivedSms) -> None:
    with runtime.database.write("sms") as unit:
        receive(unit, form)
