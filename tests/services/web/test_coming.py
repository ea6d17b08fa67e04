"""The sends to come on their page and on the case: the same lines, their reasons, and what is decided of one."""

import re
from uuid import UUID

from sqlalchemy import select

from models.cases import Case
from models.engine import Message, Occurrence
from models.vocabulary import CaseState
from tests.factories import Office, deliver_mail, drain, make_case, task_of
from tests.services.web.browser import browser, send


def text_of(office: Office, address: str, who: str = "claire") -> str:
    return browser(office, who).get(address).text.replace("\N{NO-BREAK SPACE}", " ")


def asked(office: Office) -> UUID:
    """A partner has our request."""
    case_id = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, case_id)
    drain(office)
    return case_id


def test_the_page_counts_what_it_lists_in_each_of_its_views(office: Office) -> None:
    asked(office)
    make_case(office)
    page = text_of(office, "/envois")
    total = int(re.findall(r"(\d+) envois d’ici le", page)[0])

    assert "jours ouvrés sans réponse depuis la remise" in page
    for view in ("", "?vue=destinataire", "?vue=situation"):
        assert text_of(office, f"/envois{view}").count("Pourquoi :") == total
    counts = {key: int(number) for key, number in re.findall(r'<option value="([^"]+)"[^>]*>[^<]*\((\d+)\)', page)}
    assert sum(counts.values()) == total
    for key, number in counts.items():
        assert text_of(office, f"/envois?pour={key}").count("Pourquoi :") == number


def test_a_reminder_is_skipped_from_the_page_and_the_story_says_by_whom_and_why(office: Office) -> None:
    case_id = asked(office)
    page = text_of(office, f"/situations/{case_id}").replace("&amp;", "&")
    address = re.findall(rf"/situations/{case_id}/envois/[^/]+/passer\?[^\"]+", page)[0]
    refused = send(browser(office, "claire"), address)

    done = send(browser(office, "claire"), address, once="2", reason="told", note="Il rappelle demain.")

    drain(office)
    page = text_of(office, f"/situations/{case_id}")
    assert (refused.status_code, done.status_code) == (422, 303)
    assert "Envoi passé, rappel de la demande : dit de vive voix" in page
    assert "Il rappelle demain." in page
    with office.runtime.database.read() as unit:
        assert [each.reason for each in unit.session.scalars(select(Occurrence))] == ["skipped"]


def test_a_reminder_leaves_without_waiting_for_its_day(office: Office) -> None:
    case_id = asked(office)
    page = text_of(office, f"/situations/{case_id}")
    address = re.findall(rf"/situations/{case_id}/envois/[^/]+/maintenant", page)[0]

    once, again = (send(browser(office, "claire"), address, once=key, generation="2", step="0") for key in "ab")

    drain(office)
    assert (once.status_code, again.status_code) == (303, 409)
    assert "Envoyé sans attendre son jour : rappel de la demande" in text_of(office, f"/situations/{case_id}")


def test_the_story_is_shown_by_views_that_count_what_they_hold(office: Office) -> None:
    case_id = asked(office)
    send(browser(office, "claire"), f"/situations/{case_id}/notes", text="La porte du fond.")
    page = text_of(office, f"/situations/{case_id}")
    views = re.findall(rf'/situations/{case_id}\?voir=(\w+)#histoire"[^>]*>[^<]*<span class="count">(\d+)', page)

    assert {code for code, _ in views} >= {"acts", "messages", "notes"}
    for code, count in views:
        shown = text_of(office, f"/situations/{case_id}?voir={code}")
        assert shown.count('<span class="mark">') == int(count), code
    assert "Équipe seule" in page


def test_a_printed_sheet_names_the_household_only_when_asked(office: Office) -> None:
    case_id = asked(office)
    send(browser(office, "claire"), f"/situations/{case_id}/notes", text="Sa fille passe le mardi.")
    with office.runtime.database.read() as unit:
        case = unit.session.get_one(Case, case_id)
        secrets = (case.household.surname, case.dwelling.street, "Sa fille passe")

    bare, named = (text_of(office, f"/situations/{case_id}/fiche{asks}") for asks in ("", "?nom=oui"))

    assert not any(secret in bare for secret in secrets)
    assert all(secret in named for secret in secrets[:2])
    assert "Orientations" in bare


def test_a_case_says_what_each_partner_may_read(office: Office) -> None:
    page = text_of(office, f"/situations/{asked(office)}")

    assert "Lit la demande seulement : ni nom, ni adresse, ni notes" in page


def test_the_coordination_reads_who_opened_a_case_who_printed_it_and_who_was_refused(office: Office) -> None:
    case_id = make_case(office)
    text_of(office, f"/situations/{case_id}")
    text_of(office, f"/situations/{case_id}/fiche")
    browser(office, "karim").get(f"/situations/{case_id}")

    page = text_of(office, f"/situations/{case_id}/lecteurs")

    for what in ("A ouvert la situation", "A ouvert la fiche à imprimer", "A essayé sans en avoir le droit"):
        assert what in page


def test_a_coming_mail_says_that_the_address_of_its_household_refuses(office: Office) -> None:
    case_id = make_case(office, CaseState.VISIT_PLANNED, email="martni@example.org")
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Case, case_id).household.email_refused_at = unit.now

    page = text_of(office, "/envois")

    assert "Ne partira pas : l’adresse du ménage ne reçoit pas nos messages" in page
    assert "aucune adresse n’est connue" not in page


def test_a_mail_whose_task_is_over_is_no_more_to_come_and_its_case_says_so(office: Office) -> None:
    case_id = make_case(office)
    with office.runtime.database.write("test") as unit:
        message = unit.session.scalars(select(Message).where(Message.text == "new_alert")).one()
        message.task_id = task_of(office, case_id, "triage").id
    assert "nouvelle demande" in text_of(office, "/envois")
    send(browser(office, "claire"), f"/situations/{case_id}/accepter", operator_id=str(office.operator_id))
    drain(office)

    page = text_of(office, f"/situations/{case_id}")
    assert "nouvelle demande" not in text_of(office, "/envois")
    assert "ne partira pas : sa raison d’être a disparu avant l’envoi" in page
