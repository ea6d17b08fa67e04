"""The partner's day, without an account: two presses from the mail to the answer, and all that waits on one page."""

import re
from datetime import timedelta
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from models.programmes import Organisation
from models.vocabulary import CaseState
from tests.browser.conftest import Town
from tests.browser.people import link_in, looks_well, mail_for, open_page, press, to_next_morning
from tests.factories import lead, make_case, number_of

ADIL: Final = "contact@adil29.fr"
HELENE: Final = "helene.roux@adil29.fr"
ASKED: Final = "demande|pondre"
"""In the subject of a request, of its reminders, and of the one mail of a day."""
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def _real_address(town: Town) -> None:
    """Of a domain that may exist: a colleague that a partner names is of his organisation's."""
    with town.office.runtime.database.write("test") as unit:
        unit.session.get_one(Organisation, town.office.adil_id).email = ADIL


def asked(town: Town, *surnames: str) -> list[str]:
    """Requests that the ADIL has had since yesterday; their references."""
    cases = [make_case(town.office, CaseState.VISIT_PLANNED, surname=surname) for surname in surnames]
    for case_id in cases:
        lead(town.office, case_id, CaseState.ORIENTING)
    to_next_morning(town)  # one mail a day: the second leaves then
    return [number_of(town.office, case_id) for case_id in cases]


def open_mail(page: Page, town: Town, subject: str, about: str, *, reader: str = ADIL, path: str = "/l/") -> str:
    """Press the link that a mail gives for this reference; what the mail said."""
    said = mail_for(page, town, reader, subject, about)
    page.goto(link_in(said[said.index(about) :], path))
    return said


def test_two_presses_from_the_mail_and_the_name_comes_after_a_sign_in_link(chromium: Browser, town: Town) -> None:
    (reference,) = asked(town, "Bihan")
    helene = open_page(chromium)

    said = open_mail(helene, town, ASKED, reference)
    assert "Bihan" not in said + helene.content()
    press(helene, "Oui, nous la prenons")
    helene.keyboard.press("Enter")
    expect(helene.get_by_role("status")).to_contain_text("C’est noté : vous prenez la demande")

    assert "Bihan" not in helene.content()
    helene.get_by_role("button", name="Recevoir un lien pour voir les coordonnées").click()
    open_mail(helene, town, "Se connecter", reference, path="/acces/")
    looks_well(helene)
    helene.get_by_role("button", name="Ouvrir").click()
    expect(helene.get_by_role("heading", level=1)).to_contain_text("Bihan")
    helene.get_by_role("button", name="Fermer cet accès").click()
    expect(helene.get_by_role("heading", name="L’accès est fermé sur ce navigateur")).to_be_visible()


def test_a_link_that_ran_out_leads_to_a_new_one(chromium: Browser, town: Town) -> None:
    (reference,) = asked(town, "Cadiou")
    helene = open_page(chromium)
    open_mail(helene, town, ASKED, reference)
    helene.get_by_role("button", name="Oui, nous la prenons").click()
    helene.get_by_role("button", name="Recevoir un lien pour voir les coordonnées").click()
    late = mail_for(helene, town, ADIL, "Se connecter", reference)
    town.office.clock.at += timedelta(minutes=11)

    helene.goto(link_in(late, "/acces/"))
    expect(helene.get_by_role("heading", name="Ce lien ne s’ouvre pas ici")).to_be_visible()
    looks_well(helene)
    helene.get_by_role("button", name="Recevoir un nouveau lien").click()
    fresh = another_mail(helene, town, reference, late)
    helene.goto(fresh)
    helene.get_by_role("button", name="Ouvrir").click()
    expect(helene.get_by_role("heading", level=1)).to_contain_text("Cadiou")


def another_mail(page: Page, town: Town, reference: str, old: str) -> str:
    """The sign-in link of a mail that says another one than `old`."""
    for _ in range(100):
        found = link_in(mail_for(page, town, ADIL, "Se connecter", reference), "/acces/")
        if found not in old:
            return found
        page.wait_for_timeout(100)
    raise AssertionError("no other link came")


