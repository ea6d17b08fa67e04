"""A link scanner as mail gateways have them: opens every link of every mail, follows no form, must change nothing."""

import re
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select

from models.engine import Message
from services.foundation.runtime import Runtime

LINK: Final = re.compile(r"https?://[^\s<>\"]+")


def open_every_link(runtime: Runtime) -> list[str]:
    """GET each of our links in each mail; the addresses that answered, with their status."""
    from starlette.testclient import TestClient

    from services.web.app import create_app

    host = urlsplit(runtime.settings.public_url).netloc
    with runtime.database.read() as unit:
        bodies = unit.session.scalars(select(Message.body).where(Message.body.is_not(None))).all()
    found = sorted({link.rstrip(".,") for body in bodies for link in LINK.findall(body or "")})
    ours = [link for link in found if urlsplit(link).netloc == host]
    client = TestClient(create_app(runtime, engine_wait_s=0), base_url=runtime.settings.public_url)
    return [f"{client.get(link, follow_redirects=False).status_code} {link}" for link in ours]
