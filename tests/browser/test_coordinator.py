"""The coordinator's Monday, from the mail of the morning to the last line: in place, by keyboard, several at once."""

import re
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from models.cases import Case
from models.vocabulary import CaseState, Role
from services.accounts.accounts import create_account
from tests.browser.conftest import Town
from tests.browser.people import (
    DESK,
    enter,
    give_password,
    link_in,
    looks_well,
    mail_for,
    open_page,
    press,
    to_next_morning,
)
from tests.factories import PASSWORD, Office, make_case, number_of

CLAIRE: Final = "claire@brest.test"
LATE: Final = "Débloquer une tâche|tâches vous attendent"
pytestmark = pytest.mark.browser


def line(page: Page, number: str) -> Locator:
    return page.locator(".todo > li", has_text=number)


def say_done(page: Page, words: str) -> None:
    expect(page.get_by_role("status")).to_contain_text(words)


def test_the_mail_of_the_morning_leads_to_what_is_late_and_back_to_the_list(chromium: Browser, town: Town) -> None:
    """Sign in, decide, log a call for the operator, put a line off, search: never leaving the list."""
    office = town.office
    waiting, unreached = make_case(office), make_case(office, CaseState.TO_CONTACT, surname="Kermarrec")
    late, called = number_of(office, waiting), number_of(office, unreached)
    office.clock.at += timedelta(days=7)
    claire = open_page(chromium, DESK)
    mail_for(claire, town, CLAIRE, LATE)
    to_next_morning(town)  # one mail a day: what does not leave first is told then

    mail = mail_for(claire, town, CLAIRE, LATE, about=late)
    claire.goto(link_in(mail, f"/situations/{waiting}"))
    give_password(claire, "claire")
    expect(claire.locator(".ball")).to_contain_text("vous")
    assert claire.url.endswith(f"/situations/{waiting}")  # where the mail led, once signed in

    claire.get_by_role("link", name="À faire").click()
    expect(line(claire, late)).to_contain_text("En retard")
    press(claire, f"Accepter, {late}")
    claire.keyboard.press("Enter")
    expect(claire.get_by_role("heading", name="Accepter la demande")).to_be_focused()
    press(claire, "Compagnons")
    claire.keyboard.press("ArrowDown")
    claire.keyboard.press("Enter")
    say_done(claire, "La demande est acceptée")
    expect(line(claire, late)).to_have_count(0)

    log_a_call(claire, called)
    for asked in ("kermarrec", phone_of(office, unreached), called):
        claire.get_by_role("searchbox").fill(asked)
        claire.keyboard.press("Enter")
        expect(claire.locator("main")).to_contain_text(called)


def log_a_call(claire: Page, number: str) -> None:
    """Three presses, in the line: the act, what came of it, the button."""
    line(claire, number).get_by_role("link", name="Noter un appel").click()
    claire.get_by_label("Pas de réponse").check()
    claire.get_by_role("button", name="Enregistrer l’appel").click()
    say_done(claire, "L’appel est noté")
    expect(claire).to_have_url(re.compile("/a-faire"))


def phone_of(office: Office, case_id: UUID) -> str:
    """As people say it: `06 39 98 00 12`."""
    with office.runtime.database.read() as unit:
        digits = f"0{unit.session.get_one(Case, case_id).household.phones[0].number.removeprefix('+33')}"
    return " ".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def test_who_owes_what_is_unblocked_line_by_line_and_several_at_once(chromium: Browser, town: Town) -> None:
    """Yes by telephone in three presses; reminders put off with a reason; one press reminds two and is taken back."""
    office = town.office
    asked = number_of(office, make_case(office, CaseState.ORIENTING, surname="Riou"))
    one, two = (number_of(office, make_case(office, CaseState.TO_CONTACT)) for _ in range(2))
    claire = enter(chromium, town, "claire")
    claire.goto(f"{town.pages}/qui-doit-quoi")

    line(claire, asked).get_by_role("link", name="Oui par téléphone").click()
    claire.get_by_label("Qui a dit oui").fill("Mme Riou, juriste")
    claire.get_by_role("button", name="Enregistrer son accord").click()
    say_done(claire, "La réponse du partenaire est notée")
    expect(line(claire, asked).get_by_role("link", name="Oui par téléphone")).to_have_count(0)

    line(claire, one).locator("summary").click()
    line(claire, one).get_by_role("link", name="Reporter les relances").click()
    claire.get_by_label("Charge de travail").check()
    claire.get_by_label("Pas de relance avant le").fill((office.clock.at + timedelta(days=3)).date().isoformat())
    claire.get_by_role("button", name="Reporter les relances").click()
    say_done(claire, "Les relances sont reportées")

    for number in (one, two):
        claire.get_by_label(f"Choisir {number}").check()
    claire.locator("#lot").get_by_role("button", name="Je m’en occupe").click()
    expect(claire.locator("main")).to_contain_text(one)
    expect(claire.locator("main")).to_contain_text(two)
    looks_well(claire)


