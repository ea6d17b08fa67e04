"""Tells another software of an event over HTTPS: signed, to public addresses only, redirections not followed.

Source: Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md): the headers
`webhook-id`, `webhook-timestamp` and `webhook-signature`, what is signed (`id.timestamp.body`, HMAC-SHA256), secrets as
`whsec_` and base64, several signatures while a secret changes, what each status means.
"""

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx2

from services.foundation.errors import InvalidInput
from services.foundation.settings import LOOPBACK

TIMEOUT_S: Final = 15.0
LONGEST_REST: Final = timedelta(days=1)
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how a secret begins, not one
NAT64: Final = IPv6Network("64:ff9b::/96")
GONE: Final = 410
BUSY: Final = frozenset({408, 429, 502, 503, 504})


class AddressRefused(Exception):
    """The name leads to a machine that we never write to: a private network, or this machine itself."""


class Outcome(StrEnum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # this event; the next may do better
    BUSY = "busy"  # the server as a whole: let it rest
    GONE = "gone"  # it wants nothing from us any more


@dataclass(frozen=True)
class Call:
    """One event on its way, free of the database. `secrets` are the present one and, for a day, the one before."""

    url: str
    id: str
    body: bytes
    secrets: tuple[bytes, ...]
    at: datetime


@dataclass(frozen=True)
class Reply:
    """What the server said: a status, or the class of what went wrong; `rest` when it asks for a pause."""

    outcome: Outcome
    status: int | None = None
    error: str | None = None
    rest: timedelta | None = None


def shown_secret(secret: bytes) -> str:
    """A secret as its receiver configures it."""
    return SECRET_PREFIX + b64encode(secret).decode()


def headers(call: Call) -> dict[str, str]:
    """What goes beside the body; the time is that of the attempt, the id the same at every attempt."""
    timestamp = str(int(call.at.timestamp()))
    signed = f"{call.id}.{timestamp}.".encode() + call.body
    signatures = [b64encode(hmac.new(secret, signed, sha256).digest()).decode() for secret in call.secrets]
    return {
        "content-type": "application/json",
        "user-agent": "Relais",
        "webhook-id": call.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def check_url(url: str, *, local: bool) -> None:
    """Raise `InvalidInput` for what can never be written to. `local`: an installation of its own machine only."""
    parts = _split(url)
    if parts is None or parts.username or parts.password or parts.fragment or not parts.hostname:
        raise InvalidInput("url", "Donnez une adresse complète, sans identifiant ni mot de passe.")
    on_loopback = parts.hostname in LOOPBACK
    if parts.scheme != "https" and not (local and on_loopback and parts.scheme == "http"):
        raise InvalidInput("url", "L’adresse commence par https:// ; rien n’est envoyé en clair.")
    try:
        literal = ip_address(parts.hostname)
    except ValueError:
        literal = None
    if (on_loopback and not local) or (literal is not None and not is_open(literal, local=local)):
        raise InvalidInput("url", "Cette adresse est celle d’un réseau privé : Relais n’y envoie rien.")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if url.isascii() and url.isprintable() and " " not in url else None


def is_open(address: IPv4Address | IPv6Address, *, local: bool) -> bool:
    """Whether we may write to this machine: a public address, not a private one dressed up; or, locally, our own."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_open(address.ipv4_mapped, local=local)
        if address in NAT64 or address.sixtofour is not None or address.teredo is not None:
            return False
    if address.is_loopback:
        return local
    return address.is_global and not address.is_multicast and not address.is_reserved


async def post(client: httpx2.AsyncClient, call: Call, *, local: bool) -> Reply:
    """Send it once; never raises. What the server answers beyond its status is not read."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _post(client, call, local=local)
    except (httpx2.HTTPError, OSError, AddressRefused, TimeoutError, UnicodeError) as error:
        return Reply(Outcome.BUSY, error=type(error).__name__)


async def _post(client: httpx2.AsyncClient, call: Call, *, local: bool) -> Reply:
    url = httpx2.URL(call.url)
    address = await _resolve(url.host, url.port or (443 if url.scheme == "https" else 80), local=local)
    # The address that was looked at is the one that is written to: a name that changes its mind in between has no say.
    async with client.stream(
        "POST",
        url.copy_with(host=address),
        content=call.body,
        headers={**headers(call), "host": url.netloc.decode("ascii")},
        extensions={"sni_hostname": url.host},
    ) as response:
        return _said(response)


async def _resolve(host: str, port: int, *, local: bool) -> str:
    loop = asyncio.get_running_loop()
    found: Sequence[str] = [str(each[4][0]) for each in await loop.getaddrinfo(host, port, type=1)]
    if not found or not all(is_open(ip_address(each), local=local) for each in found):
        raise AddressRefused
    return found[0]


def _said(response: httpx2.Response) -> Reply:
    status = response.status_code
    if response.is_success:
        return Reply(Outcome.DELIVERED, status)
    if status == GONE:
        return Reply(Outcome.GONE, status)
    if status in BUSY:
        return Reply(Outcome.BUSY, status, rest=_rest(response.headers.get("retry-after", "")))
    return Reply(Outcome.REFUSED, status)


def _rest(retry_after: str) -> timedelta | None:
    """Seconds only; a date is as good as nothing, since clocks differ."""
    seconds = int(retry_after) if retry_after.isdecimal() and len(retry_after) < 9 else 0  # noqa: PLR2004
    return min(timedelta(seconds=seconds), LONGEST_REST) if seconds else None


def new_client() -> httpx2.AsyncClient:
    """A client that goes straight there: no proxy of the environment, no redirection, certificates verified."""
    return httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT_S)
