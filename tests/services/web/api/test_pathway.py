"""The coordination's software changes delays, adds what is otherwise in urgency, and has open cases moved to it."""

from services.programme import publishing
from tests.services.web.api.office import Office


def publish(office: Office, **changes: str) -> None:
    started_from = office.get("Ada", "/pathway").json()["hash"]
    office.act("Ada", "/pathway/publish", {"started_from": started_from, "changes": changes})


def test_open_cases_are_moved_in_the_background_and_the_pathway_says_how_many_are_left(office: Office) -> None:
    office.open_case()
    publish(office, **{"tasks.plan_visit.due.urgent": "1wd", "tasks.plan_visit.urgent_ladder": "on"})

    denied = office.post("Bo", "/pathway/move-open")
    asked = office.act("Ada", "/pathway/move-open")
    before = office.get("Ada", "/pathway").json()
    while publishing.carry_on(office.runtime.database, budget_s=5):
        pass
    after = office.get("Ada", "/pathway").json()

    assert (denied.status_code, asked["left"]) == (403, 1)
    assert [(each["behind"], each["is_moving"]) for each in (before, after)] == [(1, True), (0, False)]
    values = {each["name"]: each["value"] for each in after["settings"]}
    assert values["tasks.plan_visit.due.urgent"] == "1wd"
    assert "ladders.plan_visit_urgent.rungs.0.off" in values
