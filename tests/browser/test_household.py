"""The household, and whoever asks on its behalf: a letter, a telephone, no account."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from models.cases import Case, Visit
from models.vocabulary import CaseState
from services.rules.household import code_of, visit_word
from tests.browser.conftest import Town
from tests.browser.people import enter, link_in, looks_well, mail_for, open_page
from tests.factories import make_case

pytestmark = pytest.mark.browser
OWN = {
    "Votre nom": "Le Bris", "Votre téléphone": "06 39 98 55 66", "Numéro et rue": "4 rue Louis-Pasteur",
    "Commune": "Brest",
}  # fmt: skip


def letter_of(town: Town, case_id: UUID) -> tuple[str, str, str]:
    """What the household holds: the code of its letter, the last figures of its telephone, the word of its visit."""
    office = town.office
    with office.runtime.database.read() as unit:
        case = unit.session.get_one(Case, case_id)
        visit = unit.session.scalars(select(Visit).where(Visit.case_id == case_id)).first()
        word = visit_word(office.runtime.secrets, visit.id) if visit else ""
        return code_of(office.runtime.secrets, case), case.household.phones[0].number[-4:], word


def test_somebody_who_is_cold_asks_for_a_visit_on_the_public_page(chromium: Browser, town: Town) -> None:
    lea = open_page(chromium)
    lea.goto(f"{town.pages}/d/brest")
    lea.get_by_role("link", name="Demander une visite").click()
    for label, typed in OWN.items():
        lea.get_by_label(label, exact=False).first.fill(typed)
    for choice in ("Locataire du parc social", "Froid dans le logement", "Pas d’urgence", "d’accord pour que l’on"):
        lea.get_by_label(choice).check()
    lea.get_by_role("button", name="Envoyer la demande").click()
    expect(lea.get_by_role("heading", name="Votre demande est partie")).to_be_visible()

    claire = enter(chromium, town, "claire")
    claire.goto(f"{town.pages}/a-faire")
    claire.locator(".todo .where a").last.click()
    expect(claire.get_by_role("heading", level=1)).to_contain_text("Le Bris")


def test_the_call_taker_notes_a_request_while_listening(chromium: Browser, town: Town) -> None:
    claire = enter(chromium, town, "claire")
    claire.goto(f"{town.pages}/situations")
    claire.get_by_role("link", name="Noter une demande").click()
    for label, typed in {**OWN, "Nom de la personne": "Kervella", "Téléphone": "06 39 98 77 88"}.items():
        if not label.startswith("Votre"):
            claire.locator("main").get_by_label(label, exact=False).first.fill(typed)
    for choice in ("Propriétaire occupant", "Factures élevées", "Pas d’urgence", "Elle est d’accord pour être"):
        claire.get_by_label(choice).check()
    claire.get_by_role("button", name="Ouvrir la situation").click()

    expect(claire.get_by_role("heading", level=1)).to_contain_text("Kervella")
    expect(claire.get_by_role("status")).to_contain_text("La situation est ouverte")


def test_the_code_of_a_letter_and_four_figures_open_the_page_and_ask_to_be_called(
    chromium: Browser, town: Town
) -> None:
    code, digits, _ = letter_of(town, make_case(town.office, CaseState.ORIENTING))
    lea = open_page(chromium)
    lea.goto(f"{town.pages}/d/brest")
    lea.get_by_role("link", name="Où en est ma situation ?").click()

    give_code(lea, code, "0000" if digits != "0000" else "1111")
    expect(lea.get_by_role("alert")).to_be_visible()
    looks_well(lea)
    give_code(lea, code.lower().replace("-", " "), digits)
    expect(lea.locator("main")).to_contain_text("ADIL du Finistère")
    looks_well(lea)
    lea.get_by_role("button", name=re.compile("[Aa]ppel")).click()
    expect(lea.get_by_role("status")).to_contain_text("Vous pourrez répondre de nouveau demain")
    expect(lea.locator("main")).to_contain_text("On vous rappelle, au plus tard le")
    lea.get_by_role("button", name="Fermer cette page").click()
    expect(lea.get_by_role("link", name="Où en est ma situation ?")).to_be_visible()


def give_code(page: Page, code: str, digits: str) -> None:
    page.get_by_label("Votre code").fill(code)
    page.get_by_label("Les 4 derniers chiffres").fill(digits)
    page.get_by_role("button", name="Voir où cela en est").click()


def test_at_the_door_the_word_of_a_visit_is_true_on_its_day_and_a_false_one_shuts_it(
    chromium: Browser, town: Town
) -> None:
    _, digits, word = letter_of(town, make_case(town.office, CaseState.VISIT_PLANNED))
    lea = open_page(chromium)
    lea.goto(f"{town.pages}/d/brest/verifier")

    verify(lea, word, digits)
    expect(lea.get_by_role("heading", name="Une visite est prévue, mais pas maintenant")).to_be_visible()
    town.office.clock.at += timedelta(days=14)
    lea.get_by_role("link", name="Vérifier un autre mot").click()
    verify(lea, word, digits)
    expect(lea.get_by_role("heading", name="Oui, cette visite est bien la nôtre")).to_be_visible()
    looks_well(lea)
    lea.get_by_role("link", name="Vérifier un autre mot").click()
    verify(lea, "parapluie", digits)
    expect(lea.get_by_role("alert")).to_contain_text("N’ouvrez pas")
    looks_well(lea)


def verify(page: Page, word: str, digits: str) -> None:
    page.get_by_label("Le mot qu’elle vous dit").fill(word)
    page.get_by_label("Les 4 derniers chiffres").fill(digits)
    page.get_by_role("button", name="Vérifier").click()


def test_an_alert_giver_has_a_link_a_poster_a_receipt_and_all_his_requests(chromium: Browser, town: Town) -> None:
    claire = enter(chromium, town, "claire")
    claire.goto(f"{town.pages}/organisations")
    secret = claire.locator("code").first.inner_text()
    claire.get_by_role("link", name="Affiche à imprimer").first.click()
    expect(claire.locator(".poster svg")).to_be_visible()

    anne = open_page(chromium)
    anne.goto(secret)
    for label, typed in {
        "Nom de la personne": "Tanguy", "Téléphone": "06 39 98 33 44", "Numéro et rue": "1 rue de Lyon",
        "Commune": "Brest", "Votre nom": "Anne Kerbrat", "Votre adresse électronique": "anne.kerbrat@ccas-brest.fr",
    }.items():  # fmt: skip
        anne.get_by_label(label, exact=False).first.fill(typed)
    for choice in ("Locataire du parc privé", "Humidité", "Pas d’urgence", "Elle est d’accord pour être"):
        anne.get_by_label(choice).check()
    anne.get_by_role("button", name="Envoyer la demande").click()
    expect(anne.get_by_role("heading", name="Votre demande est partie")).to_be_visible()

    receipt = mail_for(anne, town, "anne.kerbrat@ccas-brest.fr", "Demande de visite bien reçue")
    assert "Tanguy" not in receipt
    anne.goto(link_in(receipt, "/demandes/"))
    expect(anne.get_by_role("heading", name="Mes demandes")).to_be_visible()
    expect(anne.locator("main")).to_contain_text("La coordination examine la demande")
    assert "Tanguy" not in anne.content()
