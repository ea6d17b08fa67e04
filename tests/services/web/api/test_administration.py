"""What administrators and coordinators do through the API beside cases: other software, remedies, mails that came."""

from models.base import new_id
from models.engine import IncomingMail
from models.vocabulary import IncomingKind, Role
from services.foundation.runtime import Runtime
from tests.services.web.api.office import ALERT, Json, Office, key_of, make_office


def office_with_ines(runtime: Runtime) -> Office:
    office = make_office(runtime)
    with runtime.database.write("test") as unit:
        office.keys["Inès"] = key_of(unit, office.programme_id, "Inès", Role.ADMINISTRATOR, None)
    return office


def test_other_software_is_added_with_a_secret_that_is_said_once(runtime: Runtime) -> None:
    office = office_with_ines(runtime)
    wanted: Json = {"label": "Entrepôt", "url": "http://127.0.0.1:9/relais", "types": ["referral.*"]}
    why = {"reason": "Perdu"}

    made = office.post("Inès", "/webhooks", wanted, key="une").json()
    again = office.post("Inès", "/webhooks", wanted, key="une").json()

    assert made["secret"].startswith("whsec_")
    assert again == {"id": made["id"]}
    path = f"/webhooks/{made['id']}"
    assert office.act("Inès", f"{path}/renew-secret", why)["secret"] != made["secret"]
    assert [each["label"] for each in office.get("Inès", "/webhooks").json()["items"]] == ["Entrepôt"]
    office.act("Ada", "/alerts", ALERT)
    period = {"since": "2025-10-01T00:00:00Z", "until": "2025-10-31T00:00:00Z", **why}
    assert office.act("Inès", f"{path}/replay", period) == {"count": 0}
    assert office.post("Inès", f"{path}/replay", period | {"until": "2025-12-31T00:00:00Z"}).status_code == 422
    assert office.get("Inès", f"{path}/deliveries").json() == {"items": []}
    assert office.act("Inès", f"{path}/end", why)["ended_at"] is not None
    assert office.post("Ada", "/webhooks", wanted).status_code == 403


def test_troubles_are_read_and_mended_by_the_administrator_alone(runtime: Runtime) -> None:
    office = office_with_ines(runtime)

    assert office.get("Inès", "/administration").json() == {"events": [], "messages": [], "clocks": [], "remedies": []}
    assert office.get("Ada", "/administration").status_code == 403
    assert office.post("Inès", "/administration/events/7/retry", {"reason": "Réparé"}).status_code == 404


def test_a_mail_that_came_is_filed_on_its_case_or_set_aside(runtime: Runtime) -> None:
    office = make_office(runtime)
    number = office.act("Ada", "/alerts", ALERT)["number"]
    with runtime.database.write("test") as unit:
        ids = [new_id(), new_id()]
        unit.session.add_all(
            IncomingMail(
                id=each, message_id=str(each), kind=IncomingKind.REPLY.value, programme_id=office.programme_id,
                sender="riou@adil.example", subject="Re", text="D’accord.", received_at=unit.now, waits=True,
            )
            for each in ids
        )  # fmt: skip

    found = office.get("Ada", "/incoming").json()["items"]
    assert [each["text"] for each in found] == ["D’accord."] * 2
    assert office.get("Bo", "/incoming").status_code == 403
    assert office.act("Ada", f"/incoming/{ids[0]}/file", {"number": number})["number"] == number
    assert office.act("Ada", f"/incoming/{ids[1]}/set-aside") == {"done": True}
    assert office.get("Ada", "/incoming").json() == {"items": []}
