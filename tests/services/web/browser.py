"""A browser of a test: same site, redirections not followed, signed in as somebody."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from starlette.testclient import TestClient

from models.programmes import Person
from services.accounts.sessions import open_session
from services.web.sessions import cookie_name
from tests.factories import PASSWORD, Office
from tests.served import served

SAME_SITE = {"sec-fetch-site": "same-origin"}


def browser(office: Office, who: str = "", *, by_password: bool = False, **headers: str) -> TestClient:
    """Anonymous, or signed in as `claire`, `karim` or `nadia`.

    A session is opened without the tenth of a second that a password costs, unless `by_password`.
    """
    client = TestClient(
        served(office.runtime), base_url="http://127.0.0.1:8000", follow_redirects=False, raise_server_exceptions=False,
        headers=SAME_SITE | headers,
    )  # fmt: skip
    if who and by_password:
        answer = client.post("/connexion", data={"email": f"{who}@brest.test", "password": PASSWORD})
        assert answer.status_code == 303
    elif who:
        with office.runtime.database.write("test") as unit:
            person = unit.session.scalars(select(Person).where(Person.email == f"{who}@brest.test")).one()
            client.cookies.set(cookie_name(office.runtime.settings), open_session(unit, person))
    return client


def send(client: TestClient, address: str, once: str = "une-fois", **typed: Any) -> Any:
    """Press a form's button."""
    data: Mapping[str, Any] = {"once": once, **typed}
    return client.post(address, data=dict(data))
