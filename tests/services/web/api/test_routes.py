"""What holds for every route: who is let in, how refusals look, what the description says."""

import re
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from models.programmes import AccessEntry, ApiKey, Membership, Person
from services.accounts import api_keys
from services.accounts.sessions import open_session
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied
from services.rules.policy import Actor
from services.web import sessions
from services.web.app import create_app
from tests.served import served
from tests.services.web.api.office import ALERT, Office

PUBLIC = {"/healthz", "/readyz"}
READS = {
    "/api/v1/cases/search",
    "/api/v1/pathway/preview",
    "/api/v1/texts/{text}/{party}/{channel}/preview",
}
"""They keep nothing, but a name or a whole text never stands in an address."""
CASE_ROUTES = 96


def operations(office: Office) -> list[tuple[str, str, dict[str, Any]]]:
    paths = served(office.runtime).openapi()["paths"]
    return [(path, method, each) for path, methods in paths.items() for method, each in methods.items()]


def guarded(office: Office) -> list[tuple[str, str, dict[str, Any]]]:
    return [each for each in operations(office) if each[0] not in PUBLIC]


def somewhere(path: str) -> str:
    """An address of this route, of things that do not exist."""
    return re.sub(r"\{\w+_id\}", lambda _: str(uuid4()), path)


