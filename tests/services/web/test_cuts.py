"""A cut of supply on the page of its case: when it may happen, what is left to do, by when, and why."""

from models.vocabulary import CaseState
from tests.factories import Office, drain, make_case
from tests.services.web.browser import browser, send


def test_the_page_counts_backwards_from_the_cut(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim, here = browser(office, "karim"), f"/situations/{case_id}"

    assert f"{here}/coupure" in karim.get(here).text

    late = send(karim, f"{here}/coupure", "a", energy="gas", cut_on="2025-10-01")
    done = send(karim, f"{here}/coupure", "b", energy="gas", cut_on="2025-11-12")
    drain(office)
    page = karim.get(here).text.replace("\N{NO-BREAK SPACE}", " ")

    assert (late.status_code, done.status_code) == (422, 303)
    assert "Coupure annoncée : gaz" in page
    assert "Trêve hivernale : pas de coupure avant le mercredi 1er avril 2026." in page
    assert "au plus tard le mardi 17 mars 2026" in page
    assert "Annoncée pour le mercredi 12 novembre." in page

    send(karim, f"{here}/coupure/fournisseur", "c", note="Échéancier sur dix mois.")
    send(karim, f"{here}/coupure/aide", "d", filed_on="2025-10-06")
    send(karim, f"{here}/coupure/issue", "e", outcome="averted")
    drain(office)

    page = karim.get(here).text
    assert "Coupure annoncée : gaz" not in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "Coupure évitée" in page


def test_another_operator_knows_of_no_cut(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    answer = send(browser(office, "nadia"), f"/situations/{case_id}/coupure", energy="gas", cut_on="2025-11-12")

    assert answer.status_code == 404


def test_of_two_cuts_each_is_shown_and_the_page_asks_which_is_meant(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim, here = browser(office, "karim"), f"/situations/{case_id}"
    send(karim, f"{here}/coupure", "a", energy="gas", cut_on="2026-05-12")
    send(karim, f"{here}/coupure", "b", energy="electricity", cut_on="2026-05-20")
    drain(office)
    page = karim.get(here).text.replace("\N{NO-BREAK SPACE}", " ")

    unsaid = send(karim, f"{here}/coupure/issue", "c", outcome="averted")
    said = send(karim, f"{here}/coupure/issue", "d", outcome="averted", energy="gas")
    drain(office)
    after = karim.get(here).text.replace("\N{NO-BREAK SPACE}", " ")

    assert "Coupure annoncée : gaz" in page
    assert "Coupure annoncée : électricité" in page
    assert "Empêcher la coupure d’énergie (électricité)" in page
    assert f'{here}/coupure"' not in page  # both are followed
    assert (unsaid.status_code, said.status_code) == (422, 303)
    assert "Deux coupures sont suivies : dites laquelle." in unsaid.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Coupure évitée (gaz)" in after
    assert "Coupure annoncée : gaz" not in after
