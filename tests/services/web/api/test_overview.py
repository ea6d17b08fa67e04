"""The day, who owes what, the stages, the figures and the story through the API: what the pages count and tell."""

from models.vocabulary import Role
from tests.services.web.api.office import ALERT, Office, key_of


def test_the_day_who_owes_what_and_the_stages_are_those_of_the_pages(office: Office) -> None:
    number = office.act("Ada", "/alerts", ALERT)["number"]

    (line,) = office.get("Ada", "/today").json()["items"]
    assert (line["number"], line["kind"], line["waiting_for"]) == (number, "triage", "vous")
    stages = office.get("Ada", "/stages").json()
    assert [each["count"] for each in stages["items"]] == [1, 0, 0, 0, 0]
    assert office.get("Ada", "/stages?stage=visit").json()["total"] == 1  # a board shows every stage
    assert office.get("Ada", "/owing").json()["debtors"] == []
    assert office.get("Bo", "/today").json()["total"] == 0
    assert office.get("Ada", "/figures").json()["total"] is None  # fewer than five


def test_a_case_is_found_by_a_name_that_stands_in_no_address(office: Office) -> None:
    number = office.act("Ada", "/alerts", ALERT)["number"]

    found = office.post("Ada", "/cases/search", {"words": str(ALERT["surname"])[:4]}).json()
    assert [each["number"] for each in found["items"]] == [number]
    assert (found["page"], found["total"]) == (1, 1)
    assert office.post("Bo", "/cases/search", {"words": str(ALERT["surname"])}).json()["items"] == []
    (in_vain,) = office.get("Ada", "/access-log?kind=in_vain").json()["items"]
    assert (in_vain["action"], in_vain["reason"]) == ("search", "aucun résultat")
    assert office.post("Ada", "/cases/search", {"words": "x"}).status_code == 422


def test_a_report_is_downloaded_through_its_own_case_and_who_read_it_is_told(office: Office) -> None:
    path, other = office.open_case(), office.open_case()
    content = b"%PDF-1.4 rapport"
    document = office.act("Bo", f"{path}/documents", files={"file": ("rapport n° 1.pdf", content)})["made_id"]

    found = office.get("Ada", f"{path}/documents/{document}")
    assert (found.content, found.headers["content-type"]) == (content, "application/pdf")
    assert found.headers["content-disposition"].startswith("attachment; filename*=UTF-8''rapport%20n")
    for who, where in (("Ada", other), ("Cy", path)):
        assert office.get(who, f"{where}/documents/{document}").status_code == 404
    (opening,) = office.get("Ada", f"{path}/readers").json()["items"]
    assert opening["what"] == "file"
    assert office.get("Bo", f"{path}/readers").status_code == 403


def test_cases_are_listed_by_what_narrows_their_page(office: Office) -> None:
    office.act("Ada", "/alerts", ALERT)
    operator = office.ids["operator"]
    path = office.open_case()

    found = office.get("Ada", f"/cases?operator_id={operator}").json()["items"]

    assert [f"/cases/{each['id']}" for each in found] == [path]
    assert [each["id"] for each in office.get("Ada", "/cases?party=operator").json()["items"]] == [found[0]["id"]]
    assert office.get("Ada", "/cases?opened_to=2000-01-01").json()["items"] == []


def test_what_the_directory_and_the_transfer_choose_from_is_listed(office: Office) -> None:
    office.open_case()

    assert office.get("Bo", "/areas").json() == {"items": []}
    assert office.get("Ada", "/destinations").json() == {"items": []}
    mails = office.get("Ada", f"/organisations/{office.ids['operator']}/mails").json()["items"]
    assert {each["text"] for each in mails} == {"case_assigned"}
    assert office.get("Cy", f"/organisations/{office.ids['operator']}/mails").json()["items"] == []
    assert office.get("Ada", "/today").json()["came_back"] == []


def test_the_story_of_a_case_is_told_and_the_reading_written_down(office: Office) -> None:
    path = office.open_case()

    story = office.get("Ada", f"{path}/timeline").json()["items"]
    assert story[-1]["text"]
    assert {each["kind"] for each in story} >= {"alert", "message"}
    log = office.get("Ada", "/access-log?kind=reading").json()
    assert log["total"] == 1
    assert log["items"][0]["action"] == "case.read"


def test_letters_are_printed_as_one_file_and_posted(office: Office) -> None:
    office.open_case()
    waiting = office.get("Ada", "/letters").json()["to_print"]
    assert [each["text"] for each in waiting]

    batch_id = office.act("Ada", "/letters/print")["batch_id"]
    assert office.get("Ada", f"/letters/{batch_id}.pdf").content.startswith(b"%PDF")
    (batch,) = office.get("Ada", "/letters").json()["to_post"]
    posted = {"letter_ids": [each["message_id"] for each in batch["letters"]], "posted_on": batch["printed_on"]}
    assert office.act("Ada", "/letters/posted", posted) == {"count": len(waiting)}
    assert office.get("Ada", "/letters").json()["to_print"] == []
    assert office.get("Ada", "/letters").json()["to_post"] == []


def test_an_administrator_lets_people_in_and_keeps_them_out(office: Office) -> None:
    with office.runtime.database.write("test") as unit:
        office.keys["Inès"] = key_of(unit, office.programme_id, "Inès", Role.ADMINISTRATOR, None)
    who = {"name": "Zoé Petit", "email": "zoe@brest.example", "role": "coordinator"}

    person_id = office.act("Inès", "/people", who)["made_id"]
    office.act("Inès", f"/people/{person_id}/close", {"reason": "Partie"})

    zoe = next(each for each in office.get("Inès", "/people").json()["items"] if each["id"] == person_id)
    assert zoe["closed_at"] is not None
    assert [each["role"] for each in zoe["roles"]] == ["coordinator"]
    assert office.get("Ada", "/people").status_code == 403
