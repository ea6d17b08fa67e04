"""The administrator's pages: people, keys, access log; and who may not open them."""

import re
from datetime import timedelta

from sqlalchemy import func, select
from starlette.testclient import TestClient

from models.engine import Message
from models.programmes import AccessEntry, ApiKey
from models.vocabulary import CaseState, Role
from services.accounts.accounts import create_account
from services.operations import upkeep
from tests.factories import PASSWORD, Office, make_case, number_of
from tests.services.web.browser import browser, send

PEOPLE, LOG, KEYS = "/administration/personnes", "/administration/journal", "/administration/cles"


def alex(office: Office) -> TestClient:
    with office.runtime.database.write("test") as unit:
        create_account(
            unit, email="alex@brest.test", name="Alex Renaud", password=PASSWORD, programme_id=office.programme_id,
            role=Role.ADMINISTRATOR,
        )  # fmt: skip
    return browser(office, "alex")


def test_people_are_invited_given_roles_and_kept_out(office: Office) -> None:
    client = alex(office)
    typed = {"name": "Léa Kerdoncuff", "email": "lea@brest.fr", "role": "operator"}
    refused = send(client, f"{PEOPLE}/inviter", **typed)
    assert (refused.status_code, "quel opérateur" in refused.text) == (422, True)
    assert "Léa Kerdoncuff" in refused.text
    typed |= {"organisation_id": str(office.operator_id)}
    assert send(client, f"{PEOPLE}/inviter", "deux-fois", **typed).status_code == 303

    page = client.get(PEOPLE).text
    (lea,) = re.findall(rf'href="({PEOPLE}/[0-9a-f-]+)"><strong>Léa', page)
    assert client.post(f"{lea}/roles", data={"role": "coordinator"}).status_code == 303
    assert "demandé à la prochaine connexion" in client.get(lea).text
    assert client.post(f"{lea}/fermer", data={"reason": ""}).status_code == 422
    assert client.post(f"{lea}/fermer", data={"reason": "Départ"}).status_code == 303
    assert "Rouvrir le compte" in client.get(lea).text
    (own,) = re.findall(rf'href="({PEOPLE}/[0-9a-f-]+)"><strong>Alex', page)
    (end,) = re.findall(rf"{own}/roles/[0-9a-f-]+/retirer", client.get(own).text)
    last = client.post(end)
    assert (last.status_code, "dernière personne qui administre" in last.text) == (409, True)

    coordinator = browser(office, "claire")
    assert {coordinator.get(each).status_code for each in (PEOPLE, KEYS, lea)} == {403}


def test_what_is_pressed_twice_about_a_person_is_done_once(office: Office) -> None:
    client = alex(office)
    nadia = f"{PEOPLE}/{office.nadia.id}"
    pressed = [
        (f"{nadia}/invitation", {}),
        (f"{nadia}/roles", {"role": "coordinator"}),
        (f"{nadia}/fermer", {"reason": "Départ"}),
        (f"{nadia}/rouvrir", {}),
    ]

    answers = [send(client, address, **typed).status_code for address, typed in pressed for _ in range(2)]

    assert set(answers) == {303}
    with office.runtime.database.read() as unit:
        about = select(AccessEntry.action).where(AccessEntry.about_id == office.nadia.id).order_by(AccessEntry.id)
        noted = list(unit.session.scalars(about))
        written = unit.session.scalar(select(func.count()).where(Message.text == "account_invitation"))
    assert (len(noted), len(set(noted)), written) == (4, 4, 1)


def test_a_key_asked_for_twice_by_one_form_is_made_once_and_shown_once(office: Office) -> None:
    client, typed = browser(office, "claire"), {"label": "Outil", "scope": "read", "days": "30"}

    first, second = (send(client, "/compte/cles", **typed) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 409)
    assert "ne se montre qu’une fois" in second.text
    (end,) = re.findall(r"/compte/cles/[0-9a-f-]+/revoquer", second.text)
    assert [send(client, end).status_code for _ in range(2)] == [303, 303]


