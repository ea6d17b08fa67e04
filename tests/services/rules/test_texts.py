"""What the engine may write: to whom, how long, with which words, and what never appears. `_` is a French space."""

import re
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jinja2 import meta
from pydantic import ValidationError

import services
from models import vocabulary
from models.events import FACTS
from models.pathway import Pathway, Rule
from models.vocabulary import (
    Channel,
    ClosureOutcome,
    Danger,
    MessageState,
    Party,
    RejectionReason,
    Theme,
)
from services.foundation import yaml_files
from services.rules.aged_sheets import VERIFY
from services.rules.news import MONTHLY, Group, Line
from services.rules.texts import labels
from services.rules.texts.catalogue import (
    Catalogue,
    Rendered,
    TextContext,
    TextIncomplete,
    TextMissing,
    environment,
    load,
    missing,
    render,
)
from services.rules.texts.labels import LabelMissing, event_sentence, inside, label, message_label
from services.rules.texts.mail import BadHeader, Draft, blocks, compose
from services.rules.texts.typography import GSM_7, french, gsm_7, shortened

PARIS = ZoneInfo("Europe/Paris")
SLIME = Pathway.model_validate(
    yaml_files.read(Path(__file__).parents[3].joinpath("deployments/pathways/slime.yaml").read_text(encoding="utf-8"))
)
LINK = "https://relais.example/t/abcdef"
REQUESTS_LINK = "https://relais.example/demandes/abcdef"
POSTER_LINK = "https://relais.example/demande/abcdef/affiche"
CONTEXT = TextContext(
    programme_name="Mieux chez soi en Vald’Orne",
    programme_phone="+33233000001",
    programme_email="contact@valdorne.example",
    city="Alençon",
    reference="2026-00042",
    commune="Sées",
    signer_name="Claire Morvan",
    signer_phone="+33233000002",
    zone=PARIS,
    organisation="MDS Est",
    addressee="Madame Martin",
    theme="landlord_mediation",
    partner="ADIL",
    task="Appeler le ménage une première fois",
    responsible="operator",
    due_at=datetime(2026, 9, 30, 16, tzinfo=UTC),
    visit_starts_at=datetime(2026, 9, 30, 12, 30, tzinfo=UTC),
    visit_ends_at=datetime(2026, 9, 30, 14, 30, tzinfo=UTC),
    meets_at=datetime(2026, 10, 6, 8, 30, tzinfo=UTC),
    destination="Slime de Quimper",
    destination_phone="+33298000002",
    officer="Nadia Belkacem",
    visit_word="cerise",
    reason="out_of_territory",
    outcome="solved",
    stage="visit",
    danger="gas",
    urgent=True,
    for_good=True,
    same_time=True,
    others_asked=True,
    to_signer=True,
    cut_on=date(2026, 10, 20),
    cut_lawful_on=date(2027, 4, 1),
    solutions=("landlord_mediation", "health", "budget"),
    requests=(Group("MDS Est", (Line("2026-00042", "Sées", "visit", "visit.planned"),), REQUESTS_LINK, POSTER_LINK),)
    * 2,
    other_requests=2,
    sheets=(("Médiation locative", LINK), ("Permanence juridique", LINK)),
    link=LINK,
    requests_link=REQUESTS_LINK,
    carrier="Département de Vald’Orne",
    postal_address="1 place du Marché, 61000 Alençon",
    dpo_contact="dpo@valdorne.example",
)
OPTIONAL = {field.name for field in fields(TextContext) if field.default is None}
READERS = sorted((text, *key.split(".")) for text, readers in load().texts.items() for key in readers)
TO_HOUSEHOLDS = [reader for reader in READERS if reader[1] == Party.HOUSEHOLD]
LETTERS = [reader for reader in READERS if reader[2] == Channel.LETTER]
SMS = [reader for reader in READERS if reader[2] == Channel.SMS]
MAILS = [reader for reader in READERS if reader[2] == Channel.EMAIL]
TO_PROFESSIONALS = [reader for reader in MAILS if reader[1] != Party.HOUSEHOLD]
NEVER_TO_A_HOUSEHOLD = (
    "précarité",
    "dossier",
    "bénéficiaire",
    "signalement",
    "dette",
    "impayé",
    "santé",
    "consentement",
)
MOTIVES = ("impayé", "dette", "facture", "froid", "chauffage", "énergie", "coupure", "humidité", "aide", "social")


