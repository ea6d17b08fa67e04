"""The first household: the whole path of a stranger, from a request on a phone to the last word to whoever sent it.

Each person sits at a browser of their own and does only what the pages offer.
"""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Town
from tests.browser.people import PHONE, link_in, looks_well, mail_for, open_page, press, sign_in
from tests.factories import PDF

PARTNER, GIVER = "adil@brest.test", "anne.kerbrat@ccas-brest.fr"
pytestmark = pytest.mark.browser


def test_a_household_is_helped_from_the_request_to_the_last_word(chromium: Browser, town: Town, tmp_path: Path) -> None:
    claire = sign_in(chromium, town, "claire")
    address = alert_address(claire, town)

    ask_for_a_visit(chromium, address)
    case = triage(claire, town)
    karim = visit(chromium, town, case, tmp_path)
    answer_as_partner(chromium, town)
    close(karim, case)

    read_by_the_alert_giver(chromium, town)
    read_by_the_coordinator(chromium, town, case)


def alert_address(claire: Page, town: Town) -> str:
    """Where a request is typed: the coordinator reads it in her list of organisations."""
    claire.locator("summary", has_text="Plus").click()
    claire.get_by_role("link", name="Annuaire").click()
    looks_well(claire)
    claire.get_by_role("link", name="Organisations et liens secrets").click()
    expect(claire.get_by_role("heading", name="Services qui demandent des visites")).to_be_visible()
    looks_well(claire)
    return claire.locator("code").first.inner_text()


def ask_for_a_visit(chromium: Browser, address: str) -> None:
    anne = open_page(chromium)
    anne.goto(address)
    send = anne.get_by_role("button", name="Envoyer la demande")
    send.click()
    expect(anne.get_by_role("alert")).to_contain_text("Nom de la personne – Cette réponse manque.")
    looks_well(anne)
    for label, typed in {
        "Nom de la personne": "Quéméner",
        "Téléphone": "06 39 98 12 34",
        "Numéro et rue": "12 rue Jean-Jaurès",
        "Commune": "Brest",
        "Votre nom": "Anne Kerbrat",
        "Votre adresse électronique": GIVER,
    }.items():
        anne.get_by_label(label, exact=False).first.fill(typed)
    for choice in ("Locataire du parc privé", "Froid dans le logement", "Pas d’urgence", "Elle est d’accord pour être"):
        anne.get_by_label(choice).check()
    send.dblclick()
    expect(anne.get_by_role("heading", name="Votre demande est partie")).to_be_visible()
    looks_well(anne)


def triage(claire: Page, town: Town) -> str:
    """With the keyboard alone, in the line of what there is to do; returns the address of the case."""
    claire.goto(f"{town.pages}/a-faire")
    expect(claire.locator(".todo > li")).to_have_count(1)
    looks_well(claire)
    case = claire.locator(".where a").get_attribute("href")
    press(claire, "Accepter")
    claire.keyboard.press("Enter")
    expect(claire.get_by_role("heading", name="Accepter la demande")).to_be_focused()
    looks_well(claire)
    claire.keyboard.press("Escape")
    expect(claire.locator(".opened")).to_have_count(0)
    expect(claire.locator(":focus")).to_contain_text("Accepter")
    claire.keyboard.press("Enter")
    expect(claire.get_by_role("heading", name="Accepter la demande")).to_be_focused()
    claire.get_by_role("button", name="Accepter", exact=True).press("Enter")
    expect(claire.get_by_role("alert")).to_contain_text("Cette réponse manque.")
    press(claire, "Compagnons")
    claire.keyboard.press("ArrowDown")
    expect(claire.get_by_label("Énergence")).to_be_checked()
    claire.keyboard.press("Enter")
    expect(claire.get_by_role("status")).to_contain_text("La demande est acceptée")
    expect(claire.get_by_role("heading", level=1)).to_have_text("Rien n’attend de décision")
    expect(claire).to_have_url(f"{town.pages}/a-faire")
    looks_well(claire)
    return f"{town.pages}{case}"


