"""A browser of a test: same site, redirections not followed, signed in as somebody."""

from collections.abc import Mapping
from typing import Any

from starlette.testclient import TestClient

from services.web.app import create_app
from tests.factories import PASSWORD, Office

SAME_SITE = {"sec-fetch-site": "same-origin"}


def browser(office: Office, who: str = "", **headers: str) -> TestClient:
    """Anonymous, or signed in as `claire`, `karim` or `nadia`."""
    app = create_app(office.runtime, engine_wait_s=0)
    client = TestClient(
        app, base_url="http://127.0.0.1:8000", follow_redirects=False, raise_server_exceptions=False,
        headers=SAME_SITE | headers,
    )  # fmt: skip
    if who:
        answer = client.post("/connexion", data={"email": f"{who}@brest.test", "password": PASSWORD})
        assert answer.status_code == 303
    return client


def send(client: TestClient, address: str, once: str = "une-fois", **typed: Any) -> Any:
    """Press a form's button."""
    data: Mapping[str, Any] = {"once": once, **typed}
    return client.post(address, data=dict(data))
