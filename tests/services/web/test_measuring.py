"""Figures and small equipment on the pages of a case: noted, shown to the team, kept from a sheet that names nobody."""

import html
import re
from uuid import UUID

import pytest

from models.vocabulary import CaseState
from tests.factories import Office, make_case
from tests.services.web.browser import browser, send

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def text_of(office: Office, who: str, address: str) -> str:
    return browser(office, who).get(address).text.replace("\N{NO-BREAK SPACE}", " ")


def measured(office: Office) -> UUID:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    client, address = browser(office, "karim"), f"/situations/{case_id}"
    kit = {"led_bulb-quantity": "4", "led_bulb-price": "3,00", "shower_head-quantity": "1", "shower_head-price": "17"}
    assert send(client, f"{address}/equipements", **kit).status_code == 303
    assert send(client, f"{address}/chiffres", energy_cost="2870", burden="21,7").status_code == 303
    return case_id


def test_figures_and_equipment_are_noted_and_shown(office: Office) -> None:
    case_id = measured(office)
    page = text_of(office, "claire", f"/situations/{case_id}")

    assert "21,7 % des ressources" in page
    assert "4 × ampoule LED" in page
    assert "Équipements remis : 29 €" in page
    assert "Ampoule LED : 4, posé" in text_of(office, "karim", f"/situations/{case_id}/equipements")


def test_a_sheet_without_a_name_tells_no_income(office: Office) -> None:
    case_id = measured(office)
    named, unnamed = (text_of(office, "karim", f"/situations/{case_id}/fiche{each}") for each in ("?nom=oui", ""))

    assert "21,7 %" in named
    assert "Équipements remis" in unnamed
    assert "21,7 %" not in unnamed
    assert "2 870" not in unnamed


