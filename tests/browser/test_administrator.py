"""The administrator's day: who comes in, with which keys, what failed and is tried again, who read what."""

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from models.engine import Message, Work
from models.vocabulary import CaseState, MessageState, Role, WorkState
from services.accounts.accounts import create_account
from services.cases import alerts
from services.rules.casework import Hand
from services.rules.policy import Actor
from tests.browser.conftest import Town
from tests.browser.people import enter, link_in, looks_well, mail_for, open_page
from tests.factories import PASSWORD, alert_form, make_case

pytestmark = pytest.mark.browser
LEA = "lea@brest.fr"


@pytest.fixture(scope="module")
def alex(town: Town, chromium: Browser) -> Page:
    """Who administers, at his first page."""
    with town.office.runtime.database.write("test") as unit:
        create_account(
            unit, email="alex@brest.test", name="Alex Renaud", password=PASSWORD, role=Role.ADMINISTRATOR,
            programme_id=town.office.programme_id,
        )  # fmt: skip
    page = enter(chromium, town, "alex")
    page.goto(town.pages)
    return page


def test_somebody_is_invited_and_comes_in_by_the_mail(alex: Page, chromium: Browser, town: Town) -> None:
    alex.goto(f"{town.pages}/administration/personnes")
    alex.get_by_role("link", name="Inviter une personne").click()
    alex.get_by_label("Prénom et nom").fill("Léa Kerdoncuff")
    alex.get_by_label("Adresse électronique professionnelle").fill(LEA)
    alex.get_by_label("Rôle").select_option("operator")
    alex.get_by_label("Opérateur").select_option(label="Énergence")
    alex.get_by_role("button", name="Envoyer l’invitation").click()
    expect(alex.get_by_role("status")).to_contain_text("L’invitation est partie")
    expect(alex.locator("main")).to_contain_text("Léa Kerdoncuff")

    lea = open_page(chromium)
    lea.goto(link_in(mail_for(lea, town, LEA, "Votre compte Relais est ouvert"), "/connexion/lien"))
    lea.get_by_label("Adresse électronique").fill(LEA)
    lea.get_by_role("button", name="Recevoir le lien").click()
    lea.goto(link_in(mail_for(lea, town, LEA, "Se connecter à Relais"), "/connexion/lien/"))
    lea.get_by_role("button", name="Entrer").click()
    expect(lea).to_have_url(f"{town.pages}/a-faire")


def test_a_key_is_made_shown_once_and_revoked(alex: Page, town: Town) -> None:
    alex.goto(f"{town.pages}/compte/cles")
    alex.get_by_label("À quoi elle sert").fill("Entrepôt de données")
    alex.get_by_role("button", name="Créer la clé").click()
    assert alex.locator("code").inner_text()
    looks_well(alex)
    alex.get_by_role("link", name="C’est copié").click()
    alex.get_by_role("button", name="Révoquer").click()
    expect(alex.get_by_role("status")).to_contain_text("elle n’ouvre plus rien")


def test_what_failed_is_tried_again_with_a_reason(alex: Page, town: Town) -> None:
    """An event that was set aside, a message that was refused: each has its button, and the reason is kept."""
    office = town.office
    refused = make_case(office, CaseState.TO_CONTACT)
    giver = Actor("form", office.giver_id, programme_id=office.programme_id, organisation_id=office.giver_id)
    with office.runtime.database.write("test") as unit:
        alerts.submit(unit, Hand(giver), alert_form())
        newest = select(Work.id).order_by(Work.id.desc()).limit(1).scalar_subquery()
        aside = {"state": WorkState.PARKED.value, "attempts": 12, "error": "KeyError x:1"}
        unit.session.execute(update(Work).where(Work.id == newest).values(aside))
        told = Message.case_id == refused, Message.text == "alert_receipt"
        no = {"state": MessageState.REFUSED.value, "error": "boîte pleine", "done_at": unit.now}
        unit.session.execute(update(Message).where(*told).values(no))
    alex.goto(f"{town.pages}/administration")

    for words in ("Essayer encore", "Renvoyer"):
        form = alex.locator("form.remedy", has_text=words).first
        form.get_by_role("textbox").fill("La cause est réparée.")
        form.get_by_role("button").click()
        expect(alex.locator("main")).to_contain_text("La cause est réparée.")
    expect(alex.locator("main")).not_to_contain_text("KeyError")


def test_the_log_says_who_read_what(alex: Page, chromium: Browser, town: Town) -> None:
    case_id = make_case(town.office)
    claire = enter(chromium, town, "claire")
    claire.goto(f"{town.pages}/situations/{case_id}")

    alex.goto(f"{town.pages}/administration/journal")
    alex.get_by_label("Personne").select_option(label="Claire Morvan")
    alex.locator("main").get_by_role("button", name="Chercher").click()
    expect(alex.get_by_role("row").nth(1)).to_contain_text("Situation lue")
    assert "Le Goff" not in alex.content()
    looks_well(alex)
