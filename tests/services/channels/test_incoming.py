"""Any mail is read without an accident: its writer's own words, the mail of ours that it answers, or which machine."""

import time
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import IncomingKind, Suggestion
from services.channels import incoming
from services.channels.incoming import Incoming, suggested
from services.channels.quoting import LONGEST_TEXT, typed
from tests import mails
from tests.mails import OURS, reply

OWN = frozenset({"relais@vald-orne.example"})
NIR = "2 55 08 14 168 025 38"


def read(content: bytes, size: int | None = None) -> Incoming:
    return incoming.read_incoming(content, size=size or len(content), own=OWN)


def test_a_reply_names_its_writer_and_the_mail_that_it_answers() -> None:
    found = read(reply())

    assert (found.kind, found.sender, found.answers[0]) == (IncomingKind.REPLY, "contact@adil.example", OURS)
    assert found.text == "Bonjour,\n\nNous prenons la demande."


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (mails.GMAIL_QUOTE, "Bonjour,\n\nC'est d'accord pour nous.\n\nHélène Roux\nADIL du Vald’Orne"),
        (
            mails.OUTLOOK_QUOTE,
            "Bonjour,\n\nNous ne pouvons pas : complet jusqu’en janvier.\n\nBien à vous,\nMarc Petit",
        ),
        (mails.BELOW_QUOTE, "Oui, volontiers.\n\nTrois semaines."),
        ("Vu.\n\n-----Message d'origine-----\nDe : x\nEnvoyé : y\nObjet : z\n\nBonjour", "Vu."),
        ("-----Message d'origine-----\nDe : x\nEnvoyé : y\nObjet : z\n\nPris en charge.", "Pris en charge."),
        ("Le bailleur nous a écrit :\nil fera les travaux.", "Le bailleur nous a écrit :\nil fera les travaux."),
        ("Le bailleur accepte.\n\nLe 2 avril 2026, Relais a écrit :\n> Bonjour", "Le bailleur accepte."),
        ("On s’en charge.\nLe 2 avril, Relais <r@x.fr> a écrit :\n> Bonjour", "On s’en charge."),
        ("Pris.\n\nLe jeu. 9 oct. à 09:02,\nRelais <r@x.fr>\na écrit :\n> Bonjour", "Pris."),
        ("> rien que des citations\n> et rien d'autre", ""),
        ("", ""),
    ],
    ids=[
        "gmail",
        "outlook",
        "below",
        "original",
        "below original",
        "no quote",
        "begins like a quote",
        "just above the quote",
        "broken over three lines",
        "quotes only",
        "empty",
    ],
)
def test_what_was_typed_is_kept_and_what_was_quoted_is_cut(text: str, kept: str) -> None:
    assert typed(text) == kept


def test_a_mail_of_html_only_is_read_without_its_markup() -> None:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["Message-ID"] = "contact@adil.example", "<html@adil.example>"
    mail.set_content(mails.OUTLOOK_HTML, subtype="html")

    assert read(mail.as_bytes()).text == "Bonjour,\n\nLe bailleur a répondu\xa0: travaux en mars."


def test_plain_text_is_preferred_to_html_unless_it_is_empty() -> None:
    mail = EmailMessage(policy=SMTP)
    mail.set_content(" \n")
    mail.add_alternative("<p>Oui</p>", subtype="html")

    assert read(mail.as_bytes()).text == "Oui"


@pytest.mark.parametrize(
    ("declared", "encoded"),
    [
        ("utf-8", "utf-8"),
        ("iso-8859-1", "cp1252"),  # what Windows programs send under this name
        ("iso-8859-15", "iso-8859-15"),
        ("utf-8", "cp1252"),  # and what others send under the wrong one
        ("x-unknown", "utf-8"),
        ("us-ascii", "utf-8"),
    ],
)
def test_accents_survive_whatever_the_charset_says(declared: str, encoded: str) -> None:
    head = f"From: a@b.example\nContent-Type: text/plain; charset={declared}\nContent-Transfer-Encoding: 8bit\n\n"

    assert read(head.encode() + "Réponse à l'école".encode(encoded)).text == "Réponse à l'école"


def test_files_are_refused_by_name_and_the_logo_of_a_signature_is_none() -> None:
    mail = EmailMessage(policy=SMTP)
    mail.set_content("Ci-joint le devis.")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="devis\r\n été.pdf")
    mail.add_attachment(b"x", maintype="image", subtype="png", disposition="inline", cid="<logo>", filename="logo.png")

    found = read(mail.as_bytes())

    assert (found.text, found.refused) == ("Ci-joint le devis.", ("devis été.pdf",))


def test_a_social_security_number_and_our_own_links_are_masked() -> None:
    found = read(reply(text=f"NIR {NIR}, voir https://relais.example/l/0123.abc et https://adil.example/aide"))

    assert "55 08" not in found.text
    assert "/l/" not in found.text
    assert "https://adil.example/aide" in found.text


def test_what_no_database_takes_is_left_out() -> None:
    found = read(reply(text="a\x00b\u202ec\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace")))

    assert not set(found.text) & {"\x00", "\u202e"}


