"""The first household: the whole path of a stranger, from a request on a phone to the last word to whoever sent it.

Each person sits at a browser of their own and does only what the pages offer.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Town
from tests.factories import PASSWORD, PDF

PHONE: Final = {"width": 390, "height": 844}
DESK: Final = {"width": 1280, "height": 900}
PARTNER, GIVER = "adil@brest.test", "anne.kerbrat@ccas-brest.fr"
axe: Final = Axe()
PATIENCE_MS: Final = 20_000
pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_MS)


def open_page(chromium: Browser, size: dict[str, int]) -> Page:
    context = chromium.new_context(viewport={"width": size["width"], "height": size["height"]}, locale="fr-FR")
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def sign_in(chromium: Browser, town: Town, who: str, size: dict[str, int] = DESK) -> Page:
    """With the keyboard alone."""
    page = open_page(chromium, size)
    page.goto(town.pages)
    press(page, "Adresse électronique")
    page.keyboard.type(f"{who}@brest.test")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{town.pages}/a-faire")
    return page


def press(page: Page, name: str) -> None:
    """Walk with the Tab key to what bears this name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const e = document.activeElement; return (e.labels?.[0] ?? e).textContent.trim() }"
        )
        if focused.startswith(name):
            return
    raise AssertionError(f"the Tab key never reaches « {name} »")


def looks_well(page: Page) -> None:
    """No rule of accessibility is broken, and nothing sticks out on the right."""
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


def mail_for(page: Page, town: Town, reader: str, subject: str) -> str:
    """The text of a mail that this reader got, as the mailbox shows it; it may take a moment to arrive."""
    for _ in range(60):
        page.goto(f"{town.mailbox}/?a={reader}")
        found = page.get_by_role("link", name=re.compile(subject))
        if found.count():
            found.first.click()
            return page.locator("body").inner_text()
        page.wait_for_timeout(100)
    raise AssertionError(f"{reader} never got « {subject} »: {page.locator('body').inner_text()}")


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
    claire.get_by_role("link", name="Organisations").click()
    expect(claire.get_by_role("heading", name="Services qui demandent des visites")).to_be_visible()
    looks_well(claire)
    return claire.locator("code").first.inner_text()


def ask_for_a_visit(chromium: Browser, address: str) -> None:
    anne = open_page(chromium, PHONE)
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
    for choice in ("Locataire du parc privé", "Froid dans le logement", "Pas d’urgence", "Elle est d’accord pour"):
        anne.get_by_label(choice).check()
    send.dblclick()
    expect(anne.get_by_role("heading", name="Votre demande est partie")).to_be_visible()
    looks_well(anne)


def triage(claire: Page, town: Town) -> str:
    """With the keyboard alone, from what there is to do; returns the address of the case."""
    claire.goto(f"{town.pages}/a-faire")
    expect(claire.locator(".todo > li")).to_have_count(1)
    looks_well(claire)
    press(claire, "Accepter")
    claire.keyboard.press("Enter")
    expect(claire.get_by_role("heading", name="Accepter la demande")).to_be_visible()
    press(claire, "Compagnons")
    claire.keyboard.press("ArrowDown")
    expect(claire.get_by_label("Énergence")).to_be_checked()
    claire.keyboard.press("Enter")
    expect(claire.get_by_role("status")).to_contain_text("La demande est acceptée")
    looks_well(claire)
    return claire.url.partition("?")[0]


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
    return karim


def refer(karim: Page) -> None:
    karim.get_by_role("link", name=re.compile("^Orienter")).first.click()
    looks_well(karim)
    karim.get_by_label("Type de solution").select_option(label="Médiation avec le bailleur")
    karim.get_by_label("ADIL du Finistère").check()
    karim.get_by_label("Ce que le partenaire a besoin de savoir").fill("Le bailleur ne répond pas.")
    karim.get_by_label("Le ménage est d’accord").check()
    karim.get_by_role("button", name="Envoyer la demande").click()
    expect(karim.locator(".ball")).to_contain_text("ADIL du Finistère")


def answer_as_partner(chromium: Browser, town: Town) -> None:
    """From the links of his mails: yes, then how it ended. A link that has served says so."""
    partner = open_page(chromium, PHONE)
    text = mail_for(partner, town, PARTNER, "une demande d’aide")
    assert "Quéméner" not in text
    link = link_in(text)
    partner.goto(link)
    looks_well(partner)
    partner.get_by_role("button", name="Oui, nous la prenons").click()
    expect(partner.get_by_role("heading", name="C’est noté")).to_be_visible()
    partner.goto(link)
    expect(partner.get_by_role("heading", name="Ce lien ne sert plus")).to_be_visible()

    partner.goto(link_in(mail_for(partner, town, PARTNER, "donner des nouvelles")))
    partner.get_by_text("L’aide est terminée…").click()
    partner.get_by_label("Problème résolu", exact=True).check()
    looks_well(partner)
    partner.get_by_role("button", name="Dire que l’aide est terminée").click()
    expect(partner.locator("main")).to_contain_text("fermer cette page")


def link_in(text: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+/l/\S+", text)
    assert found, text
    return found[0]


def close(karim: Page, case: str) -> None:
    karim.goto(case)
    karim.get_by_role("link", name="Terminer la situation").click()
    karim.get_by_label("Problème résolu", exact=True).check()
    karim.get_by_role("button", name="Terminer").click()
    expect(karim.get_by_label("Situation terminée")).to_contain_text("Problème résolu")
    looks_well(karim)


def read_by_the_alert_giver(chromium: Browser, town: Town) -> None:
    anne = open_page(chromium, PHONE)
    last = mail_for(anne, town, GIVER, "Accompagnement terminé")
    assert "l’accompagnement est allé à son terme" in last
    assert "Quéméner" not in last


def read_by_the_coordinator(chromium: Browser, town: Town, case: str) -> None:
    """Who did what, and that the alert giver was told."""
    claire = sign_in(chromium, town, "claire")
    claire.goto(case)
    told = claire.locator(".timeline > li")
    expect(told.filter(has_text="Décision · Situation terminée")).to_contain_text("Karim Le Gall")
    expect(told.filter(has_text="Au donneur d’alerte : Accompagnement terminé")).to_contain_text("Remis au serveur")