def visible(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", "_")


def written(reader: tuple[str, str, str], **changes: object) -> Rendered:
    return render(*reader, replace(CONTEXT, **changes))  # type: ignore[arg-type]


# -- The catalogue


def test_the_default_pathway_lacks_no_text_and_no_label() -> None:
    assert missing(SLIME) == []


def test_what_a_pathway_uses_and_nobody_wrote_is_named() -> None:
    rule = Rule.model_validate({"then": [{"send": "birthday_card", "to": "partner", "by": "email"}, {"open": "dance"}]})
    pathway = SLIME.model_copy(update={"events": {"case.closed": rule}, "tasks": {"dance": SLIME.tasks["triage"]}})

    assert [visible(sentence) for sentence in missing(pathway) if "birthday" in sentence or "dance" in sentence] == [
        "Le texte «_birthday_card_» (partner.email) n’est pas écrit.",
        "Le libellé de la tâche «_dance_» n’est pas écrit.",
    ]


@pytest.mark.parametrize("reader", READERS)
def test_every_text_can_be_written(reader: tuple[str, str, str]) -> None:
    subject, body = written(reader)

    assert body.strip()
    assert bool(subject) == (reader[2] in {Channel.EMAIL, Channel.LETTER})
    assert "{" not in subject + body
    assert "None" not in subject + body


def test_a_text_asks_for_nothing_that_a_context_cannot_hold() -> None:
    catalogue = load()
    sources = [*catalogue.parts.values()]
    sources += [
        source
        for readers in catalogue.texts.values()
        for text in readers.values()
        for source in (text.subject, text.body)
    ]

    asked = {name for source in sources for name in meta.find_undeclared_variables(environment().parse(source))}

    assert asked - {"action", "awaited", "told"} <= set(CONTEXT.known())  # the last two: of several texts at once


@pytest.mark.parametrize("reader", READERS)
def test_no_text_needs_more_than_what_the_engine_always_knows_or_says_what_it_lacks(
    reader: tuple[str, str, str],
) -> None:
    bare = TextContext(**{name: value for name, value in vars(CONTEXT).items() if name not in OPTIONAL})

    assert "None" not in body_or_what_lacks(reader, bare)


def body_or_what_lacks(reader: tuple[str, str, str], context: TextContext) -> str:
    try:
        return render(*reader, context).body
    except TextIncomplete as refused:
        return refused.lacking


def test_a_text_with_a_hole_is_not_written() -> None:
    with pytest.raises(TextIncomplete, match="due_at"):
        render("referral_request", Party.PARTNER, Channel.EMAIL, replace(CONTEXT, due_at=None))


def test_a_request_to_a_partner_is_not_written_without_its_link() -> None:
    with pytest.raises(TextIncomplete, match="link"):
        render("referral_request", Party.PARTNER, Channel.EMAIL, replace(CONTEXT, link=None))


def test_an_unknown_text_is_a_fault_of_the_installation() -> None:
    with pytest.raises(TextMissing, match="birthday_card"):
        render("birthday_card", Party.PARTNER, Channel.EMAIL, CONTEXT)


def test_a_catalogue_names_known_readers_only() -> None:
    with pytest.raises(ValidationError, match="unknown reader"):
        Catalogue.model_validate(
            {
                "version": 1,
                "source": "",
                "parts": {},
                "texts": {"x": {"neighbour.email": {"subject": "x", "body": "x"}}},
            }
        )


# -- What is never written


@pytest.mark.parametrize("reader", TO_PROFESSIONALS)
def test_a_mail_says_nothing_of_the_household(reader: tuple[str, str, str]) -> None:
    subject, body = written(reader, addressee="Madame Canari")

    assert "canari" not in (subject + body).lower()


@pytest.mark.parametrize("reader", [reader for reader in TO_HOUSEHOLDS if reader[2] != Channel.LETTER])
def test_only_a_letter_greets_the_household_by_name(reader: tuple[str, str, str]) -> None:
    assert "canari" not in written(reader, addressee="Madame Canari").body.lower()


@pytest.mark.parametrize("reader", [*MAILS, *LETTERS])
def test_a_subject_names_nobody_and_no_place(reader: tuple[str, str, str]) -> None:
    canaries = ("addressee", "signer_name", "officer", "partner", "organisation", "commune", "city", "carrier")

    subject = written(reader, **{name: f"Canari {name}" for name in canaries}).subject

    assert "canari" not in subject.lower()


@pytest.mark.parametrize(
    "reader", [each for each in TO_PROFESSIONALS if not each[0].startswith(("account_", MONTHLY, VERIFY))]
)
def test_a_subject_says_which_case(reader: tuple[str, str, str]) -> None:
    assert written(reader).subject.endswith(" – situation 2026-00042")


@pytest.mark.parametrize("reader", TO_PROFESSIONALS)
@pytest.mark.parametrize("theme", [Theme.HEALTH, Theme.BUDGET])
def test_a_mail_says_neither_health_nor_budget(reader: tuple[str, str, str], theme: Theme) -> None:
    body = written(reader, theme=theme.value).body.lower()

    assert "santé" not in body
    assert "budg" not in body


@pytest.mark.parametrize("reader", [reader for reader in MAILS if reader[1] == Party.ALERT_GIVER])
def test_an_alert_giver_reads_neither_partner_nor_visit_date(reader: tuple[str, str, str]) -> None:
    body = written(reader, partner="Canari", officer="Canari", due_at=datetime(2026, 10, 2, 16, tzinfo=UTC)).body

    assert "Canari" not in body
    assert "30" not in body.replace(LINK, "")


@pytest.mark.parametrize("reader", [reader for reader in MAILS if reader[1] == Party.ALERT_GIVER])
def test_an_alert_giver_is_thanked(reader: tuple[str, str, str]) -> None:
    assert "Merci" in written(reader).body


def test_an_alert_giver_cannot_tell_a_known_household_from_another() -> None:
    told = {label("rejection_told", reason) for reason in (RejectionReason.DUPLICATE, RejectionReason.OVER_INCOME)}

    assert told == {label("rejection_told", RejectionReason.ALREADY_ACCOMPANIED)}


@pytest.mark.parametrize("reason", RejectionReason)
def test_an_alert_giver_reads_no_income_in_a_rejection(reason: RejectionReason) -> None:
    told = replace(CONTEXT, reason=reason.value)

    body = render("milestone_rejected", Party.ALERT_GIVER, Channel.EMAIL, told).body.lower()

    assert not any(word in body for word in ("revenu", "plafond", "doublon", "déjà"))


@pytest.mark.parametrize("reader", TO_HOUSEHOLDS)
def test_a_household_never_reads_the_words_of_the_trade(reader: tuple[str, str, str]) -> None:
    for theme in Theme:
        subject, body = written(reader, theme=theme.value)

        assert (theme, [word for word in NEVER_TO_A_HOUSEHOLD if word in (subject + body).lower()]) == (theme, [])


@pytest.mark.parametrize("reason", RejectionReason)
def test_a_rejection_gives_another_contact_and_no_word_of_the_trade(reason: RejectionReason) -> None:
    body = render("rejection", Party.HOUSEHOLD, Channel.LETTER, replace(CONTEXT, reason=reason.value)).body

    assert "0_800" not in visible(body)
    assert "0 808 800 700" in body
    assert [word for word in NEVER_TO_A_HOUSEHOLD if word in body.lower()] == []


@pytest.mark.parametrize("reader", LETTERS)
def test_a_letter_is_signed_with_a_first_name_a_service_and_a_telephone(reader: tuple[str, str, str]) -> None:
    body = visible(written(reader).body)

    assert body.endswith("Claire\nMieux chez soi en Vald’Orne\nTéléphone_: 02_33_00_00_02\n")
    assert "Morvan" not in body


@pytest.mark.parametrize("reader", LETTERS)
def test_a_letter_keeps_its_sentences_short(reader: tuple[str, str, str]) -> None:
    sentences = re.split(r"[.?!:]\s|\n", visible(written(reader).body))

    assert [sentence for sentence in sentences if len(sentence.split()) > 24] == []


def test_the_coordination_signs_with_its_whole_name() -> None:
    body = render("door_open", Party.HOUSEHOLD, Channel.LETTER, replace(CONTEXT, signer_name="La coordination")).body

    assert "\nLa coordination\n" in body


def test_the_notice_says_who_why_how_long_and_which_rights() -> None:
    body = render("household_notice", Party.HOUSEHOLD, Channel.LETTER, CONTEXT).body

    for said in ("MDS Est", "Département de Vald’Orne", "intérêt public", "Deux ans", "CNIL", "dpo@valdorne.example"):
        assert said in body
    for kept in ("e-mail", "langue", "année de naissance", "revenus", "grossesse", "handicap", "vous représente"):
        assert kept in body
    assert len(body) < 2200


def test_an_absence_at_an_appointment_blames_nobody() -> None:
    body = render("visit_missed", Party.HOUSEHOLD, Channel.LETTER, CONTEXT).body.lower()

    assert "nous n’avons pas pu nous voir" in body
    assert not any(word in body for word in ("annul", "absen", "oubli"))


def test_a_voicemail_names_no_motive_and_no_debt() -> None:
    body = render("voicemail", Party.OPERATOR, "screen", replace(CONTEXT, programme_name="Mieux chez soi")).body

    assert [word for word in MOTIVES if word in body.lower()] == []
    assert "02_33_00_00_02" in visible(body)


OF_OLDER_PATHWAYS = (
    "milestone_accepted", "milestone_visit_planned", "milestone_visit_held", "milestone_report",
    "milestone_orientation", "milestone_partner_accepted", "milestone_partner_done", "milestone_joined",
)  # fmt: skip


@pytest.mark.parametrize("text", OF_OLDER_PATHWAYS)
def test_what_only_an_older_pathway_sends_can_still_be_written(text: str) -> None:
    """A case keeps the pathway that it is pinned to; these are of versions 1 to 7, the last of 8 to 11."""
    assert written((text, "alert_giver", "email")).subject


# -- Short messages


@pytest.mark.parametrize("changes", [{}, {"for_good": None, "same_time": None}], ids=["", "as usual"])
@pytest.mark.parametrize("reader", SMS)
def test_an_sms_holds_in_one(reader: tuple[str, str, str], changes: dict[str, object]) -> None:
    name = "Mieux chez soi avec la communauté de l’Île-d’Œuvre"
    body = written(reader, programme_name=name, today=date(2025, 1, 1), **changes).body

    assert len(body) <= 160
    assert set(body) <= GSM_7
    assert body.startswith("Mieux chez soi")
    assert "02 33 00 00 01" in body


@pytest.mark.parametrize("reader", SMS)
def test_an_sms_names_no_motive(reader: tuple[str, str, str]) -> None:
    assert [word for word in MOTIVES if word in written(reader).body.lower()] == []


def test_what_an_sms_cannot_write_is_simplified() -> None:
    assert gsm_7("L’Œuvre «\N{NO-BREAK SPACE}Être\N{NO-BREAK SPACE}» – ça – 王") == 'L\'OEuvre " Etre " - ca - ?'


def test_a_long_name_is_cut_between_words() -> None:
    assert shortened("Mieux chez soi", 10) == "Mieux chez"
    assert shortened("Anticonstitutionnel", 6) == "Antico"


# -- Dates and spaces


@pytest.mark.parametrize(
    "reader", [reader for reader in TO_HOUSEHOLDS if reader[0] in {"visit_confirmation", "visit_reminder"}]
)
def test_an_appointment_says_the_day_and_the_hours(reader: tuple[str, str, str]) -> None:
    body = written(reader).body.replace("\N{NO-BREAK SPACE}", " ")

    assert "mercredi 30 septembre, de 14 h 30 à 16 h 30" in body


def test_an_appointment_without_end_says_when_it_starts() -> None:
    body = render("visit_confirmation", Party.HOUSEHOLD, Channel.EMAIL, replace(CONTEXT, visit_ends_at=None)).body

    assert "mercredi 30_septembre, à 14_h_30." in visible(body)


def test_a_deadline_is_told_on_the_clocks_of_the_programme() -> None:
    body = render(
        "referral_request", Party.PARTNER, Channel.EMAIL, replace(CONTEXT, zone=ZoneInfo("Indian/Reunion"))
    ).body

    assert "avant le mercredi 30_septembre à 20_h" in visible(body)


def test_a_deadline_of_another_year_says_it() -> None:
    late = replace(CONTEXT, due_at=datetime(2027, 1, 4, 17, tzinfo=UTC), today=date(2026, 12, 28))

    assert "lundi 4_janvier_2027" in visible(render("referral_request", Party.PARTNER, Channel.EMAIL, late).subject)


def test_the_firm_reminder_says_what_happens_then() -> None:
    body = render("referral_firm_reminder", Party.PARTNER, Channel.EMAIL, CONTEXT).body

    assert "mercredi 30_septembre à 18_h" in visible(body)
    assert "la demande prendra fin" in body


@pytest.mark.parametrize("reader", [reader for reader in READERS if reader[2] != Channel.SMS])
def test_french_spaces_never_break(reader: tuple[str, str, str]) -> None:
    subject, body = written(reader)
    text = f"{subject}\n{body}".replace(LINK, "").replace(REQUESTS_LINK, "").replace(POSTER_LINK, "")

    assert re.findall(r" [;:?!»]|« ", text) == []
    assert re.findall(r"[^\W\d][;:?!»]|«\w", text) == []
    assert "'" not in text


def test_the_spaces_of_a_web_address_are_left_alone() -> None:
    assert french("Voir : https://x.example/?a=1;b=2!") == "Voir\N{NO-BREAK SPACE}: https://x.example/?a=1;b=2!"


def test_a_name_cannot_forge_a_line() -> None:
    body = render(
        "question_asked", Party.OPERATOR, Channel.EMAIL, replace(CONTEXT, partner="ADIL\n\nhttps://evil.example")
    ).body

    assert [block.link for block in blocks(body) if block.link] == [LINK]


# -- Labels

ENUMERATIONS = [kind for kind in vars(vocabulary).values() if isinstance(kind, type) and issubclass(kind, Enum)]


@pytest.mark.parametrize("enumeration", [kind for kind in ENUMERATIONS if kind.__module__ == vocabulary.__name__])
def test_every_code_has_its_word(enumeration: type[Enum]) -> None:
    for code in enumeration:
        assert label(labels.kind_of(enumeration), code.value)


@pytest.mark.parametrize("task", sorted(SLIME.tasks))
def test_every_task_says_what_it_is_and_what_to_do(task: str) -> None:
    rule = SLIME.tasks[task]
    assert rule.title or label("task", task)
    assert (rule.what_to_do or label("task_next", task)).endswith(".")
    assert all(label("action", action) for action in SLIME.tasks[task].actions)


@pytest.mark.parametrize("theme", Theme)
def test_every_theme_has_words_for_mails_and_for_households(theme: Theme) -> None:
    assert label("theme_mail", theme)
    assert label("theme_plain", theme)


@pytest.mark.parametrize("outcome", ClosureOutcome)
def test_an_alert_giver_reads_the_family_of_an_outcome(outcome: ClosureOutcome) -> None:
    told = label("outcome_told", outcome)

    assert not any(word in told.lower() for word in ("décès", "décéd", "travaux", "déménag"))


@pytest.mark.parametrize("event_type", sorted(FACTS))
def test_every_event_has_a_sentence_made_of_its_own_fields(event_type: str) -> None:
    assert set(labels.placeholders(label("event", event_type))) <= set(FACTS[event_type].model_fields)


@pytest.mark.parametrize(("event_type", "payload"), [("alert.of_a_later_version", {}), ("alert.submitted", {"x": 1})])
def test_an_event_that_this_version_cannot_read_says_so(event_type: str, payload: dict[str, Any]) -> None:
    told = labels.event_sentence(event_type, payload, PARIS)

    assert told == "Événement que cette version de Relais ne sait pas lire"


def test_no_label_is_written_for_a_code_that_does_not_exist() -> None:
    known = {
        labels.kind_of(kind): {code.value for code in kind}
        for kind in ENUMERATIONS
        if kind.__module__ == vocabulary.__name__
    }
    known |= {"giver_event": set(FACTS), "giver_stage": known["stage"], "giver_news": known["case_state"]}
    known |= {"event": set(FACTS), "task": set(SLIME.tasks), "task_next": set(SLIME.tasks)}
    file = resources.files(labels.__package__).joinpath("labels.fr.yaml").read_text(encoding="utf-8")

    stale = {kind: set(words) - known[kind] for kind, words in yaml_files.read(file)["labels"].items() if kind in known}

    assert {kind: codes for kind, codes in stale.items() if codes} == {}


def test_every_message_has_a_title_and_no_title_is_of_none() -> None:
    messages = {text for text, _, channel in READERS if channel in set(Channel)}

    assert {code for code, _ in labels.choices("text")} == messages


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(LabelMissing, match="gone"):
        label("stage", "gone")


def test_an_event_is_told_from_its_codes() -> None:
    ids = {"referral_id": "0" * 32, "partner_id": "1" * 32}

    told = event_sentence("referral.declined", {**ids, "theme": "fsl", "reason": "capacity"}, PARIS)

    assert visible(told) == "Demande déclinée par le partenaire_: aide du FSL (plus de place en ce moment)"


def test_an_agreement_is_told_by_its_own_words_and_no_code() -> None:
    codes = {"permission_id": "0" * 32, "kind": "report_to_alert_giver"}

    told = [visible(event_sentence(f"permission.{each}", codes, PARIS)) for each in ("given", "revoked")]

    assert told == [f"Accord {each}_: remise du rapport au donneur d’alerte" for each in ("donné", "retiré")]


def test_an_event_tells_its_date_on_the_clocks_of_the_programme() -> None:
    payload = {"visit_id": "0" * 32, "ordinal": 2, "starts_at": "2026-09-30T12:30:00+00:00"}

    assert (
        visible(event_sentence("visit.moved", payload, PARIS))
        == "Visite n°_2 déplacée au mercredi 30_septembre à 14_h_30"
    )


def test_a_reopened_case_says_where_it_goes_on() -> None:
    told = event_sentence("case.reopened", {"state": "in_follow_up"}, PARIS)

    assert visible(told) == "Situation rouverte_: en suivi"


def test_a_message_says_its_state_in_the_words_of_its_channel() -> None:
    assert message_label(MessageState.ACCEPTED, Channel.EMAIL) == "Remis au serveur"
    assert message_label(MessageState.POSTED, Channel.LETTER) == "Posté"
    assert message_label(MessageState.UNKNOWN, Channel.SMS) == "Remise incertaine"


def test_an_acronym_keeps_its_capitals_inside_a_sentence() -> None:
    assert inside("FSL") == "FSL"
    assert inside("Absence au rendez-vous") == "absence au rendez-vous"


@pytest.mark.parametrize("danger", Danger)
def test_the_danger_mail_says_which_danger_and_which_case(danger: Danger) -> None:
    body = render("danger", Party.COORDINATOR, Channel.EMAIL, replace(CONTEXT, danger=danger.value)).body

    assert label("danger", danger) in body
    assert "2026-00042" in body


# -- Mail

ICS = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//relais//\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:v1@relais\r\n"
    b"SUMMARY:Visite \xc3\xa0 S\xc3\xa9es\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def make_draft(text: str = "referral_request", party: Party = Party.PARTNER, **changes: object) -> Draft:
    subject, body = render(text, party, Channel.EMAIL, CONTEXT)
    draft = Draft(
        subject=subject,
        body=body,
        programme="Mieux chez soi en Vald’Orne",
        sender="relais@valdorne.example",
        reply_to="contact@valdorne.example",
        recipient="accueil@adil.example",
        message_id="<0190abc@valdorne.example>",
        thread="valdorne.2026-00042",
        at=datetime(2026, 9, 9, 7, tzinfo=UTC),
    )
    return replace(draft, **changes)  # type: ignore[arg-type]


def received(draft: Draft) -> EmailMessage:
    """The mail as the other side reads it."""
    mail = message_from_bytes(bytes(compose(draft)), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("reader", MAILS)
def test_a_mail_arrives_as_it_was_written(reader: tuple[str, str, str]) -> None:
    subject, body = written(reader)

    mail = received(make_draft(subject=subject, body=body))

    plain = mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == body
    assert visible(mail["Subject"]) == visible(subject)


def test_text_comes_before_html() -> None:
    assert [part.get_content_type() for part in received(make_draft()).walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_the_same_mail_is_the_same_bytes() -> None:
    assert bytes(compose(make_draft(ics=ICS))) == bytes(compose(make_draft(ics=ICS)))


def test_the_mails_of_a_case_answer_one_root() -> None:
    first, second = received(make_draft()), received(make_draft(message_id="<other@valdorne.example>"))

    assert first["References"] == second["References"] == first["In-Reply-To"]
    assert first["Message-ID"] == "<0190abc@valdorne.example>"


def test_a_mail_that_may_be_stopped_says_where_to_its_mailbox() -> None:
    assert received(make_draft())["List-Unsubscribe"] is None
    mail = received(make_draft(stop_link=LINK))

    assert (mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"]) == (f"<{LINK}>", "List-Unsubscribe=One-Click")


def test_a_mail_says_that_a_machine_sent_it_and_when() -> None:
    mail = received(make_draft(at=datetime(2026, 9, 9, 9, tzinfo=timezone(timedelta(hours=2)))))

    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == datetime(2026, 9, 9, 7, tzinfo=UTC)


def test_a_naive_instant_dates_no_mail() -> None:
    with pytest.raises(ValueError, match="naive"):
        compose(make_draft(at=datetime(2026, 9, 9, 7)))  # noqa: DTZ001 - the accident itself


def test_the_link_is_one_button_and_the_same_address_in_clear() -> None:
    html = html_of(received(make_draft()))

    assert html.count(f'href="{LINK}"') == 2
    assert f">{LINK}</a>" in html
    assert "Lire la demande et répondre</a>" in html


def test_a_mail_calls_nobody() -> None:
    html = html_of(received(make_draft()))

    assert set(re.findall(r"https?://[^\s\"<]+", html)) == {LINK}
    assert not re.search(r"<img|<link|<script|@import|url\(", html)


def test_names_are_escaped_in_html() -> None:
    html = html_of(received(make_draft(body="Bonjour,\n\n<b>ADIL</b> & Cie\n", programme="<i>Slime</i>")))

    assert "&lt;b&gt;ADIL&lt;/b&gt; &amp; Cie" in html
    assert "<i>" not in html


def test_an_invitation_is_read_in_the_mail_and_as_an_attachment() -> None:
    parts = [part for part in received(make_draft(ics=ICS)).walk() if not part.is_multipart()]

    assert [part.get_content_type() for part in parts] == [
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    assert parts[2].get_param("method") == "REQUEST"
    assert parts[3].get_filename() == "invitation.ics"
    assert parts[3].get_payload(decode=True) == ICS


def test_a_cancelled_visit_is_taken_back_from_the_calendar() -> None:
    parts = list(received(make_draft(ics=ICS.replace(b"REQUEST", b"CANCEL"))).walk())

    assert parts[-2].get_param("method") == "CANCEL"
    assert parts[-1].get_filename() == "annulation.ics"


INJECTION = "Bonjour\r\nBcc: cy@outside.example"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[
            (field, INJECTION)
            for field in ("subject", "programme", "sender", "reply_to", "recipient", "message_id", "thread")
        ],
        *[(field, "a@b.example, c@d.example") for field in ("sender", "reply_to", "recipient")],
        *[(field, "a@b.example\n") for field in ("sender", "reply_to", "recipient", "message_id")],
        ("recipient", "Ada <a@b.example>"),
        ("recipient", "é@b.example"),
        ("recipient", ""),
        ("subject", "Bonjour\N{LINE SEPARATOR}Bcc: x"),
        ("subject", " "),
    ],
)
def test_a_header_takes_one_line_and_one_address(field: str, value: str) -> None:
    with pytest.raises(BadHeader):
        compose(replace(make_draft(), **{field: value}))  # type: ignore[arg-type]


def test_the_refusal_of_a_header_repeats_no_address() -> None:
    with pytest.raises(BadHeader) as refused:
        compose(make_draft(recipient="canari@b.example, c@d.example"))

    assert "canari" not in refused.value.sentence


def test_each_line_of_the_access_log_has_its_word() -> None:
    noted = set()
    for path in Path(services.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        named = dict(re.findall(r'^([A-Z_]+): Final = "([a-z_.]+)"', source, re.MULTILINE))
        actions = re.findall(r'\b(?:note_access|_noted?)\([\w.]+, [\w.]+, (?:"([a-z_.]+)"|([A-Z_]+))', source)
        noted |= {written or named[name] for written, name in actions if written or name in named}
    assert {"work_days.set", "webhook.added"} <= noted
    assert [action for action in sorted(noted) if not labels.has_label("access_action", action)] == []
