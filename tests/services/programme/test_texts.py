"""Texts in a programme's own words: begun from what ships, filled without a template engine, sent instead of it."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import select

from deployments.publishing import read_pathway
from models.engine import Message
from models.programmes import Programme
from models.vocabulary import CaseState, Channel, Party
from services.foundation.errors import Conflict, Denied, InvalidInput
from services.foundation.runtime import Runtime, use
from services.programme import texts
from services.programme.texts import RestoreForm, TextForm
from services.rules import outline
from services.rules.casework import Hand
from services.rules.outline import TextKey
from services.rules.rendering import render_message
from services.rules.texts import own
from services.rules.texts.catalogue import TextContext, render
from services.rules.texts.own import Words
from tests.factories import Office, make_case, make_office

REQUEST = TextKey("referral_request", Party.PARTNER, Channel.EMAIL)
RECEIPT = TextKey("alert_receipt", Party.ALERT_GIVER, Channel.EMAIL)
REMINDER = TextKey("visit_reminder", Party.HOUSEHOLD, Channel.SMS)
QUESTION = TextKey("follow_up_question", Party.HOUSEHOLD, Channel.SMS)
LETTER = TextKey("please_call", Party.HOUSEHOLD, Channel.LETTER)
SENT = list(outline.texts(read_pathway()))


@pytest.fixture
def office(runtime: Runtime) -> Office:
    """The Slime of Brest."""
    return make_office(runtime)


@pytest.fixture
def context(office: Office) -> TextContext:
    with use(office.runtime), office.runtime.database.read() as unit:
        return texts.sample(unit, unit.session.get_one(Programme, office.programme_id), REQUEST)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_text_that_is_begun_and_left_as_it_is_says_what_ships(context: TextContext) -> None:
    assert len(SENT) > 70
    for key in SENT:
        begun = own.shipped(*key)

        assert own.faults(own.spelled(begun), *key) == [], key
        assert own.write(begun, *key, context) == render(*key, context), key


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_line_with_an_unknown_field_is_left_out_with_the_line_that_announces_it(context: TextContext) -> None:
    words = Words(
        "Bonjour [référence]", "Suivre :\n[lien vers les demandes]\n\nÀ [commune]\nPour [type de solution]\n[signature]"
    )
    known = replace(context, requests_link=None, theme=None, commune="Brest [lien] {{ 7*7 }}", signer_name="<b>Eve</b>")

    subject, body = own.write(words, *RECEIPT, known)

    assert subject == "Bonjour 2025-00231"
    assert body.startswith("À Brest [lien] {{ 7*7 }}\n")
    assert "Suivre" not in body
    assert "Pour" not in body.splitlines()[1]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_cannot_be_said_without_a_hole_is_said_as_it_ships(context: TextContext) -> None:
    sms = Words("", "[nom du service] : [prénom du visiteur] passe [rendez-vous].")
    nobody = replace(context, officer=None)
    mail = Words("Pour le [jour de l’échéance]", "[type de solution]")
    bare = replace(context, theme=None, due_at=None)

    assert "Camille passe" in own.write(sms, *REMINDER, context).body
    assert own.write(sms, *REMINDER, nobody) == render(*REMINDER, nobody)
    new_alert = TextKey("new_alert", Party.COORDINATOR, Channel.EMAIL)
    assert own.write(mail, *new_alert, bare) == render(*new_alert, bare)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_subject_says_that_a_request_presses_as_the_one_that_ships_does(context: TextContext) -> None:
    def subject(urgent: bool | None, words: str) -> str:
        return own.write(Words(words, "[lien]"), *REQUEST, replace(context, urgent=urgent)).subject

    assert subject(True, "Une demande pour vous") == "Urgent\N{NO-BREAK SPACE}: Une demande pour vous"
    assert subject(True, "Demande urgente") == "Demande urgente"
    assert subject(None, "Une demande pour vous") == "Une demande pour vous"


@pytest.mark.parametrize(
    ("key", "words", "field", "sentence"),
    [
        (REQUEST, Words("A", "[lien]\n[comune]"), "body", "vouliez-vous dire « [commune] »"),
        (REQUEST, Words("A", "[lien]\n[rendez-vous]"), "body", "Ce message ne connaît pas « [rendez-vous] »"),
        (REQUEST, Words("", "[lien]"), "subject", "Il manque l’objet."),
        (REQUEST, Words("A", "Bonjour"), "body", "doit porter son lien"),
        (REQUEST, Words("A", "Ici : [lien]"), "body", "seul sur sa ligne"),
        (REQUEST, Words("De [signataire]", "[lien]"), "subject", "L’objet d’un message ne nomme personne"),
        (REQUEST, Words("A", "[lien]\n[commune"), "body", "Un crochet est seul"),
        (LETTER, Words("A", "Bonjour [ménage], de [signataire]"), "body", "ne connaît pas « [signataire] »"),
        (REMINDER, Words("", "[commune]"), "body", "ne connaît pas « [commune] »"),
        (QUESTION, Words("", "Ça va ?"), "body", "gardez le mot « STOP »"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(key: TextKey, words: Words, field: str, sentence: str) -> None:
    found = [
        fault for fault in own.faults(words, *key) if sentence in fault.sentence.replace("\N{NO-BREAK SPACE}", " ")
    ]

    assert [fault.field for fault in found][:1] == [field]


def save(office: Office, key: TextKey, subject: str, body: str, version: int = 0, *, by: str = "claire") -> None:
    with use(office.runtime), office.runtime.database.write("test") as unit:
        texts.save(unit, Hand(getattr(office, by)), key, TextForm(subject=subject, body=body, version=version))


def written(office: Office, case_id: UUID) -> tuple[str, str]:
    with use(office.runtime), office.runtime.database.read() as unit:
        message = unit.session.scalars(
            select(Message).where(Message.case_id == case_id, Message.text == RECEIPT.text)
        ).one()
        rendered = render_message(unit, message)
        return rendered.subject, rendered.body


def test_a_version_that_never_was_is_refused_in_a_sentence(office: Office) -> None:
    with use(office.runtime), office.runtime.database.write("test") as unit, pytest.raises(Conflict, match="relisez"):
        texts.restore(unit, Hand(office.claire), RECEIPT, RestoreForm(version=7))


def test_what_leaves_is_in_the_words_of_the_programme_until_they_are_given_up(office: Office) -> None:
    case_id = make_case(office, CaseState.TRIAGE)
    before = written(office, case_id)

    save(office, RECEIPT, "Merci [reference]", "Merci pour [COMMUNE].\n[type de solution]\n\n[signature]")
    after = written(office, case_id)

    assert after[0] == "Merci 2025-00001"
    assert after[1].startswith("Merci pour Brest.\n\nOù en sont toutes vos demandes")
    with pytest.raises(Conflict, match="Claire Morvan"):
        save(office, RECEIPT, "A", "B")
    with use(office.runtime), office.runtime.database.write("test") as unit:
        texts.restore(unit, Hand(office.claire), RECEIPT, RestoreForm(version=1))
        versions = texts.sheet(unit, office.claire, RECEIPT).versions
    assert written(office, case_id) == before
    assert [(each.number, each.words is None, each.by) for each in versions] == [
        (2, True, "Claire Morvan"),
        (1, False, "Claire Morvan"),
    ]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_text_is_kept_out_with_a_sentence(office: Office) -> None:
    with pytest.raises(InvalidInput, match="SMS"):
        save(office, REMINDER, "", "Bonjour " * 60)
    with pytest.raises(InvalidInput, match="qu’à une personne"):
        save(office, RECEIPT, "A", f"{office.runtime.settings.public_url}/l/x")
    with pytest.raises(Denied):
        save(office, RECEIPT, "A", "B", by="karim")
