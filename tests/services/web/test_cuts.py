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


def test_the_page_says_what_comes_before_a_cut_of_electricity(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim, here = browser(office, "karim"), f"/situations/{case_id}"
    for energy, said in (("gas", False), ("electricity", True)):
        send(karim, f"{here}/coupure", energy, energy=energy, cut_on="2026-05-12")
        drain(office)

        page = karim.get(here).text.replace("\N{NO-BREAK SPACE}", " ")
        assert ("60 jours à 1 kVA si le ménage a le chèque énergie" in page, "n° 2023-133" in page) == (said, said)


def test_in_the_truce_the_day_leads_to_the_cuts_that_come_after_it(office: Office) -> None:
    threatened, averted, _ = (make_case(office, CaseState.TO_CONTACT) for _ in range(3))
    karim = browser(office, "karim")
    for case_id in (threatened, averted):
        send(karim, f"/situations/{case_id}/coupure", str(case_id), energy="gas", cut_on="2026-01-12")
    send(karim, f"/situations/{averted}/coupure/issue", "c", outcome="averted")
    drain(office)

    assert "Trêve hivernale" not in karim.get("/a-faire").text
    office.clock.at = office.clock.at.replace(month=12)
    karim = browser(office, "karim")

    day, listed = karim.get("/a-faire").text.replace("\N{NO-BREAK SPACE}", " "), karim.get("/situations?coupure=1").text
    assert "une coupure annoncée, possible à partir du 1er avril" in day
    assert 'href="/situations?coupure=1"' in day
    assert (f"/situations/{threatened}" in listed, f"/situations/{averted}" in listed) == (True, False)