def test_a_mail_longer_than_is_read_is_cut_and_says_so() -> None:
    content = reply(text="début\n" + "x" * 3000)

    assert read(content, size=20_000_000).is_cut
    assert not read(content).is_cut
    assert len(read(reply(text="mot " * LONGEST_TEXT)).text) <= LONGEST_TEXT


@pytest.mark.parametrize("filler", ["> ", "Le a écrit ", "De : x\n", "<div>", "1 55 08 "], ids=repr)
def test_ten_megabytes_of_anything_are_read_in_seconds(filler: str) -> None:
    content = b"From: a@b.example\nContent-Type: text/html\n\n" + (filler * (10_000_000 // len(filler))).encode()
    started = time.monotonic()

    read(content)

    assert time.monotonic() - started < 8


@pytest.mark.parametrize("content", [mails.EXCHANGE_ABSENCE, mails.GMAIL_ABSENCE, mails.OLD_ABSENCE])
def test_an_absence_is_automatic_whatever_the_program(content: bytes) -> None:
    found = read(content)

    assert (found.kind, found.answers[0]) == (IncomingKind.AUTOMATIC, OURS)
    assert found.suggestion is None


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner-email=x@y.example"},
        {"X_Autoreply": "yes"},
        {"Precedence": "bulk"},
        {"Return_Path": "<>"},
        {"Subject": "Réponse automatique : Demande"},
        {"Subject": "Message d’absence"},
        {"Subject": "Out of office: Demande"},
    ],
)
def test_a_machine_is_recognised_by_its_head(fields: dict[str, str]) -> None:
    assert read(reply(**fields)).kind is IncomingKind.AUTOMATIC


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "no"},
        {"Precedence": "list"},
        {"Subject": "Re: votre message sur l’absence de chauffage"},
        {"Subject": ""},
        {"X_Auto_Response_Suppress": "OOF"},
    ],
)
def test_a_person_is_not_taken_for_a_machine(fields: dict[str, str]) -> None:
    assert read(reply(**fields)).kind is IncomingKind.REPLY


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (mails.postfix_bounce(), "5.1.1"),
        (mails.postfix_bounce(status="4.4.1"), "4.4.1"),  # given up after days: the server says "failed"
        (mails.EXCHANGE_BOUNCE, "5.1.10"),
        (mails.GMAIL_BOUNCE, "5.1.1"),
        (mails.QMAIL_BOUNCE, "5.1.1"),
    ],
    ids=["postfix", "postfix expired", "exchange", "gmail", "qmail"],
)
def test_a_bounce_names_our_mail_and_why_it_failed(content: bytes, status: str) -> None:
    found = read(content)

    assert found.bounce is not None
    assert (found.kind, found.bounce.status, found.answers[0]) == (IncomingKind.BOUNCE, status, OURS)
    assert found.bounce.recipients <= {"contact@adil.example"}
    assert found.refused == ()


def test_a_delay_and_a_receipt_are_neither_bounces_nor_replies() -> None:
    assert read(mails.POSTFIX_DELAY).kind is IncomingKind.DELAY
    assert read(mails.RECEIPT).kind is IncomingKind.NOTICE


def test_our_own_address_writing_to_us_is_a_loop() -> None:
    assert read(reply(From="Mon logement <Relais@vald-orne.example>")).kind is IncomingKind.LOOP


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("ACCEPTE", Suggestion.ACCEPT),
        ("Oui, nous acceptons.", Suggestion.ACCEPT),
        ("Oui !", Suggestion.ACCEPT),
        ("Oui mais pas avant juin", None),
        ("Bonjour,\n\nAccepté, nous appelons la famille.", Suggestion.ACCEPT),
        ("REFUSE complet", Suggestion.FULL),
        ("Madame,\nComplet jusqu’en janvier", Suggestion.FULL),
        ("Refus : hors de notre secteur", Suggestion.DECLINE),
        ("RDV 12/03 14h", Suggestion.APPOINTMENT),
        ("Terminé", Suggestion.DONE),
        ("Nous n’avons pas accepté.", None),
        ("Merci", None),
        ("", None),
    ],
)
def test_the_first_words_suggest_what_they_plainly_say(text: str, meaning: Suggestion | None) -> None:
    assert suggested(text) is meaning


def test_a_mail_without_an_id_is_known_by_its_bytes() -> None:
    bare = reply(Message_ID="")

    assert read(bare).message_id == read(bare).message_id
    assert read(bare).message_id != read(reply(Message_ID="", Subject="Autre")).message_id


def nested(depth: int) -> bytes:
    head = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(depth))
    return f"From: a@b.example\n{head}Content-Type: text/plain\n\nau fond\n".encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff" * 500,
        b"Subject: =?utf-8?B?####?=\nFrom: =?x?Q?=FF?= <\n\n\xff",
        b"Content-Type: text/plain; charset*=utf-8''%ZZ; name*0*=x\n\nbonjour",
        b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n--x--",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Transfer-Encoding: base64\n\n%%%",
        nested(60),
        nested(2000),
    ],
)
def test_a_broken_mail_is_read_as_far_as_it_goes(content: bytes) -> None:
    assert read(content).kind in {IncomingKind.REPLY, IncomingKind.UNREADABLE}


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reading(content: bytes) -> None:
    assert read(b"From: a@b.example\nContent-Type: text/html\n" + content).message_id
