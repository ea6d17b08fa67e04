"""The operator's people: the officer who visits, the manager who shares the work; and what happens around a form."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from models.vocabulary import CallResult, CaseState, Role
from services.accounts.accounts import create_account
from services.cases import calls
from services.forms import CallForm
from services.rules.casework import Hand
from tests.browser.conftest import Town
from tests.browser.people import PHONE, enter, give_password, link_in, looks_well, mail_for, open_page
from tests.browser.test_coordinator import line, say_done
from tests.factories import PASSWORD, act, make_case, number_of

OPERATOR, KARIM = "energence@brest.test", "karim@brest.test"
pytestmark = pytest.mark.browser


def test_an_officer_goes_from_the_mail_to_the_visit_on_a_telephone(chromium: Browser, town: Town) -> None:
    """In by a link to his own address, the call noted by one press, the visit fixed, moved, then done with a danger."""
    case_id = make_case(town.office, CaseState.TO_CONTACT, surname="Jaouen")
    reference = number_of(town.office, case_id)
    karim = open_page(chromium, PHONE)

    karim.goto(link_in(mail_for(karim, town, OPERATOR, f"Appeler un ménage.*{reference}"), "/situations/"))
    karim.get_by_role("link", name="Recevoir un lien de connexion").click()
    karim.get_by_label("Adresse électronique").fill(KARIM)
    karim.get_by_role("button", name="Recevoir le lien").click()
    karim.goto(link_in(mail_for(karim, town, KARIM, "Se connecter à Relais"), "/connexion/lien/"))
    looks_well(karim)
    karim.get_by_role("button", name="Entrer").click()

    line(karim, reference).get_by_role("link", name="Noter un appel").click()
    karim.get_by_label("Ménage joint").check()
    karim.get_by_role("button", name="Enregistrer l’appel").click()
    say_done(karim, "L’appel est noté")
    karim.goto(f"{town.pages}/situations/{case_id}")
    karim.get_by_role("link", name="Fixer la visite").first.click()
    karim.get_by_label("Jour").fill((town.office.clock.at + timedelta(days=2)).date().isoformat())
    karim.get_by_role("button", name="Fixer la visite").click()
    expect(karim.locator(".ball")).to_contain_text("Faire la visite")
    karim.get_by_role("link", name="Signaler un danger").click()
    karim.get_by_label(re.compile("lectrique")).check()
    karim.get_by_role("button", name=re.compile("Signaler")).click()
    expect(karim.locator(".alarm")).to_contain_text("Danger")

    claire = enter(chromium, town, "claire")
    claire.goto(f"{town.pages}/a-faire")
    line(claire, reference).get_by_role("button", name="Je m’en occupe").click()
    say_done(claire, "Vous avez pris le danger en charge")


def test_a_manager_sees_who_carries_what_hands_over_and_notes_an_absence(chromium: Browser, town: Town) -> None:
    office = town.office
    with office.runtime.database.write("test") as unit:
        create_account(
            unit, email="maelle@brest.test", name="Maëlle Kerneis", password=PASSWORD,
            programme_id=office.programme_id, role=Role.OPERATOR, organisation_id=office.operator_id,
        )  # fmt: skip
    reference = number_of(office, make_case(office, CaseState.TO_CONTACT))
    karim = enter(chromium, town, "karim")
    karim.goto(f"{town.pages}/qui-doit-quoi")

    line(karim, reference).locator("summary").click()
    line(karim, reference).get_by_role("link", name="Transmettre à un collègue").click()
    karim.locator(".opened").get_by_label("Maëlle Kerneis").check()
    karim.locator(".opened").get_by_role("button", name="Transmettre").click()
    say_done(karim, "La tâche est transmise")
    expect(karim.locator("main")).to_contain_text("Maëlle Kerneis")

    karim.goto(f"{town.pages}/calendrier")
    karim.get_by_role("link", name="Noter une absence").first.click()
    karim.get_by_label("Dernier jour").fill((office.clock.at + timedelta(days=4)).date().isoformat())
    karim.get_by_label("Qui reçoit les messages").select_option(label="Maëlle Kerneis")
    karim.get_by_role("button", name="Noter l’absence").click()
    say_done(karim, "L’absence est notée")
    expect(karim.locator("main")).to_contain_text("remplacement : Maëlle Kerneis")


def test_a_file_too_large_is_said_where_it_was_chosen_before_anything_is_sent(
    chromium: Browser, town: Town, tmp_path: Path
) -> None:
    heavy, light = tmp_path / "heavy.pdf", tmp_path / "light.pdf"
    heavy.write_bytes(b"%PDF-" + bytes(20 * 1024 * 1024))
    light.write_bytes(b"%PDF-")
    case_id = make_case(town.office, CaseState.VISITED)
    karim = enter(chromium, town, "karim")
    karim.goto(f"{town.pages}/situations/{case_id}/rapport")
    report = karim.locator("input[type=file]")

    report.set_input_files(heavy)
    assert "20 Mo au plus" in report.evaluate("(chosen) => chosen.validationMessage")
    sent: list[str] = []
    karim.on("request", lambda request: sent.append(request.method))
    karim.locator("main form .submit button").first.click()
    assert sent == []

    report.set_input_files(light)
    assert not report.evaluate("(chosen) => chosen.validationMessage")


def test_two_people_on_one_case_the_second_is_told_before_he_acts(chromium: Browser, town: Town) -> None:
    office = town.office
    case_id = make_case(office, CaseState.TO_CONTACT)
    claire = enter(chromium, town, "claire")
    claire.goto(f"{town.pages}/situations/{case_id}/suspendre")
    claire.get_by_label("Hospitalisation").check()
    claire.get_by_label("Note").fill("Sa fille appelle.")
    claire.locator("input[type=date]").fill((office.clock.at + timedelta(days=20)).date().isoformat())

    answered = CallForm(result=CallResult.NO_ANSWER)
    act(office, lambda unit: calls.record_call(unit, Hand(office.karim), case_id, answered))
    claire.locator("main form .submit button").first.click()

    expect(claire.get_by_role("alert")).to_contain_text("La situation a changé pendant que vous écriviez")
    expect(claire.get_by_role("alert")).to_contain_text("Karim")
    expect(claire.get_by_label("Note")).to_have_value("Sa fille appelle.")
    looks_well(claire)
    claire.locator("main form .submit button").first.click()
    say_done(claire, "La situation est en pause")


@pytest.mark.parametrize("opened", ["in its line", "on its page"])
def test_a_session_that_ends_mid_form_loses_nothing_of_what_was_typed(
    chromium: Browser, town: Town, opened: str
) -> None:
    case_id = make_case(town.office, CaseState.TO_CONTACT)
    reference = number_of(town.office, case_id)
    karim = enter(chromium, town, "karim")
    if opened == "in its line":
        karim.goto(f"{town.pages}/a-faire")
        line(karim, reference).get_by_role("link", name="Noter un appel").click()
    else:
        karim.goto(f"{town.pages}/situations/{case_id}/appel")
    karim.get_by_label("Répondeur").check()
    karim.get_by_label("Note pour l’équipe").fill("Rappeler « après 18 h ».")
    town.office.clock.at += timedelta(hours=3)
    karim.get_by_role("button", name="Enregistrer l’appel").click()

    expect(karim.get_by_role("heading", name="Se connecter")).to_be_visible()
    looks_well(karim)
    give_password(karim, "karim")
    expect(karim.get_by_role("button", name="Reprendre là où j’en étais")).to_be_focused()
    looks_well(karim)
    karim.keyboard.press("Enter")

    expect(karim.get_by_role("alert")).to_contain_text("Relisez, puis envoyez")
    expect(karim.get_by_label("Répondeur")).to_be_checked()
    expect(karim.get_by_label("Note pour l’équipe")).to_have_value("Rappeler « après 18 h ».")
    looks_well(karim)
    karim.get_by_role("button", name="Enregistrer l’appel").click()
    say_done(karim, "L’appel est noté")