def visit(chromium: Browser, town: Town, case: str, folder: Path) -> Page:
    """The operator calls, goes there, gives the report, and asks a partner."""
    karim = sign_in(chromium, town, "karim", PHONE)
    karim.goto(case)
    looks_well(karim)
    karim.get_by_role("button", name="Ménage joint").click()
    expect(karim.locator(".ball")).to_contain_text("Fixer la date de la visite")
    karim.get_by_role("link", name="Fixer la visite").first.click()
    karim.get_by_label("Jour").fill("2025-10-08")
    karim.get_by_role("button", name="Fixer la visite").click()
    expect(karim.locator("main")).to_contain_text("mercredi 8 octobre à 14 h")
    town.office.clock.at += timedelta(days=2, hours=6)
    karim = sign_in(chromium, town, "karim")
    karim.goto(case)
    karim.get_by_role("link", name="Visite faite").first.click()
    karim.get_by_role("button", name="Enregistrer la visite").click()
    karim.get_by_role("link", name="Remettre le rapport").first.click()
    report = folder / "rapport.pdf"
    report.write_bytes(PDF)
    karim.get_by_label("Rapport de visite").set_input_files(report)
    karim.get_by_label("Résumé").fill("Logement froid, fenêtres à reprendre.")
    karim.get_by_role("button", name="Le ménage a son rapport").click()
    refer(karim)
    town.office.clock.at += timedelta(seconds=61)  # what a page sends can be taken back for a minute
    return karim


def refer(karim: Page) -> None:
    karim.get_by_role("link", name=re.compile("^Orienter")).first.click()
    looks_well(karim)
    karim.get_by_role("link", name="Médiation avec le bailleur").click()
    looks_well(karim)
    karim.get_by_label("ADIL du Finistère").check()
    karim.get_by_label("Ce que le partenaire a besoin de savoir").fill("Le bailleur ne répond pas.")
    karim.get_by_label("Le ménage est d’accord").check()
    karim.get_by_role("button", name="Envoyer la demande").click()
    expect(karim.locator(".ball")).to_contain_text("ADIL du Finistère")
    expect(karim.locator(".held")).to_contain_text("annulable encore")
    looks_well(karim)


def answer_as_partner(chromium: Browser, town: Town) -> None:
    """From the link of his mail: yes, and where that leads, how it ended. A link that has served says so."""
    partner = open_page(chromium)
    text = mail_for(partner, town, PARTNER, "une demande d’aide")
    assert "Quéméner" not in text
    link = link_in(text)
    partner.goto(link)
    looks_well(partner)
    partner.get_by_role("button", name="Oui, nous la prenons").click()
    expect(partner.get_by_role("status")).to_contain_text("C’est noté")
    onward = partner.url
    partner.goto(link)
    expect(partner.get_by_role("heading", name="Ce lien ne sert plus")).to_be_visible()

    partner.goto(onward)
    partner.get_by_text("L’aide est terminée…").click()
    partner.get_by_label("Problème résolu", exact=True).check()
    looks_well(partner)
    partner.get_by_role("button", name="Dire que l’aide est terminée").click()
    expect(partner.locator("main")).to_contain_text("fermer cette page")


def close(karim: Page, case: str) -> None:
    karim.goto(case)
    karim.get_by_role("link", name="Terminer la situation").click()
    karim.get_by_label("Problème résolu", exact=True).check()
    karim.get_by_role("button", name="Terminer").click()
    expect(karim.get_by_label("Situation terminée")).to_contain_text("Problème résolu")
    looks_well(karim)


def read_by_the_alert_giver(chromium: Browser, town: Town) -> None:
    """His news of the day leave together: the last one the next morning."""
    town.office.clock.at += timedelta(days=1)
    anne = open_page(chromium)
    last = mail_for(anne, town, GIVER, "nouvelles de vos demandes de visite")
    assert "l’accompagnement est allé à son terme" in last
    assert "Quéméner" not in last


def read_by_the_coordinator(chromium: Browser, town: Town, case: str) -> None:
    """Who did what, and that the alert giver was told."""
    claire = sign_in(chromium, town, "claire")
    claire.goto(case)
    told = claire.locator(".timeline > li")
    expect(told.filter(has_text="Décision · Situation terminée")).to_contain_text("Karim Le Gall")
    expect(told.filter(has_text="Au donneur d’alerte : Accompagnement terminé")).to_contain_text("Remis au serveur")