def test_a_key_does_no_more_than_its_scope_and_dies_in_time(office: Office) -> None:
    case_id = make_case(office, CaseState.TRIAGE)
    client = browser(office, "claire")
    made = {
        scope: re.findall(r"<code>([^<]+)</code>", client.post("/compte/cles", data=typed).text)[0]
        for scope in ("all", "read", "alerts")
        for typed in ({"label": f"Outil {scope}", "scope": scope, "days": "30"},)
    }
    api = browser(office)

    def code(scope: str, method: str, path: str, **more: object) -> int:
        headers = {"Authorization": f"Bearer {made[scope]}", "Idempotency-Key": f"{scope}{path}{method}"}
        return api.request(method, f"/api/v1{path}", headers=headers, **more).status_code  # type: ignore[arg-type]

    note = {"text": "Note"}
    reads = [code(scope, "GET", f"/cases/{case_id}") for scope in ("all", "read", "alerts")]
    notes = [code(scope, "POST", f"/cases/{case_id}/notes", json=note) for scope in ("read", "alerts")]
    assert reads == [200, 200, 404]
    assert notes == [403, 404]
    page = client.get("/compte/cles").text
    assert made["read"] not in page
    assert "jamais servie" not in page

    (end, *_) = re.findall(r"/compte/cles/[0-9a-f-]+/revoquer", page)
    assert browser(office, "nadia").post(end).status_code == 404
    assert client.post(end).status_code == 303
    told = re.findall(r"<strong>(Outil \w+)</strong>", alex(office).get(KEYS).text)
    assert sorted(told) == ["Outil alerts", "Outil all", "Outil read"]
    office.clock.at += timedelta(days=30)
    with office.runtime.database.read() as unit:
        assert len(unit.session.scalars(select(ApiKey)).all()) == 3
    assert code("read", "GET", f"/cases/{case_id}") == 401


def test_the_access_log_is_searched_by_person_case_kind_and_day_and_exported(office: Office) -> None:
    case_id = make_case(office)
    number = number_of(office, case_id)
    claire, nadia = browser(office, "claire"), browser(office, "nadia")
    claire.get(f"/situations/{case_id}")
    nadia.get(f"/situations/{case_id}")
    browser(office, "karim", by_password=True)
    browser(office).post("/connexion", data={"email": "qui@brest.test", "password": "non"})
    client = alex(office)

    def rows(**wanted: str) -> list[tuple[str, str]]:
        page = client.get(LOG, params=wanted).text
        return re.findall(r'data-label="Qui">([^<]*)</td>\s*<td data-label="Quoi">([^<]*)<', page)

    assert set(rows(number=number, kind="reading")) == {("Claire Morvan", "Situation lue")}
    assert [who for who, _ in rows(kind="refused")] == ["Adresse inconnue ou limitée", "Nadia Prigent"]
    assert rows(kind="signing", person_id=str(office.karim.id)) == [("Karim Le Gall", "Connexion")]
    assert rows(first_on="2025-10-07") == []
    assert len(rows(first_on="2025-10-06", last_on="2025-10-06")) >= 3
    file = client.post(LOG, data={"kind": "reading"})
    assert (file.status_code, file.content[:2]) == (200, b"PK")
    assert ("Alex Renaud", "Journal exporté") in rows(kind="administration")
    assert (claire.get(LOG).status_code, nadia.get(LOG).status_code) == (200, 403)


def test_the_access_log_forgets_after_a_year(office: Office) -> None:
    browser(office, "karim", by_password=True)
    office.clock.at += timedelta(days=366)
    browser(office, "nadia", by_password=True)

    with office.runtime.database.write("test") as unit:
        upkeep.forget_accesses(unit)
    with office.runtime.database.read() as unit:
        assert unit.session.scalars(select(AccessEntry.actor)).all() == [office.nadia.label]
