"""An act asked from a list leads back to that list: its address says so, whatever page or button carries it out."""

from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import MutableHeaders, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BACK: Final = "retour"
LISTS: Final = frozenset({"/a-faire", "/envois", "/parcours", "/qui-doit-quoi", "/situations"})
"""Where one may be led back; an address of elsewhere is no list of ours."""


def leading_back(address: str, back: str) -> str:
    """The address of an act that leads back to `back`; unchanged when it is no list."""
    if not is_list(back):
        return address
    return f"{address}{'&' if '?' in address else '?'}{BACK}={quote(back, safe='')}"


def is_list(address: str) -> bool:
    """Whether an address is one of our lists, filters included."""
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc and parts.path in LISTS


class LeadsBack:
    """Turn the way to the case, after an act, into the way to the list that it was asked from.

    Every act answers `303 /situations/<case>?fait=<what was done>`; only that is touched.
    """

    def __init__(self, app: ASGIApp) -> None:
        """`app` is what it stands before."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        asked = scope["type"] == "http" and scope["method"] == "POST"
        back = QueryParams(scope["query_string"]).get(BACK, "") if asked else ""

        async def send_back(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 303:  # noqa: PLR2004
                headers = MutableHeaders(scope=message)
                headers["location"] = _instead(headers["location"], back)
            await send(message)

        await self.app(scope, receive, send_back if is_list(back) else send)


def _instead(location: str, back: str) -> str:
    found = urlsplit(location)
    done = dict(parse_qsl(found.query)).get("fait")
    if not found.path.startswith("/situations/") or done is None:
        return location
    parts = urlsplit(back)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name != "fait"]
    return f"{parts.path}?{urlencode([*kept, ('fait', done)])}"