def test_all_that_is_open_is_answered_on_one_page_several_at_once(chromium: Browser, town: Town) -> None:
    """Two are accepted together for one day, one is declined, a question is asked, a help is done."""
    first, second, third, fourth = asked(town, "Danielou", "Ezanno", "Floch", "Guillou")
    helene = open_page(chromium)
    open_mail(helene, town, ASKED, first)
    helene.get_by_role("link", name="tout voir").click()
    assert not re.search("Danielou|Ezanno|Floch|Guillou", helene.content())

    tick(helene, first, second)
    helene.locator("summary", has_text="Oui, et voici un jour").click()
    day = (town.office.clock.at + timedelta(days=2)).date()
    helene.get_by_label("Rendez-vous proposé aux ménages, le").fill(day.isoformat())
    helene.get_by_label("Heure", exact=True).fill("14:00")
    helene.get_by_role("button", name="Accepter et proposer ce jour").click()
    expect(helene.get_by_role("status")).to_contain_text("2 réponses sont enregistrées")
    tick(helene, third)
    helene.locator("summary", has_text="Non, nous ne pouvons pas").click()
    helene.get_by_label("Hors des missions").check()
    helene.get_by_role("button", name="Décliner les demandes cochées").click()
    expect(helene.get_by_role("status")).to_contain_text("1 réponse est enregistrée")
    looks_well(helene)

    tick(helene, first)
    helene.locator("summary", has_text="Elles sont terminées").click()
    helene.get_by_label("Problème résolu", exact=True).check()
    helene.get_by_role("button", name="Terminer les aides cochées").click()
    expect(helene.get_by_role("status")).to_contain_text("1 réponse est enregistrée")

    helene.get_by_role("link", name=f"Voir et répondre {fourth}").click()
    helene.locator("summary", has_text="Poser une question").click()
    helene.get_by_label("Votre question").fill("Le bail est-il à son nom ?")
    helene.get_by_role("button", name="Envoyer la question").click()
    expect(helene.get_by_role("heading", name="Votre question est envoyée")).to_be_visible()


def tick(page: Page, *references: str) -> None:
    for reference in references:
        page.locator("label.pick", has_text=reference).get_by_role("checkbox").check()


def test_a_partner_says_who_reads_when_they_are_away_and_that_they_are_full(chromium: Browser, town: Town) -> None:
    (reference,) = asked(town, "Hascoet")
    helene = open_page(chromium)
    open_mail(helene, town, ASKED, reference)
    helene.goto(f"{helene.url}/toutes")
    today = town.office.clock.at.date()

    add(helene, "Ajouter un collègue", "Ajouter", {"Son nom": "Hélène Roux", "Son adresse électronique": HELENE})
    expect(helene.locator("main")).to_contain_text(HELENE)
    away = {"Du": today.isoformat(), "Au": (today + timedelta(days=3)).isoformat(), "Qui lit": "Hélène Roux"}
    add(helene, "Quelqu’un sera absent", "Enregistrer", away)
    expect(helene.locator("main")).to_contain_text("Lit pendant ce temps : Hélène Roux")
    until = (today + timedelta(days=20)).isoformat()
    add(helene, "Nous sommes complets", "Enregistrer", {"Complet jusqu’au": until})
    expect(helene.locator("main")).to_contain_text("ADIL du Finistère : complet jusqu’au")
    add(helene, "Nous sommes complets", "Enregistrer", {"Complet jusqu’au": ""})
    expect(helene.locator("main")).not_to_contain_text("ADIL du Finistère : complet jusqu’au")
    helene.locator("summary", has_text="Quand recevoir nos e-mails").click()
    helene.get_by_label("Un seul e-mail, à dix heures").check()
    helene.get_by_role("button", name="Enregistrer").last.click()
    looks_well(helene)

    tick(helene, reference)
    helene.locator("summary", has_text="Un collègue s’en occupe").first.click()
    helene.get_by_role("button", name="Confier à Hélène Roux").first.click()
    expect(helene.locator("main")).to_contain_text("suivie par Hélène Roux")
    to_next_morning(town)
    open_mail(helene, town, ASKED, reference, reader=HELENE)
    expect(helene.get_by_role("button", name="Oui, nous la prenons")).to_be_visible()


def add(page: Page, heading: str, button: str, typed: dict[str, str]) -> None:
    """Fill one of the small forms of the partner's own page."""
    place = page.locator("details.answer", has=page.locator("summary", has_text=heading))
    place.locator("summary").click()
    for label, value in typed.items():
        field = place.get_by_label(label).first
        if label.startswith("Qui"):
            field.select_option(label=value)
        else:
            field.fill(value)
    place.get_by_role("button", name=button, exact=True).click()
