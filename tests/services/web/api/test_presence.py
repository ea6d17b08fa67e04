"""Through the API: one's own days are said and read, the team's by the coordination alone."""

from tests.services.web.api.office import Office


def test_the_calendar_is_said_and_read(office: Office) -> None:
    span = {"first_on": "2025-10-06", "last_on": "2025-10-10"}

    office.act("Bo", "/work-days", {"weekdays": [0, 3]})
    away = office.act("Bo", "/absences", span)["made_id"]
    duty = office.act("Ada", "/duties", {"from_at": "2025-10-10T18:00:00+02:00", "to_at": "2025-10-13T08:00:00+02:00"})
    closed = office.act("Ada", "/closures", {"organisation_id": str(office.ids["partner"]), **span})
    pont = office.act("Ada", "/closures", {"first_on": "2025-11-10", "last_on": "2025-11-10", "label": "Pont"})

    mine = office.get("Bo", "/planning").json()
    assert [each["id"] for each in mine["absences"]] == [away]
    assert [each["weekdays"] for each in mine["work_days"]] == [[0, 3]]
    assert mine["duties"] == []
    assert {each["id"] for each in mine["closures"]} == {closed["made_id"], pont["made_id"]}
    assert office.get("Cy", "/planning").json()["absences"] == []
    for path in (f"/absences/{away}/cancel", f"/duties/{duty['made_id']}/end", f"/closures/{pont['made_id']}/reopen"):
        office.act("Ada", path)
    left = office.get("Ada", "/planning").json()
    assert (left["absences"], left["duties"], len(left["closures"])) == ([], [], 1)


def test_only_the_coordination_closes_days_and_a_stranger_cancels_nothing(office: Office) -> None:
    span = {"first_on": "2025-10-06", "last_on": "2025-10-10"}
    away = office.act("Bo", "/absences", span)["made_id"]

    answers = [
        office.post("Bo", "/closures", {**span, "label": "Vacances"}),
        office.post("Bo", "/duties", {"from_at": "2025-10-10T18:00:00Z", "to_at": "2025-10-13T08:00:00Z"}),
        office.post("Cy", f"/absences/{away}/cancel"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 404]
