"""The life of a case through the API: what waits, what is lent, agreed to, taken; requests beyond yes and no."""

import pytest

from tests.services.web.api.office import PHONED, Office

DELIVERED = b"%PDF-1.7\n%rapport\n"
LATE = "2025-11-03"


def asked(office: Office) -> dict[str, object]:
    return {"partner_id": str(office.ids["partner"]), "theme": "budget", "brief": "Budget.", "permission": True}


def reported(office: Office) -> str:
    """A case whose report was delivered; its path."""
    path = office.open_case()
    office.act("Bo", f"{path}/calls", {"result": "reached"})
    office.act("Bo", f"{path}/visits", {"starts_at": "2025-10-08T10:00:00+02:00"})
    office.later(days=3)
    office.act("Bo", f"{path}/visits/current/hold", {})
    document = office.act("Bo", f"{path}/documents", files={"file": ("a.pdf", DELIVERED)})["made_id"]
    office.act("Bo", f"{path}/report", {"document_id": document, "summary": "Fait."})
    return path


def test_a_suspended_case_shows_its_day_and_its_waiting_tasks(office: Office) -> None:
    path = office.open_case()

    state = office.act("Bo", f"{path}/suspend", {"reason": "hospital", "until": LATE})["state"]

    case = office.get("Ada", path).json()
    paused = {task["kind"]: task["paused_at"] is not None for task in case["tasks"] if task["state"] == "open"}
    assert (state, case["suspended_until"]) == ("suspended", LATE)
    assert paused == {"first_call": True, "review_suspension": False}
    assert case["waiting_for"]["task"] == "review_suspension"
    assert office.get("Bo", "/tasks").json()["items"] == []
    assert office.act("Bo", f"{path}/resume")["state"] == "to_contact"


def test_a_wrong_report_is_replaced_once_on_the_version_that_was_read(office: Office) -> None:
    path = reported(office)
    wrong = office.get("Bo", path).json()["documents"][0]["id"]
    read = office.get("Bo", path).headers["ETag"]
    right = office.act("Bo", f"{path}/documents", files={"file": ("b.pdf", b"%PDF-1.7\n%right\n")})["made_id"]
    body, at = {"document_id": right, "summary": "Toiture."}, {"If-Match": read}

    first, again = (office.post("Bo", f"{path}/report/replace", body, key="k", headers=at) for _ in range(2))
    stale = office.post("Bo", f"{path}/report/replace", body, headers=at)

    assert [each.status_code for each in (first, again, stale)] == [200, 200, 412]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json() == again.json()
    assert [each["id"] for each in office.get("Bo", path).json()["documents"]] == [right]
    assert office.get("Bo", f"{path}/documents/{wrong}").status_code == 404


def test_there_is_no_report_to_replace_before_one_was_given(office: Office) -> None:
    path = office.open_case()
    document = office.act("Bo", f"{path}/documents", files={"file": ("b.pdf", DELIVERED)})["made_id"]

    answer = office.post("Bo", f"{path}/report/replace", {"document_id": document, "summary": "Toiture."})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problemes/guard-refused")


def test_a_refusal_keeps_its_sentence(office: Office) -> None:
    path = office.open_case()

    answer = office.post("Bo", f"{path}/resume")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problemes/transition-refused")


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("merge", {"into_number": "2025-00001"}),
        ("unmerge", None),
        ("transfer", {"to_name": "Slime de Quimper", "agreement": True}),
        ("transfer/confirm", {}),
        ("reassign", {}),
    ],
)
def test_an_operator_may_not_decide_for_the_programme(office: Office, act: str, body: dict[str, object] | None) -> None:
    path = office.open_case()
    given = {"operator_id": str(office.ids["other"])} if act == "reassign" else body

    answer = office.post("Bo", f"{path}/{act}", given)

    assert (answer.status_code, answer.json()["type"]) == (403, "/problemes/denied")


def test_a_merged_case_names_the_one_that_goes_on(office: Office) -> None:
    kept, double = office.open_case(), office.open_case()
    number = office.get("Ada", kept).json()["number"]

    receipt = office.act("Ada", f"{double}/merge", {"into_number": number})

    assert (receipt["state"], f"/cases/{receipt['made_id']}") == ("merged", kept)
    assert office.get("Ada", double).json()["merged_into"] == number
    assert office.act("Ada", f"{double}/unmerge")["state"] == "triage"