def test_every_route_refuses_who_is_not_known(office: Office) -> None:
    found = guarded(office)

    for path, method, _ in found:
        url = somewhere(path)
        for headers in ({}, {"Authorization": "Bearer forged"}, {"Authorization": "Basic YTpi"}):
            answer = office.client.request(method, url, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (401, "/problemes/sign-in-refused"), (path, headers)
        forged = office.client.request(method, url, headers={"Authorization": "Lien forged"})
        assert forged.status_code == 410, path


def test_a_case_of_another_operator_does_not_exist_on_any_route(office: Office) -> None:
    path = office.open_case()
    case_routes = [each for each in guarded(office) if "{case_id}" in each[0]]
    assert len(case_routes) == CASE_ROUTES

    for route, method, _ in case_routes:
        url = somewhere(route.removeprefix("/api/v1").replace("/cases/{case_id}", path))
        answer = office.get("Cy", url) if method == "get" else office.post("Cy", url, **sendable(route))
        assert (answer.status_code, answer.json()["type"]) == (404, "/problemes/not-found"), (route, answer.text)


def sendable(route: str) -> dict[str, Any]:
    """A body that is well formed for each route, so that only the permission can refuse."""
    some = str(uuid4())
    said = {"note": "Bonjour", "on_behalf": {"said_by": "Bo", "how": "téléphone"}}
    bodies: dict[str, dict[str, Any]] = {
        "/messages/{message_id}/settle": {"delivered": True},
        "/accept": {"operator_id": some},
        "/reject": {"reason": "incomplete"},
        "/calls": {"result": "reached"},
        "/phone": {"phone": "0639981235"},
        "/email": {"email": "menage@example.org"},
        "/visits/held": {"starts_at": "2025-10-01T10:00:00+02:00"},
        "/visits": {"starts_at": "2025-10-08T10:00:00+02:00"},
        "/visits/current/move": {"starts_at": "2025-10-08T10:00:00+02:00"},
        "/visits/current/lose": {"state": "visitor_absent"},
        "/visits/current/hold": {},
        "/dangers": {"danger": "gas"},
        "/report": {"document_id": some, "summary": "Fait."},
        "/report/replace": {"document_id": some, "summary": "Fait."},
        "/referrals": {"partner_id": some, "theme": "budget", "brief": "Budget", "permission": True},
        "/follow-up/calls": {"result": "reached"},
        "/close": {"outcome": "solved"},
        "/notes": {"text": "Vu."},
        "/circumstances": {"people": 2},
        "/findings": {"burden": "21.7"},
        "/survey": {"dwelling": {"area": 45}},
        "/kit": {"items": []},
        "/match": {"number": "2025-00001", "score": 92},
        "/gaps": {"theme": "advance_fund", "reason": "no_partner"},
        "/derogation": {"reason": "Soins coûteux."},
        "/derogation/decide": {"granted": False},
        "/complaints": {"said_by": "Madame Martin", "text": "Personne n’est venu."},
        "/complaints/answer": {"text": "Excuses faites au téléphone."},
        "/suspend": {"reason": "hospital", "until": "2025-11-03"},
        "/disqualify": {"reason": "over_income"},
        "/withdraw": {"said_by": "Madame Martin"},
        "/transfer": {"to_name": "Slime de Quimper", "agreement": True},
        "/transfer/confirm": {"said_to": "Mme Le Bris"},
        "/merge": {"into_number": "2025-00001"},
        "/reassign": {"operator_id": some},
        "/follow-up/contact": {"contact_by": "call"},
        "/household-answers": {"answer": "call_me"},
        "/cut": {"energy": "gas", "cut_on": "2025-12-01"},
        "/cut/move": {"cut_on": "2025-12-01"},
        "/cut/supplier": {"note": "Échéancier."},
        "/cut/aid": {},
        "/cut/end": {"outcome": "averted"},
        "/loans": {"item": "Wattmètre", "due_on": "2025-11-03"},
        "/permissions": {"kind": "sms"},
        "/tasks/{task_id}/return": {"reason": "not_mine"},
        "/tasks/{task_id}/hand-over": {"person_id": some},
        "/tasks/{task_id}/snooze": {"reason": "workload", "until": "2025-10-08"},
        "/clocks/{clock_id}/skip": {"reason": "told", "generation": 1, "step": 0},
        "/clocks/{clock_id}/send-now": {"generation": 1, "step": 0},
        "/tasks/{task_id}/complete": {},
        "/tasks/{task_id}/read-reply": {},
        "/referrals/draft": {"partner_id": some, "theme": "budget", "brief": "Budget", "permission": False},
    }
    answers = {
        "accept": said,
        "decline": {**said, "reason": "other"},
        "question": said,
        "answer-question": said,
        "progress": said,
        "complete": {**said, "outcome": "helped_fully"},
        "fail": {**said, "reason": "other"},
        "mend-address": {"email": "adil@example.org"},
        "send": bodies["/referrals"],
        "transfer": bodies["/referrals"],
        "acknowledge": said,
        "propose": {**said, "meets_at": "2025-10-20T10:00:00+02:00"},
        "start": said,
        "pass-on": {},
        "hold": {**said, "reason": "household", "until": "2025-10-20"},
        "resume": said,
        "confirm": {"verified": True},
        "dispute": {"text": "Rien n’est venu."},
        "reopen": {"note": "Encore."},
        "void": {"reason": "sent_twice"},
    }
    after = route.partition("{case_id}")[2]
    if after == "/documents":
        return {"files": {"file": ("a.pdf", b"%PDF-1.7")}}
    if "{referral_id}" in after:
        return {"body": answers.get(after.rpartition("/")[2])}
    return {"body": bodies.get(after)}


def test_a_referral_is_found_in_its_own_case_only(office: Office) -> None:
    path = office.open_case()

    answer = office.post("Bo", f"{path}/referrals/{uuid4()}/withdraw")

    assert answer.status_code == 404


def test_every_act_asks_for_an_idempotency_key(office: Office) -> None:
    posts = [each for each in guarded(office) if each[1] == "post" and each[0] not in READS]
    for path, _, operation in posts:
        url = somewhere(path)
        answer = office.client.post(url, headers={"Authorization": f"Bearer {office.keys['Ada']}"})
        assert (answer.status_code, answer.json()["type"]) == (400, "/problemes/key-missing"), path
        names = {each["name"]: each["required"] for each in operation["parameters"]}
        assert names["idempotency-key"], path


def test_the_description_is_french_stable_and_names_every_refusal(office: Office) -> None:
    found = operations(office)

    ids = [operation["operationId"] for _, _, operation in found]
    assert len(ids) == len(set(ids))
    for path, _, operation in guarded(office):
        assert operation["operationId"].replace("_", "").isalpha()
        assert operation["summary"]
        assert operation["tags"]
        assert {"400", "401", "403", "404", "409", "410", "422"} <= set(operation["responses"]), path
        assert operation["security"] == [{"CleApi": []}, {"LienDemande": []}, {"Session": []}]
    assert "Problem" in served(office.runtime).openapi()["components"]["schemas"]


def test_a_problem_names_each_wrong_field_in_french_and_repeats_nothing(office: Office) -> None:
    wrong = {**ALERT, "commune_code": "secret", "motives": [], "giver_email": "personne", "colour": "red"}
    del wrong["surname"]

    answer = office.post("Ada", "/alerts", wrong)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "retryable", "errors"}
    assert body["errors"] == {
        "surname": "Ce champ est obligatoire.",
        "commune_code": "Ce texte n’a pas la forme attendue.",
        "motives": "Il en faut au moins 1.",
        "giver_email": "Cette adresse électronique n’est pas valable.",
        "colour": "Ce champ n’existe pas.",
    }
    assert "secret" not in answer.text


def test_a_refusal_says_which_field_and_why(office: Office) -> None:
    answer = office.post("Ada", "/alerts", {**ALERT, "agreement": False})

    assert answer.json()["errors"].keys() == {"agreement"}


def test_an_instant_without_a_zone_is_refused(office: Office) -> None:
    path = office.open_case()

    answer = office.post("Bo", f"{path}/visits", {"starts_at": "2025-10-08T10:00:00"})

    assert (answer.status_code, set(answer.json()["errors"])) == (422, {"starts_at"})


def test_an_accident_tells_nothing_of_itself(office: Office) -> None:
    app = create_app(office.runtime, engine_wait_s=0)

    @app.get("/api/v1/accident")
    def accident() -> None:
        raise RuntimeError("Martin, 06 39 98 12 34")

    answer = TestClient(app, raise_server_exceptions=False).get("/api/v1/accident")

    assert (answer.status_code, answer.json()["type"]) == (500, "/problemes/internal")
    assert "Martin" not in answer.text