def test_a_sheet_prints_what_a_visit_saw_and_no_empty_card(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    client, address = browser(office, "karim"), f"/situations/{case_id}"
    card = "Chiffres et équipements"
    empty, offered = text_of(office, "karim", f"{address}/fiche"), text_of(office, "karim", address)
    assert (card in empty, card in offered) == (False, True)

    assert send(client, f"{address}/releve", **{"rooms-bedroom-mould": "under_1m2"}).status_code == 303

    sheet = text_of(office, "karim", f"{address}/fiche")
    assert (card in sheet, '<details class="fold"' in sheet) == (True, False)  # what is folded is not printed


def test_what_cannot_be_read_is_said_beside_its_field(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    client, address = browser(office, "karim"), f"/situations/{case_id}"
    kit = send(client, f"{address}/equipements", **{"led_bulb-quantity": "beaucoup"})
    figure = send(client, f"{address}/chiffres", burden="deux")
    nothing = send(client, f"{address}/chiffres", once="encore")
    empty = send(browser(office, "claire"), f"{address}/ressemblance", number=" ", score="")

    assert (kit.status_code, figure.status_code, nothing.status_code) == (422, 422, 422)
    assert "Cette réponse manque" in empty.text
    assert "Un nombre entier est attendu" in empty.text
    assert "De 1 à 99" in kit.text
    assert "Un nombre est attendu" in figure.text


@pytest.mark.parametrize(
    ("act", "typed", "field", "sentence"),
    [
        ("revenus", {"income_year": "2024"}, "reference_income-error", "Rien de nouveau n’est noté"),
        ("equipements", {"led_bulb-state": "installed"}, "errors-title", "dites combien il y en a"),
        ("equipements", {"led_bulb-price": "3"}, "led_bulb-quantity-error", "Un prix est donné"),
        ("chiffres", {}, "errors-title", "Notez au moins une réponse"),
    ],
)
def test_a_form_that_says_nothing_is_not_written_and_says_so(
    office: Office, act: str, typed: dict[str, str], field: str, sentence: str
) -> None:
    case_id = make_case(office, CaseState.VISITED, people="")
    address = f"/situations/{case_id}"
    before = text_of(office, "karim", address).count('class="body"')

    answer = send(browser(office, "karim"), f"{address}/{act}", **typed)

    assert answer.status_code == 422
    assert f'id="{field}"' in answer.text
    assert sentence in answer.text
    assert text_of(office, "karim", address).count('class="body"') == before


def test_what_was_noted_may_be_taken_back(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    client, address = browser(office, "karim"), f"/situations/{case_id}"
    noted = send(client, f"{address}/equipements", "a", **{"led_bulb-quantity": "4"})
    emptied = send(client, f"{address}/equipements", "b")

    assert (noted.status_code, emptied.status_code) == (303, 303)


def test_a_case_closes_with_its_scorecard(office: Office) -> None:
    case_id = measured(office)
    client, address = browser(office, "karim"), f"/situations/{case_id}"
    card = {"critere-under_threshold": "no", "critere-warm": "yes", "critere-no_arrears": "yes"}
    assert send(client, f"{address}/cloturer", outcome="landlord_complied", **card).status_code == 303

    page = text_of(office, "claire", address)
    assert "2 critères sur 3" in page
    assert "Le bailleur a fait le nécessaire" in page


def test_figures_are_taken_with_the_blanks_and_the_sign_with_which_they_are_typed(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    client, address = browser(office, "karim"), f"/situations/{case_id}"
    figures = send(client, f"{address}/chiffres", energy_cost="2\N{NARROW NO-BREAK SPACE}870 €", burden=" 21,7 ")
    kit = send(client, f"{address}/equipements", **{"led_bulb-quantity": " 4 ", "led_bulb-price": "3,50 €"})
    income = send(client, f"{address}/revenus", reference_income="11\N{NO-BREAK SPACE}900 €", people="1")

    page = text_of(office, "claire", address).replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert [each.status_code for each in (figures, kit, income)] == [303, 303, 303]
    assert "2 870 €" in page
    assert "Équipements remis : 14 €" in page
    assert "11 900 €" in page


def test_a_visit_is_written_down_field_by_field(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    client, address = browser(office, "karim"), f"/situations/{case_id}"
    typed = {"dwelling-area": "45", "rooms-bedroom-mould": "under_1m2", "rooms-bedroom-temperature": "15,5"}
    assert "Chambre" in client.get(f"{address}/releve").text
    assert send(client, f"{address}/releve", **typed).status_code == 303

    page = html.unescape(client.get(address).text).replace("\N{NO-BREAK SPACE}", " ")
    assert "Surface : <strong>45 m²</strong>" in page
    assert "Chambre, température : <strong>15,5 °C</strong>" in page
    again = client.get(f"{address}/releve").text
    assert 'value="15,5"' in again
    wrong = send(client, f"{address}/releve", once="encore", **{"dwelling-area": "grand", "dwelling-floor": "99"})
    assert wrong.status_code == 422
    assert "Un nombre entier est attendu" in wrong.text
    assert "Le plus grand nombre possible est 60" in wrong.text
    nothing = send(client, f"{address}/releve", once="rien")
    assert (nothing.status_code, "Rien n’est noté" in nothing.text) == (422, True)


def test_the_page_of_a_visit_is_taken_as_a_browser_sends_it_with_its_empty_fields(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    client, address = browser(office, "karim"), f"/situations/{case_id}/releve"
    fields = re.findall(r'<(?:input|select)[^>]* name="([a-z_-]+)"', client.get(address).text)
    assert len(fields) > 200

    sent = send(client, address, **{name: "" for name in fields if name != "once"} | {"dwelling-area": "45"})

    assert sent.status_code == 303


def test_the_form_asks_for_the_agreement_where_health_is_asked_until_it_stands(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    client, address = browser(office, "karim"), f"/situations/{case_id}/releve"

    refused = send(client, address, **{"comfort-low_mood": "yes"})
    assert refused.status_code == 422
    assert "Rien de la santé ne se note sans l’accord du ménage" in refused.text
    assert "Moral atteint" not in client.get(f"/situations/{case_id}").text

    asked = send(client, address, once="encore", **{"comfort-low_mood": "yes"}, health_agreed="yes")
    assert asked.status_code == 303
    assert "Moral atteint" in client.get(f"/situations/{case_id}").text
    assert "health_agreed" not in client.get(address).text