def test_loans_and_agreements_are_read_with_the_case(office: Office) -> None:
    path = office.open_case()
    loan = office.act("Bo", f"{path}/loans", {"item": "Wattmètre", "due_on": LATE})["made_id"]
    office.act("Bo", f"{path}/loans/{loan}/return")
    given = office.act("Bo", f"{path}/permissions", {"kind": "sms"})["made_id"]
    office.act("Bo", f"{path}/permissions/{given}/revoke")

    case = office.get("Bo", path).json()

    assert [(each["item"], each["returned_on"]) for each in case["loans"]] == [("Wattmètre", "2025-10-06")]
    agreed = {each["kind"]: each["revoked_at"] is not None for each in case["permissions"]}
    assert agreed == {"contact": False, "sms": True}


def test_a_loan_of_another_case_is_not_found(office: Office) -> None:
    mine, other = office.open_case(), office.open_case()
    loan = office.act("Bo", f"{other}/loans", {"item": "Wattmètre", "due_on": LATE})["made_id"]

    assert office.post("Bo", f"{mine}/loans/{loan}/return").status_code == 404


def test_a_task_is_taken_put_off_and_given_back(office: Office) -> None:
    path = office.open_case()
    task = office.get("Bo", path).json()["tasks"][-1]
    address = f"{path}/tasks/{task['id']}"

    office.act("Bo", f"{address}/take")
    office.act("Bo", f"{address}/snooze", {"reason": "workload", "until": "2025-10-10"})
    read = office.get("Bo", "/tasks").json()["items"][0]
    back = office.act("Bo", f"{address}/return", {"reason": "no_capacity"})

    assert (read["title"], read["taken_by"], read["snoozed_until"]) == (
        "Appeler le ménage une première fois", "Bo", "2025-10-10",
    )  # fmt: skip
    assert [each["id"] for each in office.get("Ada", "/tasks").json()["items"]] == [back["made_id"]]


def test_a_task_of_the_software_is_not_completed_by_hand(office: Office) -> None:
    path = office.open_case()
    task = office.get("Bo", path).json()["tasks"][-1]

    answer = office.post("Bo", f"{path}/tasks/{task['id']}/complete", {})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problemes/guard-refused")


def test_each_state_of_a_request_has_its_fhir_status(office: Office) -> None:
    path = reported(office)
    made = office.act("Bo", f"{path}/referrals/draft", asked(office))["made_id"]
    address, seen = f"{path}/referrals/{made}", []

    def look() -> None:
        line = next(each for each in office.get("Bo", path).json()["referrals"] if each["id"] == made)
        seen.append((line["state"], line["fhir_status"], line["fhir_status_reason"]))

    look()
    steps = {
        "send": asked(office), "acknowledge": PHONED, "accept": PHONED, "start": PHONED,
        "hold": {**PHONED, "reason": "household", "until": "2025-10-20"}, "resume": PHONED,
        "withdraw": {"reason": "need_gone"}, "void": {"reason": "wrong_partner"},
    }  # fmt: skip
    for step, body in steps.items():
        office.act("Ada" if step == "void" else "Bo", f"{address}/{step}", body)
        look()

    assert seen == [
        ("draft", "draft", None),
        ("sent", "requested", None),
        ("under_review", "received", None),
        ("accepted", "accepted", None),
        ("in_progress", "in-progress", None),
        ("on_hold", "on-hold", "household"),
        ("in_progress", "in-progress", None),
        ("withdrawn", "cancelled", "withdrawn"),
        ("entered_in_error", "entered-in-error", "wrong_partner"),
    ]


def test_the_households_word_is_taken_at_the_follow_up_or_apart(office: Office) -> None:
    path = reported(office)
    made = office.act("Bo", f"{path}/referrals", asked(office))["made_id"]
    address = f"{path}/referrals/{made}"
    early = office.post("Bo", f"{address}/confirm", {"verified": True})
    office.act("Bo", f"{address}/accept", PHONED)
    office.act("Bo", f"{address}/complete", {**PHONED, "outcome": "helped_partly"})

    office.act("Bo", f"{path}/follow-up/calls", {"result": "reached", "helps": {made: "disputed"}})
    disputed = office.get("Bo", path).json()["referrals"][0]["loop"]
    office.act("Bo", f"{address}/confirm", {"verified": True})

    assert early.status_code == 409
    assert (disputed, office.get("Bo", path).json()["referrals"][0]["loop"]) == ("disputed", "confirmed")


def test_a_draft_is_asked_anew_after_a_no(office: Office) -> None:
    path = reported(office)
    made = office.act("Bo", f"{path}/referrals", asked(office))["made_id"]
    office.act("Bo", f"{path}/referrals/{made}/decline", {**PHONED, "reason": "other"})

    again = office.act("Bo", f"{path}/referrals/{made}/reopen", {"note": "Ils ont de la place."})["made_id"]

    lines = {each["id"]: each for each in office.get("Bo", path).json()["referrals"]}
    assert (lines[again]["state"], lines[again]["replaces_id"]) == ("draft", made)
