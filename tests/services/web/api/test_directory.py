"""The directory through the API: sheets and zones by the coordination, and the same picks as on the screen."""

from sqlalchemy import select

from models.programmes import AreaCommune, Commune
from tests.services.web.api.office import Office

AREAS = select(AreaCommune.commune_code, AreaCommune.from_on, AreaCommune.to_on).order_by(AreaCommune.from_on)
BUDGET = {"name": "Conseil budget", "themes": ["budget"]}


def test_a_service_is_written_read_narrowed_verified_and_ended(office: Office) -> None:
    case = office.open_case()
    with office.runtime.database.write("test") as unit:
        unit.session.add(Commune(code="29011", name="Bohars", search_key="bohars", postcodes=[], department="29"))
    partner = f"/organisations/{office.ids['partner']}/services"

    area = office.act("Ada", "/areas", {"name": "Bohars", "communes": ["29011"]})
    unknown = office.post("Ada", "/areas", {"name": "Nulle part", "communes": ["99999"]})
    made = office.act("Ada", partner, {**BUDGET, "area": "Bohars", "tenures": ["owner"], "places": 2})
    refused = office.post("Bo", partner, BUDGET)
    elsewhere = office.post("Ada", f"/organisations/{office.ids['operator']}/services", BUDGET)

    assert (area["communes"], unknown.status_code) == (["29011"], 422)
    assert (refused.status_code, elsewhere.status_code) == (403, 404)
    assert (made["communes"], made["places"], made["capacity_on"]) == (["29011"], 2, made["verified_on"])
    told = office.get("Bo", "/services", theme="budget").json()["items"]
    assert [each["name"] for each in told] == ["Conseil budget", "partner"]
    assert [each["name"] for each in office.get("Bo", "/services", commune="29019").json()["items"]] == ["partner"]

    # The partner's own service without conditions suits; once it has ended, only the narrow one is left.
    plain = next(each for each in told if each["name"] == "partner")
    (suited,) = office.get("Bo", f"{case}/partners", theme="budget").json()["items"]
    office.act("Ada", f"/services/{plain['id']}/end")
    (apart,) = office.get("Bo", f"{case}/partners").json()["items"]

    assert [each["service"] for each in suited["proposed"]] == ["partner"]
    assert apart["proposed"] == []
    assert apart["set_aside"][0]["obstacles"] == ["area", "tenure"]
    assert apart["set_aside"][0]["reasons"][0] == "n’intervient pas dans la commune (Brest)"

    office.later(days=10)
    verified = office.act("Ada", f"/services/{made['id']}/verify")
    assert verified["verified_on"] > made["verified_on"]
    assert verified["capacity_on"] == made["capacity_on"]


def test_a_zone_drawn_anew_keeps_what_it_was(office: Office) -> None:
    office.act("Ada", "/areas", {"name": "Brest", "communes": ["29019"], "from_on": "2024-01-01"})
    with office.runtime.database.write("test") as unit:
        unit.session.add(Commune(code="29011", name="Bohars", search_key="bohars", postcodes=[], department="29"))

    office.act("Ada", "/areas", {"name": "Brest", "communes": ["29011"], "from_on": "2025-01-01"})

    with office.runtime.database.read() as unit:
        rows = unit.session.execute(AREAS).all()
    assert [(code, str(from_on), to_on and str(to_on)) for code, from_on, to_on in rows] == [
        ("29019", "2024-01-01", "2024-12-31"),
        ("29011", "2025-01-01", None),
    ]


def test_means_are_for_the_team_and_decide_whom_the_directory_proposes(office: Office) -> None:
    case = office.open_case()
    for number, classes in enumerate((["very_modest"], ["very_modest", "modest"])):
        form = {"name": f"Aide {number}", "themes": ["major_works"], "income_classes": classes}
        office.act("Ada", f"/organisations/{office.ids['partner']}/services", form)
    before = office.get("Bo", f"{case}/partners", theme="major_works").json()["items"][0]["proposed"]
    said = {"reference_income": 30_000, "income_year": 2024, "people": 2, "breathing": True, "health_agreed": True}

    office.act("Bo", f"{case}/circumstances", said)
    strange = office.post("Cy", f"{case}/circumstances", said)
    household = office.get("Ada", case).json()["household"]
    after = office.get("Bo", f"{case}/partners", theme="major_works").json()["items"][0]["proposed"]

    assert [each["income_unknown"] for each in (*before, *after)] == [True, False]
    assert [each["service"] for each in after] == ["Aide 1"]
    assert strange.status_code == 404
    assert (household["reference_income"], household["income_class"], household["breathing"]) == (
        30_000,
        "modest",
        True,
    )


def test_what_a_partner_proposes_waits_for_the_coordination(office: Office) -> None:
    (service,) = office.get("Bo", "/services").json()["items"]
    url = office.get("Ada", f"/services/{service['id']}/sheet-link").json()["url"]
    denied = office.get("Bo", f"/services/{service['id']}/sheet-link")
    for places in ("2", "0"):  # the later one takes the place of the first
        form = {"name": service["name"], "themes": service["themes"], "places": places, "said_by": "Mme Riou"}
        office.client.post("/fiche/" + url.rpartition("/")[2], data=form, headers={"sec-fetch-site": "same-origin"})

    (proposal,) = office.get("Ada", "/sheet-proposals").json()["items"]
    refused = office.act("Ada", f"/sheet-proposals/{proposal['id']}/refuse")
    again = office.post("Ada", f"/sheet-proposals/{proposal['id']}/take")

    assert denied.status_code == office.get("Bo", "/sheet-proposals").status_code == 403
    assert proposal["changes"] == [{"field": "Places disponibles", "before": "non dit", "after": "0"}]
    assert (refused["places"], again.status_code) == (None, 409)
    assert office.get("Ada", "/sheet-proposals").json()["items"] == []
