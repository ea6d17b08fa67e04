"""The pages as people use them: from the request for a visit to the partner's answer, each act with its button."""

import re
from typing import Any, Final

import pytest
from sqlalchemy import func, select

from models.cases import Case
from models.engine import Message
from models.programmes import Organisation
from models.vocabulary import CaseState, MessageState
from services import listing
from services.rules.links import alert_url, task_url
from services.web.pages import answers
from services.web.pages import letters as pages_letters
from tests.factories import PDF, Office, deliver_mail, drain, make_case, referral_id_of, state_of, task_of
from tests.services.web.browser import browser, send

TYPED: Final[dict[str, Any]] = {
    "surname": "Quéméner",
    "phone": "06 39 98 12 34",
    "street": "12 rue Jean-Jaurès",
    "commune": "Brest",
    "tenure": "private_tenant",
    "motives": ["cold"],
    "urgency": "none",
    "best_time": "any",
    "giver_name": "Anne Kerbrat",
    "agreement": "yes",
    "agreement_mode": "oral",
}


def alert_address(office: Office) -> str:
    with office.runtime.database.read() as unit:
        return alert_url(office.runtime, unit.session.get_one(Organisation, office.giver_id))


def cases(office: Office) -> int:
    with office.runtime.database.read() as unit:
        return unit.session.scalar(select(func.count()).select_from(Case)) or 0


def test_a_request_for_a_visit_becomes_a_case_and_its_receipt_tells_nothing(office: Office) -> None:
    client = browser(office)
    first = send(client, alert_address(office), **TYPED)
    second = send(client, alert_address(office), once="deux", **TYPED)

    receipts = [client.get(answer.headers["location"]).text for answer in (first, second)]

    assert receipts[0] == receipts[1]
    assert cases(office) == 2