def test_an_act_on_an_older_version_is_refused(office: Office) -> None:
    path = office.open_case()
    read = office.get("Bo", path).headers["ETag"]
    assert [f'"{each["version"]}"' for each in office.get("Bo", "/tasks").json()["items"]] == [read]
    office.act("Bo", f"{path}/calls", {"result": "no_answer"}, headers={"If-Match": read})

    stale = office.post("Bo", f"{path}/calls", {"result": "no_answer"}, headers={"If-Match": read})

    assert (stale.status_code, stale.json()["type"]) == (412, "/problemes/stale")
    for named, status in ((f"W/{read}", 412), (f'{read}, "0"', 412), ("*", 201)):
        answer = office.post("Bo", f"{path}/calls", {"result": "no_answer"}, headers={"If-Match": named})
        assert answer.status_code == status, named


def test_cases_come_page_by_page_without_names(office: Office) -> None:
    numbers = [office.act("Ada", "/alerts", ALERT)["number"] for _ in range(3)]

    first = office.get("Ada", "/cases", limit=2).json()
    rest = office.get("Ada", "/cases", limit=2, after=first["next"]).json()

    assert [each["number"] for each in first["items"] + rest["items"]] == numbers[::-1]
    assert rest["next"] is None
    assert office.get("Ada", "/cases", stage="closed").json()["items"] == []
    assert office.get("Bo", "/cases").json()["items"] == []
    assert "Martin" not in office.get("Ada", "/cases").text


def test_only_the_coordination_learns_who_may_be_the_same_household(office: Office) -> None:
    office.act("Ada", "/alerts", ALERT)
    path = office.open_case()

    assert office.get("Ada", path).json()["checks"]["possible_duplicates"]
    assert office.get("Bo", path).json()["checks"] is None


def test_tasks_are_those_of_ones_own_side(office: Office) -> None:
    office.open_case()

    assert [each["kind"] for each in office.get("Bo", "/tasks").json()["items"]] == ["first_call"]
    assert office.get("Bo", "/tasks", due="late").json()["items"] == []
    assert [office.get(who, "/tasks").json()["items"] for who in ("Ada", "Cy")] == [[], []]
    office.later(days=30)
    assert len(office.get("Bo", "/tasks", due="late").json()["items"]) == 1


def test_the_directory_is_filtered_by_kind(office: Office) -> None:
    found = office.get("Bo", "/organisations", kind="partner").json()["items"]

    assert [(each["name"], each["themes"]) for each in found] == [("Partner", ["budget"])]


def test_readings_and_refusals_are_written_down_once(office: Office) -> None:
    path = office.open_case()
    office.get("Ada", path)
    office.post("Cy", f"{path}/notes", {"text": "Vu."})

    with office.runtime.database.read() as unit:
        entries = unit.session.execute(
            select(AccessEntry.action, AccessEntry.allowed)
            .where(AccessEntry.case_id.is_not(None))
            .order_by(AccessEntry.id)
        ).all()

    assert [tuple(each) for each in entries] == [("case.read", True), ("add_note", False)]


def test_a_revoked_key_or_an_ended_membership_opens_nothing_at_once(office: Office) -> None:
    with office.runtime.database.write("test") as unit:
        unit.session.execute(update(Membership).where(Membership.role == "coordinator").values(ended_at=unit.now))
        unit.session.execute(update(ApiKey).values(revoked_at=unit.now).where(ApiKey.label == "test"))

    assert [office.get(who, "/cases").status_code for who in ("Ada", "Bo")] == [401, 401]


def test_a_signed_in_browser_reads_as_its_person(office: Office) -> None:
    with office.runtime.database.write("test") as unit:
        person = unit.session.scalars(select(Person).where(Person.name == "Bo")).one()
        token = open_session(unit, person)
    cookie = {"Cookie": f"{sessions.cookie_name(office.runtime.settings)}={token}"}

    assert office.client.get("/api/v1/tasks", headers=cookie).status_code == 200
    assert office.client.get("/api/v1/tasks", headers={"Cookie": "relais=forged"}).status_code == 401


def test_a_text_that_the_database_cannot_keep_is_no_accident(office: Office) -> None:
    path = office.open_case()

    answer = office.post("Bo", f"{path}/notes", {"text": "a\x00b"})

    assert answer.status_code in {201, 422}  # SQLite keeps it, PostgreSQL does not


def test_an_unknown_address_of_the_api_is_a_problem(office: Office) -> None:
    answer = office.get("Ada", "/nothing")

    assert (answer.status_code, answer.json()["type"]) == (404, "/problemes/not-found")


def test_nobody_makes_a_key_for_somebody_else(office: Office) -> None:
    with office.runtime.database.write("test") as unit:
        bo, cy = operators(unit)
        assert api_keys.create(unit, bo, membership(unit, bo), "à moi")

        with pytest.raises(Denied):
            api_keys.create(unit, cy, membership(unit, bo), "à toi")


def operators(unit: UnitOfWork) -> list[Actor]:
    found = unit.session.scalars(select(Membership).where(Membership.role == "operator").order_by(Membership.id))
    return [Actor("person", each.person_id) for each in found]


def membership(unit: UnitOfWork, actor: Actor) -> Any:
    return unit.session.scalar(select(Membership.id).where(Membership.person_id == actor.id))
