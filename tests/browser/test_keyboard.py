"""Each person's day without a mouse: from the mail, or the sign-in, to the last answer."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from models.programmes import Organisation
from models.vocabulary import CaseState, Role
from services.accounts.accounts import create_account
from services.rules.links import alert_url
from tests.browser.conftest import Town
from tests.browser.keys import Keys
from tests.browser.people import DESK, enter, link_in, mail_for, open_page, sign_in
from tests.browser.test_coordinator import line, say_done
from tests.browser.test_household import letter_of
from tests.browser.test_partner import asked
from tests.factories import PASSWORD, PDF, make_case, number_of

GIVER, PARTNER = "anne.kerbrat@ccas-brest.fr", "adil@brest.test"
pytestmark = pytest.mark.browser


def test_a_partner_accepts_then_tells_how_it_ended(chromium: Browser, town: Town) -> None:
    (reference,) = asked(town, "Bihan")
    helene = open_page(chromium, DESK)
    keys = Keys(helene)

    helene.goto(link_of(helene, town, "demande|pondre", reference))
    keys.open("Oui, nous la prenons")
    expect(helene.get_by_role("status")).to_contain_text("C’est noté : vous prenez la demande")

    keys.press(helene.locator("summary", has_text="L’aide est terminée"))
    keys.choose("Problème résolu")
    keys.open("Dire que l’aide est terminée")
    expect(helene.get_by_role("heading", name="Merci : l’aide est terminée")).to_be_visible()


def link_of(page: Page, town: Town, subject: str, reference: str) -> str:
    said = mail_for(page, town, PARTNER, subject, reference)
    return link_in(said[said.index(reference) :])


def test_a_coordinator_decides_notes_an_answer_reminds_takes_it_back_and_searches(
    chromium: Browser, town: Town
) -> None:
    office = town.office
    requested = number_of(office, make_case(office, CaseState.ORIENTING))
    waiting, unreached = (
        number_of(office, make_case(office, each)) for each in (CaseState.TRIAGE, CaseState.TO_CONTACT)
    )
    claire = sign_in(chromium, town, "claire")
    keys = Keys(claire)

    keys.press(line(claire, waiting).get_by_role("link", name="Accepter"))
    keys.choose("Énergence")
    keys.press(claire.locator(".opened").get_by_role("button", name="Accepter"))
    say_done(claire, "La demande est acceptée")

    keys.open("Qui doit quoi")
    keys.press(line(claire, requested).get_by_role("link", name="Oui par téléphone"))
    keys.type("Qui a dit oui", "Mme Riou, juriste")
    keys.open("Enregistrer son accord")
    say_done(claire, "La réponse du partenaire est notée")

    keys.press(line(claire, unreached).get_by_role("button", name="Relancer"))
    keys.open("Annuler l’envoi")
    say_done(claire, "C’est annulé : rien n’est parti")

    keys.reach(claire.get_by_role("searchbox"))
    claire.keyboard.type(waiting)
    claire.keyboard.press("Enter")
    expect(claire.locator("main")).to_contain_text(waiting)


def test_an_officer_fixes_a_visit_makes_it_gives_the_report_and_asks_a_partner(
    chromium: Browser, town: Town, tmp_path: Path
) -> None:
    case_id = make_case(town.office, CaseState.CONTACTING)
    (report := tmp_path / "rapport.pdf").write_bytes(PDF)
    karim = sign_in(chromium, town, "karim")
    keys = Keys(karim)
    karim.goto(f"{town.pages}/situations/{case_id}")

    keys.open("Ménage joint")
    keys.open("Fixer la visite")
    day = (town.office.clock.at + timedelta(days=2)).date()
    keys.day("Jour", day)
    keys.open("Fixer la visite")
    expect(karim.locator(".ball")).to_contain_text("Faire la visite")

    town.office.clock.at += timedelta(days=2, hours=8)
    karim = enter(chromium, town, "karim")
    keys = Keys(karim)
    karim.goto(f"{town.pages}/situations/{case_id}")
    keys.open("Visite faite")
    keys.open("Enregistrer la visite")
    keys.open("Remettre le rapport")
    keys.reach(karim.get_by_label("Rapport de visite"))
    karim.get_by_label("Rapport de visite").set_input_files(report)  # the window that chooses a file is the machine's
    keys.type("Résumé", "Logement froid.")
    keys.open("Le ménage a son rapport")
    keys.open("Orienter")
    keys.open("Médiation avec le bailleur")
    keys.choose("ADIL du Finistère")
    keys.type("Ce que le partenaire a besoin de savoir", "Le bailleur ne répond pas.")
    keys.tick("Le ménage est d’accord")
    keys.open("Envoyer la demande")
    expect(karim.locator(".ball")).to_contain_text("ADIL du Finistère")


def test_an_alert_giver_sends_a_request(chromium: Browser, town: Town) -> None:
    office = town.office
    with office.runtime.database.read() as unit:
        address = alert_url(office.runtime, unit.session.get_one(Organisation, office.giver_id))
    anne = open_page(chromium, DESK)
    keys = Keys(anne)
    anne.goto(address)

    for label, typed in {
        "Nom de la personne": "Quéméner", "Téléphone": "06 39 98 12 34", "Numéro et rue": "12 rue Jean-Jaurès",
        "Commune": "Brest",
    }.items():  # fmt: skip
        keys.type(label, typed)
    keys.choose("Locataire du parc privé")
    keys.tick("Froid dans le logement")
    keys.choose("Pas d’urgence")
    keys.tick("Elle est d’accord pour être")
    keys.type("Votre nom", "Anne Kerbrat")
    keys.type("Votre adresse électronique", GIVER)
    keys.open("Envoyer la demande")
    expect(anne.get_by_role("heading", name="Votre demande est partie")).to_be_visible()


def test_a_household_reads_where_it_stands_and_asks_to_be_called(chromium: Browser, town: Town) -> None:
    code, digits, _ = letter_of(town, make_case(town.office, CaseState.ORIENTING))
    lea = open_page(chromium, DESK)
    keys = Keys(lea)
    lea.goto(f"{town.pages}/d/brest")

    keys.open("Où en est ma situation ?")
    keys.type("Votre code", code)
    keys.type("Les 4 derniers chiffres", digits)
    keys.open("Voir où cela en est")
    expect(lea.locator("main")).to_contain_text("ADIL du Finistère")
    keys.press(lea.get_by_role("button", name="ppel"))
    expect(lea.get_by_role("status")).to_contain_text("Vous pourrez répondre de nouveau demain")


def test_an_administrator_invites_somebody(chromium: Browser, town: Town) -> None:
    office = town.office
    with office.runtime.database.write("test") as unit:
        create_account(
            unit, email="alex@brest.test", name="Alex Renaud", password=PASSWORD, programme_id=office.programme_id,
            role=Role.ADMINISTRATOR,
        )  # fmt: skip
    alex = enter(chromium, town, "alex")
    keys = Keys(alex)
    alex.goto(town.pages)

    keys.open("Personnes")
    keys.open("Inviter une personne")
    keys.type("Prénom et nom", "Léa Kerdoncuff")
    keys.type("Adresse électronique professionnelle", "lea@brest.fr")
    keys.select("Rôle", "Opérateur")
    keys.select("Opérateur", "Énergence")
    keys.open("Envoyer l’invitation")
    say_done(alex, "L’invitation est partie")
    expect(alex.locator("main")).to_contain_text("Léa Kerdoncuff")