def test_a_button_pressed_twice_acts_once(office: Office) -> None:
    client = browser(office)

    answers = [send(client, alert_address(office), **TYPED) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert cases(office) == 1


def test_a_form_to_correct_comes_back_with_what_was_typed(office: Office) -> None:
    typed = {**TYPED, "phone": "12", "giver_email": "anne@"}

    answer = send(browser(office), alert_address(office), **typed)

    assert answer.status_code == 422
    assert "Quéméner" in answer.text
    assert "phone-error" in answer.text
    assert "giver_email-error" in answer.text


def test_without_the_households_agreement_nothing_leaves(office: Office) -> None:
    typed = {name: value for name, value in TYPED.items() if name != "agreement"}

    answer = send(browser(office), alert_address(office), **typed)

    assert (answer.status_code, cases(office)) == (422, 0)


def test_whoever_asks_for_a_commune_that_is_not_known_reads_whom_to_call(office: Office) -> None:
    answer = send(browser(office), alert_address(office), **TYPED | {"commune": "Lyon"})

    assert (answer.status_code, cases(office)) == (422, 0)
    assert "Est-elle plus loin ? Appelez-nous au" in answer.text.replace("\N{NO-BREAK SPACE}", " ")


def test_a_postcode_of_several_communes_asks_which(office: Office) -> None:
    client = browser(office)

    asked = send(client, alert_address(office), **{**TYPED, "commune": "29820"})
    chosen = send(client, alert_address(office), **{**TYPED, "commune": "29820", "commune_choice": "29011:29820"})

    assert "Bohars (29820)" in asked.text
    assert "Guilers (29820)" in asked.text
    assert chosen.status_code == 303


def test_a_coordinator_accepts_and_the_operator_sees_it(office: Office) -> None:
    case_id = make_case(office)
    assert browser(office, "karim").get(f"/situations/{case_id}").status_code == 404

    send(browser(office, "claire"), f"/situations/{case_id}/accepter", operator_id=str(office.operator_id))
    drain(office)

    assert browser(office, "karim").get(f"/situations/{case_id}").status_code == 200


def test_a_call_is_noted_by_one_press(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    answer = send(browser(office, "karim"), f"/situations/{case_id}/appel", result="reached")

    assert answer.headers["location"] == f"/situations/{case_id}?fait=appel"
    assert state_of(office, case_id) == CaseState.QUALIFIED


def test_a_blocked_number_is_struck_through_and_said(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    client = browser(office, "karim")

    send(client, f"/situations/{case_id}/appel", result="wrong_number")

    page = client.get(f"/situations/{case_id}").text
    assert "<s>" in page
    assert "Faux numéro" in page


def test_a_rule_that_refuses_says_so_on_the_page_of_the_act(office: Office) -> None:
    case_id = make_case(office, CaseState.CONTACTING)

    answer = send(browser(office, "karim"), f"/situations/{case_id}/renoncer")

    assert answer.status_code == 409
    assert "Avant de renoncer, il faut 3 appels" in answer.text


def test_a_report_is_stored_and_downloaded_as_a_file(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    client = browser(office, "karim")

    client.post(
        f"/situations/{case_id}/rapport",
        data={"once": "a", "summary": "Fenêtres à reprendre."},
        files={"file": ("rapport é.pdf", PDF, "application/pdf")},
    )
    page = client.get(f"/situations/{case_id}").text
    address = page.split('href="/documents/')[1].split('"')[0]
    answer = client.get(f"/documents/{address}")

    assert answer.content == PDF
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_refused_file_leaves_nothing_behind(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)

    answer = browser(office, "karim").post(
        f"/situations/{case_id}/rapport",
        data={"once": "a", "summary": "Fenêtres."},
        files={"file": ("rapport.pdf", b"#!/bin/sh", "application/pdf")},
    )

    assert answer.status_code == 422
    assert list((office.runtime.settings.data_folder / "documents").iterdir()) == []


def test_a_partners_answer_is_noted_for_him_with_who_said_it(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    address = f"/situations/{case_id}/orientations/{referral_id_of(office, case_id)}/reponse"
    client = browser(office, "karim")

    without = send(client, address, answer="accept", how="téléphone")
    said = send(client, address, once="b", answer="accept", said_by="Mme Riou", how="téléphone", file_number="A-12")

    assert (without.status_code, said.status_code) == (422, 303)
    assert "A-12" in client.get(f"/situations/{case_id}").text


@pytest.mark.parametrize(("typed", "expected"), [({"answer": "accept"}, 303), ({"answer": "decline"}, 422)])
def test_a_partner_answers_by_his_link(office: Office, typed: dict[str, str], expected: int) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, case_id)
    link = task_url(office.runtime, task_of(office, case_id, "answer_referral"))
    client = browser(office)

    assert send(client, link, **typed).status_code == expected


def test_a_question_that_is_too_long_is_said_beside_it_and_kept(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    link = task_url(office.runtime, task_of(office, case_id, "answer_referral"))

    answer = send(browser(office), link, answer="ask", note_ask="é" * 2001)

    assert answer.status_code == 422
    assert 'href="#note_ask"' in answer.text
    assert "é" * 2001 in answer.text


def test_a_link_dies_with_its_task_but_a_second_press_is_thanked(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    link = task_url(office.runtime, task_of(office, case_id, "answer_referral"))
    client = browser(office)
    send(client, link, answer="accept")

    assert send(client, link, answer="accept").headers["location"] == "/d/brest/merci/accept"
    assert client.get(link).status_code == 410
    assert send(client, link, once="autre", answer="accept").status_code == 410


def test_a_partners_yes_leads_to_the_page_where_the_help_goes_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    link = task_url(office.runtime, task_of(office, case_id, "answer_referral"))
    monkeypatch.setattr(answers, "wait_for_engine", lambda _request, _case_id: drain(office))
    client = browser(office)

    following = send(client, link, answer="accept").headers["location"]
    page = client.get(following).text

    assert following.startswith("/l/")
    assert "C’est noté" in page
    assert "Recevoir un lien pour voir les coordonnées" in page


def test_a_partners_page_names_nobody(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    page = browser(office).get(task_url(office.runtime, task_of(office, case_id, "answer_referral"))).text

    assert "Le Goff" not in page
    assert "fenêtres" not in page
    assert "rue de Siam" not in page


def test_letters_are_printed_together_and_posted_on_a_day(office: Office) -> None:
    case_id = make_case(office)
    client = browser(office, "claire")

    send(client, "/courriers/imprimer")
    page = client.get("/courriers").text
    pdf = client.get("/courriers/" + page.split('href="/courriers/')[1].split('"')[0])
    with office.runtime.database.read() as unit:
        letter = unit.session.scalars(select(Message).where(Message.state == MessageState.PRINTED)).one()
        letter_id = str(letter.id)
    send(client, "/courriers", once="b", letter=letter_id, posted_on="2025-10-06")

    assert pdf.content.startswith(b"%PDF-")
    assert "Posté" in client.get(f"/situations/{case_id}").text
    assert browser(office, "karim").get("/courriers").status_code == 403


def test_letters_come_in_pages_and_a_whole_file_is_posted_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (listing, pages_letters):
        monkeypatch.setattr(module, "PAGE", 2)
    for _ in range(3):
        make_case(office)
    client = browser(office, "claire")

    first, second = (client.get(f"/courriers?page={number}").text for number in (1, 2))
    assert (first.count('class="split"'), second.count('class="split"')) == (2, 1)
    assert "Préparer le PDF des 3 lettres" in first
    assert "1 à 2 sur 3" in first

    send(client, "/courriers/imprimer")
    printed = client.get("/courriers").text
    assert printed.count('name="letter"') == 2
    batch = printed.split('name="batch" value="')[1].split('"')[0]
    send(client, "/courriers", once="b", batch=batch, posted_on="2025-10-06")
    assert "Aucun courrier à poster" in client.get("/courriers").text


def test_the_day_of_an_operator_is_his_own(office: Office) -> None:
    make_case(office, CaseState.TO_CONTACT)

    assert "Appeler le ménage" in browser(office, "karim").get("/a-faire").text
    assert "Rien n’attend de décision" in browser(office, "nadia").get("/a-faire").text


def test_the_coordinator_renews_a_secret_link_and_gives_the_new_one(office: Office) -> None:
    old, claire = alert_address(office), browser(office, "claire")
    assert old in claire.get("/organisations").text

    answer = send(claire, f"/organisations/{office.giver_id}/renouveler")

    assert answer.headers["location"] == "/organisations?fait=lien-renouvele"
    assert alert_address(office) in claire.get("/organisations").text
    assert [browser(office).get(link).status_code for link in (old, alert_address(office))] == [410, 200]


def test_asking_to_renew_a_link_renews_nothing(office: Office) -> None:
    link = alert_address(office)

    assert browser(office, "claire").get(f"/organisations/{office.giver_id}/renouveler").status_code == 200

    assert alert_address(office) == link


def test_an_operator_finds_no_organisations(office: Office) -> None:
    karim = browser(office, "karim")

    answers = [karim.get("/organisations"), send(karim, f"/organisations/{office.giver_id}/renouveler")]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "/organisations" not in karim.get("/a-faire").text


def test_a_mail_that_waits_for_the_morning_is_sent_from_the_story(office: Office) -> None:
    office.clock.at = office.clock.at.replace(hour=21)
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim = browser(office, "karim")
    buttons = re.findall(r'action="(/situations/[^"]+/envoyer)"', karim.get(f"/situations/{case_id}").text)

    answer = send(karim, buttons[0])

    assert answer.headers["location"] == f"/situations/{case_id}?fait=message-envoye"
    assert buttons[0] not in karim.get(f"/situations/{case_id}").text


def test_the_summary_of_errors_names_each_field_in_the_order_of_the_page(office: Office) -> None:
    page = send(browser(office), alert_address(office)).text

    named = re.findall(r'<li><a href="#(\w+)">([^<]+) – ', page)
    assert named[:4] == [
        ("surname", "Nom de la personne"), ("phone", "Téléphone"), ("street", "Numéro et rue"), ("commune", "Commune"),
    ]  # fmt: skip


def test_an_act_is_offered_once_on_the_page_of_a_case(office: Office) -> None:
    case_id = make_case(office)

    page = browser(office, "claire").get(f"/situations/{case_id}").text

    assert [page.count(f'href="/situations/{case_id}/{act}"') for act in ("accepter", "refuser")] == [1, 1]


def test_a_report_without_anything_is_corrected_once(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)

    page = send(browser(office, "karim"), f"/situations/{case_id}/rapport", summary="").text

    assert "2 points sont à corriger" in page


def test_a_visit_already_made_is_noted_from_the_case(office: Office) -> None:
    case_id = make_case(office, CaseState.QUALIFIED)
    karim, here = browser(office, "karim"), f"/situations/{case_id}"
    assert f"{here}/visite/deja-faite" in karim.get(here).text
    when = {"hour": "10:00", "minutes": "60", "danger": ""}

    ahead = send(karim, f"{here}/visite/deja-faite", "a", starts_at="2025-12-01", **when)
    done = send(karim, f"{here}/visite/deja-faite", "b", starts_at="2025-10-03", **when)

    assert (ahead.status_code, done.status_code) == (422, 303)
    assert state_of(office, case_id) == CaseState.VISITED
