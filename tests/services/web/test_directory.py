"""The directory on screen: narrowed, one sheet, written by the coordination; zones by the names of communes."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from models.programmes import Service
from models.vocabulary import CaseState
from services.rules.links import sheet_url
from tests.factories import Office, make_case
from tests.services.web.browser import browser, send


def test_the_coordination_writes_a_sheet_that_operators_read(office: Office) -> None:
    claire, karim = browser(office, "claire"), browser(office, "karim")

    zone = send(claire, "/annuaire/zones/dessiner", name="Nord", communes="Bohars\n29069", from_on="2025-10-06")
    lost = send(claire, "/annuaire/zones/dessiner", once="b", name="Sud", communes="Bohars, Atlantide")
    made = send(
        claire, "/annuaire/ajouter", once="c", organisation_id=str(office.adil_id), name="Permanence", area="Nord",
        themes=["legal", "budget"], tenures=["private_tenant"], places="3", household_phone="02 98 00 00 01",
    )  # fmt: skip
    wrong = send(claire, "/annuaire/ajouter", once="d", organisation_id=str(office.adil_id), name="Sans type")
    denied = send(karim, "/annuaire/ajouter", organisation_id=str(office.adil_id), name="À moi", themes=["legal"])

    assert [each.status_code for each in (zone, lost, made, wrong, denied)] == [303, 422, 303, 422, 403]
    assert "commune inconnue" in lost.text
    assert "Choisissez au moins une réponse" in wrong.text
    assert "Bohars, Guilers" in karim.get("/annuaire/zones").text
    page = karim.get(made.headers["location"].partition("?")[0]).text
    assert "3 places" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "Locataire du parc privé" in page
    assert "Modifier" not in page
    listed = karim.get("/annuaire?type=budget").text
    assert "Permanence" in listed
    assert listed.count('<th scope="row">') == 1
    assert "Permanence" not in karim.get("/annuaire?commune=29019&q=adil").text


def test_a_sheet_that_nobody_verified_for_six_months_asks_for_it(office: Office) -> None:
    claire = browser(office, "claire")
    made = send(
        claire, "/annuaire/ajouter", organisation_id=str(office.adil_id), name="Permanence", themes=["legal"],
        places="2",
    )  # fmt: skip
    sheet = made.headers["location"].partition("?")[0]
    assert "une fiche à vérifier" in claire.get("/a-faire").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Une fiche n’a pas été vérifiée" in claire.get("/annuaire").text  # the office's own was never verified

    office.clock.at += timedelta(days=183)
    claire = browser(office, "claire")
    assert "Permanence" in claire.get("/annuaire?verifier=1").text
    send(claire, f"{sheet}/verifier", once="b")
    changed = send(claire, f"{sheet}/modifier", once="c", name="Permanence", themes=["legal"], full_until="2026-06-30")
    assert changed.status_code == 303
    assert "Complet jusqu’au 30\N{NO-BREAK SPACE}juin" in claire.get(sheet).text
    assert "Permanence" not in claire.get("/annuaire?verifier=1").text

    send(claire, f"{sheet}/retirer", once="d")
    assert "n’est plus proposé depuis" in claire.get(sheet).text
    assert "Permanence" not in claire.get("/annuaire").text


def test_the_means_of_a_household_are_noted_on_its_page(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    karim, address = browser(office, "karim"), f"/situations/{case_id}/revenus"

    wrong = send(karim, address, reference_income="beaucoup", people="2")
    old = send(karim, address, once="b", reference_income="30000", income_year="2019", people="2")
    said = {"reference_income": "30000", "income_year": "2024", "people": "2", "breathing": "false"}
    unasked = send(karim, address, once="c", **said)
    done = send(karim, address, once="d", **said, health_agreed="yes")

    assert [each.status_code for each in (wrong, old, unasked, done)] == [422, 422, 422, 303]
    assert "Rien de la santé ne se note sans l’accord" in unasked.text.replace("\N{NO-BREAK SPACE}", " ")
    assert [words in karim.get(address).text for words in ("Troubles respiratoires", "health_agreed")] == [True, False]
    page = browser(office, "claire").get(f"/situations/{case_id}").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "€ en 2024 · plafonds Anah 2025" in page
    assert "Au-dessus de « très modestes »" in page
    assert "Revenus et composition du ménage notés" in page


def test_a_partner_corrects_his_sheet_without_an_account_and_the_coordination_decides(office: Office) -> None:
    with office.runtime.database.read() as unit:
        service = unit.session.scalars(select(Service).where(Service.organisation_id == office.adil_id)).one()
        service_id, link = service.id, sheet_url(office.runtime, service)
    sheet = f"/annuaire/{service_id}"
    partner, claire = browser(office), browser(office, "claire")
    same: dict[str, Any] = {
        "name": "ADIL du Finistère",
        "themes": ["landlord_mediation", "legal"],
        "said_by": "Mme Riou, accueil",
    }

    looked = partner.get(link)
    forged = partner.get(f"{link[:-3]}xyz")
    wrong = send(partner, link, **{**same, "said_by": ""})
    proposed = send(partner, link, **same, places="0", household_phone="02 98 00 00 02")

    assert [each.status_code for each in (looked, forged, wrong, proposed)] == [200, 410, 422, 200]
    assert "vos changements sont transmis" in proposed.text
    assert "ADIL du Finistère · ADIL du Finistère" in claire.get("/annuaire").text
    page = claire.get(sheet).text
    assert "Riou, accueil</h2>" in page
    assert "Plus de place" not in page
    assert "Mme Riou" not in browser(office, "karim").get(sheet).text

    act = next(part.split('"')[0] for part in page.split('action="') if "/prendre" in part.split('"')[0])
    assert send(browser(office, "karim"), act).status_code == 403
    assert send(claire, act).status_code == 303
    assert send(claire, act, once="b").status_code == 409
    assert "Plus de place" in claire.get(sheet).text

    office.clock.at += timedelta(days=200)
    confirmed = send(partner, link, once="c", then="juste")
    assert "votre fiche est à jour" in confirmed.text
    assert "n’a pas été vérifiée" not in browser(office, "claire").get("/annuaire").text
    with office.runtime.database.write("end") as unit:
        unit.session.get_one(Service, service_id).sheet_link_version += 1
    assert partner.get(link).status_code == 410
