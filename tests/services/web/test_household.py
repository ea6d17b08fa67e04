"""What a household reads and checks by itself: with its letter and its telephone, no account."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from models.cases import Alert, Case, Permission, Referral, Visit
from models.engine import Event, Message, Task
from models.programmes import AccessEntry, Person
from models.vocabulary import CaseState
from services.rules.household import code_of, visit_word
from tests.factories import Office, drain, make_case
from tests.services.web.browser import browser, send

PAGE = "/d/brest/ma-situation"
DOOR = "/d/brest/verifier"


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\N{NO-BREAK SPACE}", " ")


def letter_of(office: Office, case_id: object) -> tuple[str, str]:
    """The code of the letter and the last figures of the telephone."""
    with office.runtime.database.read() as unit:
        case = unit.session.get_one(Case, case_id)
        return code_of(office.runtime.secrets, case), case.household.phones[0].number[-4:]


def word_of(office: Office, case_id: object) -> str:
    with office.runtime.database.read() as unit:
        visit = unit.session.scalars(select(Visit).where(Visit.case_id == case_id)).one()
        return visit_word(office.runtime.secrets, visit.id)


def test_a_letter_and_a_telephone_open_the_page_for_twenty_minutes(office: Office) -> None:
    code, digits = letter_of(office, make_case(office, CaseState.VISIT_PLANNED))
    client = browser(office)

    opened = send(client, PAGE, code=code.lower().replace("-", " "), digits=digits)
    page = plain(client.get(PAGE).text)

    assert (opened.status_code, opened.headers["location"]) == (303, PAGE)
    assert "Votre rendez-vous est fixé." in page
    assert "Prénom de la personne qui vient : Karim" in page
    assert "Lucette" not in page and "Le Goff" not in page and "Siam" not in page  # noqa: PT018 - one idea
    office.clock.at += timedelta(minutes=21)
    assert "Votre code" in client.get(PAGE).text


def test_the_page_says_who_was_asked_for_what(office: Office) -> None:
    code, digits = letter_of(office, make_case(office, CaseState.ORIENTING))
    client = browser(office)

    send(client, PAGE, code=code, digits=digits)

    page = plain(client.get(PAGE).text)
    assert (
        "Parler avec votre propriétaire Nous l’avons demandé à : ADIL du Finistère. Nous attendons la réponse." in page
    )


def test_an_appointment_that_is_over_is_not_shown_as_coming(office: Office) -> None:
    code, digits = letter_of(office, make_case(office, CaseState.VISIT_PLANNED))
    with office.runtime.database.read() as unit:
        office.clock.at = unit.session.scalars(select(Visit.ends_at)).one() + timedelta(minutes=1)
    client = browser(office)
    send(client, PAGE, code=code, digits=digits)
    page = plain(client.get(PAGE).text)

    assert "L’heure de votre rendez-vous est passée." in page
    assert "Votre rendez-vous est fixé" not in page
    assert "Prénom de la personne qui vient" not in page


@pytest.mark.parametrize(("state", "is_helped"), [("in_progress", True), ("completed", True), ("declined", False)])
def test_help_is_in_place_only_where_somebody_took_it_up(office: Office, state: str, is_helped: bool) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Case, case_id).enter(CaseState.IN_FOLLOW_UP)
        unit.session.execute(update(Referral).where(Referral.case_id == case_id).values(state=state))
    code, digits = letter_of(office, case_id)
    client = browser(office)
    send(client, PAGE, code=code, digits=digits)
    page = plain(client.get(PAGE).text)

    assert ("L’aide est en place." in page, "Nous avons fini de chercher." in page) == (is_helped, not is_helped)


def test_a_household_asks_to_be_called_once_a_day_and_reads_by_when(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    code, digits = letter_of(office, case_id)
    client = browser(office)
    send(client, PAGE, code=code, digits=digits)
    before = client.get(PAGE).text

    for said in ("not_helped", "call_me", "nonsense"):
        answered = send(client, f"{PAGE}/reponse", answer=said)
        drain(office)

    page = plain(client.get(PAGE).text)
    assert (answered.status_code, answered.headers["location"]) == (303, PAGE)
    assert re.findall(r'name="answer" value="(\w+)"', before) == ["helped", "not_helped", "call_me"]
    assert "cela ne vous a pas aidé. Merci de nous l’avoir dit. Vous pourrez répondre de nouveau demain." in page
    assert "On vous rappelle, au plus tard le mercredi 22 octobre." in page
    assert 'name="answer"' not in client.get(PAGE).text
    with office.runtime.database.read() as unit:
        types = unit.session.scalars(select(Event.type).where(Event.case_id == case_id).order_by(Event.seq)).all()
        calls = unit.session.scalars(select(Task.party).where(Task.case_id == case_id, Task.kind == "call_back")).all()
        told = unit.session.scalars(select(Message.party).where(Message.text == "call_asked")).all()
    assert types.count("household.answered") == 1
    assert (calls, told) == (["operator"], ["operator"])
    office.clock.at += timedelta(days=1)
    send(client, PAGE, code=code, digits=digits)
    assert 'value="call_me"' in client.get(PAGE).text


def test_who_has_not_opened_the_page_answers_nothing(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)

    answered = send(browser(office), f"{PAGE}/reponse", answer="call_me")

    assert answered.headers["location"] == PAGE
    with office.runtime.database.read() as unit:
        asked = select(Event.id).where(Event.case_id == case_id, Event.type == "household.answered")
        assert unit.session.scalars(asked).all() == []


def test_wrong_figures_and_a_wrong_code_get_the_same_answer_and_five_tries(office: Office) -> None:
    code, digits = letter_of(office, make_case(office, CaseState.TO_CONTACT))
    client = browser(office)

    wrong = [send(client, PAGE, code=code, digits="0000" if digits != "0000" else "1111") for _ in range(5)]
    other = send(client, PAGE, code="26-999-KTRM", digits=digits)
    locked = send(client, PAGE, code=code, digits=digits)

    said = {re.sub(r'value="[^"]*"', "", answer.text) for answer in (*wrong, other)}
    assert {answer.status_code for answer in (*wrong, other)} == {422}
    assert len(said) == 1
    assert locked.status_code == 429
    office.clock.at += timedelta(hours=1)
    assert send(client, PAGE, code=code, digits=digits).status_code == 303


def test_nobody_makes_the_cookie_of_another_household(office: Office) -> None:
    code, digits = letter_of(office, make_case(office))
    client = browser(office)
    send(client, PAGE, code=code, digits=digits)
    kept = client.cookies["relais-menage"]

    forger = browser(office)
    forger.cookies.set("relais-menage", "f" + kept[1:])

    assert "Votre code" in forger.get(PAGE).text


def test_the_visitor_who_knows_the_word_is_confirmed_on_his_day(office: Office) -> None:
    case_id = make_case(office, CaseState.VISIT_PLANNED)
    _, digits = letter_of(office, case_id)
    client, word = browser(office), word_of(office, case_id)

    office.clock.at += timedelta(days=14)
    now = plain(send(client, DOOR, word=f" {word.upper()} ", digits=f"06 12 34 {digits}").text)

    assert "Oui, cette visite est bien la nôtre" in now
    assert "La personne s’appelle Karim." in now


@pytest.mark.parametrize("early", [timedelta(days=14), timedelta(hours=11, minutes=30), timedelta(hours=1, minutes=1)])
def test_nobody_is_let_in_the_evening_before_or_hours_too_soon(office: Office, early: timedelta) -> None:
    case_id = make_case(office, CaseState.VISIT_PLANNED)
    _, digits = letter_of(office, case_id)
    client, word = browser(office), word_of(office, case_id)
    with office.runtime.database.read() as unit:
        office.clock.at = unit.session.scalars(select(Visit.starts_at)).one() - early

    answer = plain(send(client, DOOR, word=word, digits=digits).text)

    assert "Une visite est prévue, mais pas maintenant" in answer
    assert "n’ouvrez pas et appelez-nous" in answer


def test_a_visitor_who_left_is_confirmed_to_nobody(office: Office) -> None:
    case_id = make_case(office, CaseState.VISIT_PLANNED)
    _, digits = letter_of(office, case_id)
    client, word = browser(office), word_of(office, case_id)
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Person, office.karim.id).disabled_at = unit.now
    office.clock.at += timedelta(days=14)

    assert "Karim" not in plain(send(client, DOOR, word=word, digits=digits).text)


def test_a_visitor_without_the_word_is_not_let_in_and_the_try_is_written_down(office: Office) -> None:
    case_id = make_case(office, CaseState.VISIT_PLANNED)
    _, digits = letter_of(office, case_id)
    client, word = browser(office), word_of(office, case_id)

    answers = [
        plain(send(client, DOOR, word=said, digits=called).text)
        for said, called in (("visite", digits), (word, "0000"), (word, digits[1:]), ("", ""))
    ]

    assert all("N’ouvrez pas." in answer for answer in answers)
    with office.runtime.database.read() as unit:
        query = select(AccessEntry.allowed).where(AccessEntry.action == "visit_verified")
        assert unit.session.scalars(query).all() == [False] * 4


def test_the_front_page_says_what_whom_to_call_and_where_to_go(office: Office) -> None:
    page = browser(office).get("/d/brest").text

    assert "Ma maison, mes économies" in page
    assert 'href="tel:+33199001200"' in page
    assert {'/d/brest/demande"', '/d/brest/ma-situation"', '/d/brest/verifier"'} <= set(re.findall(r'/d/[^"]+"', page))
    assert browser(office).get("/d/ailleurs").status_code == 404


REQUEST: dict[str, Any] = {
    "surname": "Le Bihan", "first_name": "Yann", "phone": "06 39 98 77 66", "street": "9 rue de Siam",
    "commune": "Brest", "tenure": "owner", "motives": ["cold"], "urgency": "none", "best_time": "any",
    "agreement": "yes", "agreement_mode": "written",
}  # fmt: skip


def test_a_household_asks_by_itself(office: Office) -> None:
    client = browser(office)

    refused = send(client, "/d/brest/demande", "une", **{**REQUEST, "surname": ""})
    sent = send(client, "/d/brest/demande", "deux", **REQUEST)

    assert refused.status_code == 422
    assert 'value="9 rue de Siam"' in refused.text
    assert sent.headers["location"] == "/d/brest/demande/envoyee"
    with office.runtime.database.read() as unit:
        alert = unit.session.scalars(select(Alert)).one()
        assert (alert.origin, alert.giver_name, alert.organisation_id) == ("self", "Yann Le Bihan", None)


def test_who_answers_the_telephone_opens_the_case_and_reads_it(office: Office) -> None:
    client = browser(office, "claire")
    form: dict[str, Any] = {**REQUEST, "giver_name": "Mme Kerbrat, CCAS", "agreement_mode": "oral"}

    opened = send(client, "/situations/nouvelle", **form)
    again = send(client, "/situations/nouvelle", **form)

    assert "Le Bihan" in client.get(opened.headers["location"]).text
    assert again.headers["location"] == "/situations"
    assert send(browser(office, "karim"), "/situations/nouvelle", **form).status_code == 403
    with office.runtime.database.read() as unit:
        alert = unit.session.scalars(select(Alert)).one()
        assert (alert.origin, alert.giver_name) == ("phone", "Mme Kerbrat, CCAS")


def test_what_a_household_says_on_the_telephone_was_heard_by_who_answered(office: Office) -> None:
    client = browser(office, "claire")

    send(client, "/situations/nouvelle", "une", **REQUEST)
    send(client, "/situations/nouvelle", "deux", **REQUEST, giver_name="Mme Kerbrat, CCAS")

    with office.runtime.database.read() as unit:
        heard = unit.session.scalars(select(Permission.collected_by).order_by(Permission.id)).all()
    assert heard == ["Claire Morvan", "Mme Kerbrat, CCAS"]
