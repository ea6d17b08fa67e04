"""One household's path through the API, from the alert to the closed case: every act at least once."""

from datetime import timedelta

from tests.services.web.api.office import ALERT, PHONED, Json, Office

PDF = b"%PDF-1.7 rapport"


def case_of(office: Office, path: str, who: str = "Ada") -> Json:
    response = office.get(who, path)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def test_an_alert_becomes_a_closed_case_through_the_api_alone(office: Office) -> None:
    path = office.open_case()
    assert case_of(office, path)["waiting_for"]["party"] == "operator"

    reach(office, path)
    visit(office, path)
    report(office, path)
    orient(office, path)
    follow_up(office, path)

    closed = office.act("Bo", f"{path}/close", {"outcome": "solved", "note": "Tout va bien."})
    assert (closed["state"], closed["stage"]) == ("closed", "closed")
    assert case_of(office, path)["waiting_for"]["task"] == "acknowledge_danger"  # it outlives its case
    office.act("Ada", f"{path}/dangers/acknowledge")
    assert case_of(office, path)["waiting_for"] is None

    office.act("Ada", f"{path}/reopen")
    assert case_of(office, path)["stage"] == "follow_up"


def reach(office: Office, path: str) -> None:
    office.act("Bo", f"{path}/calls", {"result": "wrong_number"})
    assert case_of(office, path)["household"]["phones"][0]["blocked"]
    office.act("Ada", f"{path}/phone", {"phone": "06 39 98 55 55"})
    refused = office.post("Bo", f"{path}/give-up")
    assert refused.json()["type"] == "/problemes/guard-refused"
    office.act("Bo", f"{path}/calls", {"result": "no_answer"})
    office.act("Bo", f"{path}/calls", {"result": "reached", "note": "Rappeler le soir."})


def visit(office: Office, path: str) -> None:
    def tomorrow() -> Json:
        return {"starts_at": (office.runtime.clock.now() + timedelta(days=1)).isoformat()}

    office.act("Bo", f"{path}/visits", tomorrow())
    office.act("Bo", f"{path}/visits/current/lose", {"state": "cancelled_by_household"})
    office.act("Bo", f"{path}/visits", tomorrow())
    office.later(hours=2)
    office.act("Bo", f"{path}/visits/current/move", tomorrow())
    office.later(days=1, hours=1)
    office.act("Bo", f"{path}/visits/current/hold", {"danger": "electrical"})
    office.act("Ada", f"{path}/dangers/acknowledge")
    office.act("Bo", f"{path}/dangers", {"danger": "gas"})
    assert [each["state"] for each in case_of(office, path)["visits"]] == ["cancelled_by_household", "held"]


def report(office: Office, path: str) -> None:
    document = office.act("Bo", f"{path}/documents", files={"file": ("rapport.pdf", PDF)})["made_id"]
    office.act("Bo", f"{path}/report", {"document_id": document, "summary": "Fenêtres à joints usés."})
    assert case_of(office, path, "Bo")["documents"][0]["filename"] == "rapport.pdf"


def orient(office: Office, path: str) -> None:
    asked = {
        "partner_id": str(office.ids["partner"]),
        "theme": "budget",
        "brief": "Impayés depuis mars.",
        "permission": True,
    }

    def referral(replaces: str | None = None) -> str:
        sent = office.act("Bo", f"{path}/referrals", {**asked, "replaces_id": replaces})["made_id"]
        return f"{path}/referrals/{sent}"

    taken = referral()
    office.act("Bo", f"{taken}/question", {**PHONED, "note": "Depuis quand ?"})
    office.act("Bo", f"{taken}/answer-question", {"note": "Depuis mars."})
    office.act("Bo", f"{taken}/accept", PHONED)
    office.act("Bo", f"{taken}/progress", PHONED)
    office.act("Bo", f"{taken}/complete", {**PHONED, "outcome": "helped_fully"})
    failed = referral()
    office.act("Bo", f"{failed}/accept", PHONED)
    office.act("Bo", f"{failed}/fail", {**PHONED, "reason": "other"})
    declined = referral(failed.rpartition("/")[2])
    office.act("Bo", f"{declined}/decline", {**PHONED, "reason": "out_of_scope"})
    withdrawn = referral(declined.rpartition("/")[2])
    office.act("Bo", f"{withdrawn}/withdraw")
    states = {each["state"] for each in case_of(office, path)["referrals"]}
    assert states == {"completed", "failed", "declined", "withdrawn"}


def follow_up(office: Office, path: str) -> None:
    if case_of(office, path)["state"] == "orienting":
        office.act("Bo", f"{path}/follow-up/start")
    office.later(days=31)
    office.act("Bo", f"{path}/follow-up/calls", {"result": "reached", "still_cold": False})
    office.act("Bo", f"{path}/notes", {"text": "Le ménage remercie."})
    assert case_of(office, path)["notes"][-1]["text"] == "Le ménage remercie."


def test_a_request_can_be_refused(office: Office) -> None:
    path = f"/cases/{office.act('Ada', '/alerts', ALERT)['case_id']}"

    rejected = office.act("Ada", f"{path}/reject", {"reason": "out_of_territory"})

    assert rejected["state"] == "rejected"


def test_follow_up_can_begin_without_any_referral(office: Office) -> None:
    path = office.open_case()
    office.act("Bo", f"{path}/calls", {"result": "reached"})
    visit(office, path)
    report(office, path)

    started = office.act("Bo", f"{path}/follow-up/start")

    assert started["stage"] == "follow_up"


def test_an_alert_givers_link_opens_a_case_and_nothing_else(office: Office) -> None:
    told = office.act("link", "/alerts", ALERT)

    assert told["state"] is told["stage"] is told["version"] is None
    assert office.get("link", f"/cases/{told['case_id']}").status_code == 404
    assert office.get("link", "/cases").status_code == 403
    assert case_of(office, f"/cases/{told['case_id']}")["alerts"][0]["organisation"] == "Giver"


def test_an_operator_cannot_act_as_the_phone_line(office: Office) -> None:
    assert office.post("Bo", "/alerts", ALERT).status_code == 403