def test_what_was_sent_is_taken_back_within_a_minute(chromium: Browser, town: Town) -> None:
    number = number_of(town.office, make_case(town.office, CaseState.TO_CONTACT))
    claire = enter(chromium, town, "claire")
    claire.goto(f"{town.pages}/qui-doit-quoi")

    line(claire, number).get_by_role("button", name="Relancer").click()
    expect(claire.locator(".held")).to_contain_text("annulable encore")
    claire.get_by_role("button", name="Annuler l’envoi").click()

    say_done(claire, "C’est annulé : rien n’est parti")
    expect(claire.locator(".held")).to_have_count(0)


def test_what_is_to_come_is_skipped_or_sent_at_once(chromium: Browser, town: Town) -> None:
    make_case(town.office, CaseState.TO_CONTACT)
    make_case(town.office, CaseState.TO_CONTACT)
    claire = enter(chromium, town, "claire")
    claire.goto(f"{town.pages}/envois")

    claire.locator(".departures details", has_text="Ne pas envoyer").first.locator("summary").click()
    claire.locator(".departures details[open]").get_by_role("link", name="Ne pas envoyer").click()
    claire.get_by_label("Dit de vive voix").check()
    claire.get_by_role("button", name="Ne pas envoyer").click()
    say_done(claire, "cette relance ne partira pas")

    claire.goto(f"{town.pages}/envois")
    claire.locator(".departures details", has_text="Envoyer maintenant").last.locator("summary").click()
    claire.locator(".departures details[open]").get_by_role("button", name="Envoyer maintenant").click()
    say_done(claire, "La relance part dans une minute, sans attendre son jour")


def test_a_change_made_elsewhere_shows_without_taking_the_focus_or_what_was_typed(
    chromium: Browser, town: Town
) -> None:
    claire = enter(chromium, town, "claire")
    claire.clock.install()
    claire.goto(f"{town.pages}/parcours")
    before = claire.locator(".pipe .number a").first.inner_text()
    claire.get_by_role("searchbox").fill("Kerma")

    town.office.clock.at += timedelta(seconds=1)
    number = number_of(town.office, make_case(town.office))
    claire.clock.fast_forward(21_000)  # the board asks again every twenty seconds

    expect(claire.locator("#board")).to_contain_text(number)
    assert claire.locator(".pipe .number a").first.inner_text() != before
    expect(claire.get_by_role("searchbox")).to_be_focused()
    expect(claire.get_by_role("searchbox")).to_have_value("Kerma")


def test_a_case_goes_to_another_operator_and_a_task_to_a_colleague(chromium: Browser, town: Town) -> None:
    office = town.office
    with office.runtime.database.write("test") as unit:
        create_account(
            unit, email="paul@brest.test", name="Paul Abgrall", password=PASSWORD, programme_id=office.programme_id,
            role=Role.COORDINATOR,
        )  # fmt: skip
    case_id, triage = make_case(office, CaseState.TO_CONTACT), number_of(office, make_case(office))
    claire = enter(chromium, town, "claire")

    claire.goto(f"{town.pages}/situations/{case_id}")
    claire.locator("summary", has_text="Arrêter, faire attendre, confier ailleurs").click()
    claire.get_by_role("link", name="Confier à un autre opérateur").click()
    claire.get_by_label("Compagnons bâtisseurs").check()
    claire.get_by_role("button", name="Confier la situation").click()
    say_done(claire, "La situation est confiée au nouvel opérateur")
    expect(claire.locator(".ball")).to_contain_text("Compagnons bâtisseurs")

    claire.goto(f"{town.pages}/a-faire")
    line(claire, triage).locator("summary").click()
    line(claire, triage).get_by_role("link", name="Transmettre à un collègue").click()
    claire.locator(".opened").get_by_label("Paul Abgrall").check()
    claire.get_by_role("button", name="Transmettre", exact=True).first.click()
    say_done(claire, "La tâche est transmise")
    expect(line(claire, triage)).to_contain_text("Paul Abgrall")
