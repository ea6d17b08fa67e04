"""Answers to our mails: on their case, with an item; a machine's word moves nothing but a mail that came back."""

from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Case, Note
from models.engine import IncomingMail, Message
from models.vocabulary import IncomingKind, MessageState, ReferralState, Role, Suggestion
from services.cases import closing, erasure, referrals
from services.channels.inbox import Received
from services.correspondence import replies
from services.forms import Answer, ClosureForm
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.errors import Denied, GuardRefused, InvalidInput, NotFound
from services.foundation.runtime import Runtime
from services.overview import timeline
from services.rules.casework import Hand
from services.rules.policy import Actor
from tests import mails
from tests.ledger import problems
from tests.mails import reply
from tests.services.rules.situations import (
    ADA,
    BO,
    BY_PHONE,
    CY,
    DI,
    PARIS,
    PROGRAMME,
    Office,
    default_pathway,
    found_office,
    shown,
)

ADMIN = Hand(Actor("person", None, PROGRAMME, Role.ADMINISTRATOR, name="Root"))
OWN = "relais@vald-orne.example"
ADIL = "adil@relais.test"


def arrive(office: Office, content: bytes) -> IncomingMail | None:
    with office.database.write("test") as unit:
        row = replies.receive(unit, Received("1", content, len(content)), own=OWN)
    office.drain()
    return row


def our_id(office: Office, case_id: UUID, text: str = "referral_request") -> str:
    return office.sent(case_id, text)[-1].message_id


def answer(office: Office, case_id: UUID, text: str = "Nous étudions.", **fields: str) -> IncomingMail | None:
    return arrive(office, reply(our_id(office, case_id), text, **({"From": ADIL} | fields)))


def notes(office: Office, case_id: UUID) -> list[tuple[str, str, str]]:
    with office.database.read() as unit:
        found = unit.session.scalars(select(Note).where(Note.case_id == case_id).order_by(Note.at, Note.id))
        return [(note.audience, note.author, note.text) for note in found]


def mails_of(office: Office) -> list[IncomingMail]:
    with office.database.read() as unit:
        found = list(unit.session.scalars(select(IncomingMail).order_by(IncomingMail.received_at, IncomingMail.id)))
        unit.session.expunge_all()
        return found


def waiting(office: Office, hand: Hand = ADA) -> list[str]:
    with office.database.read() as unit:
        return [row.text for row in replies.waiting(unit, hand.actor)]


def item(office: Office, case_id: UUID) -> UUID:
    return next(task.id for task in office.tasks(case_id) if task.kind == "read_reply")


# --- A person's answer


def test_an_answer_is_a_note_for_the_team_and_an_item_for_the_operator(office: Office) -> None:
    case_id, referral_id = office.referred()

    answer(office, case_id, "Nous étudions.\n\nHélène Roux")

    assert notes(office, case_id)[-1] == ("team", "adil", "Nous étudions.\n\nHélène Roux")
    (task,) = (each for each in office.tasks(case_id) if each.kind == "read_reply")
    assert (task.party, task.referral_id, shown(task.due_at)) == ("operator", referral_id, "2025-10-10 18:00")
    with office.database.read() as unit:
        assert problems(unit) == []


def test_an_answer_moves_nothing_whatever_it_says(office: Office) -> None:
    case_id, referral_id = office.referred()

    answer(office, case_id, "ACCEPTE")

    assert office.referral(referral_id).state == "sent"
    assert "answer_referral" in office.due(case_id)
    with office.database.read() as unit:
        _, (found,) = replies.to_read(unit, BO.actor, item(office, case_id))
    assert (found.suggestion, found.author, found.text) == (Suggestion.ACCEPT, "adil", "ACCEPTE")


def test_the_same_mail_twice_changes_nothing(office: Office) -> None:
    case_id, _ = office.referred()
    answer(office, case_id)
    before = (notes(office, case_id), office.events(case_id), len(mails_of(office)))

    assert answer(office, case_id) is None

    assert (notes(office, case_id), office.events(case_id), len(mails_of(office))) == before


def test_the_story_shows_the_answer_once_and_whose_it_is(office: Office) -> None:
    case_id, _ = office.referred()

    answer(office, case_id)

    with office.database.read() as unit:
        (entry,) = (
            each
            for each in timeline.of_case(unit, ADA.actor, unit.session.get_one(Case, case_id), PARIS)
            if "Nous étudions" in each.quote
        )
    assert (entry.text, entry.by) == ("Réponse reçue", "adil")


def test_another_sender_is_told_and_never_believed(office: Office) -> None:
    case_id, _ = office.referred()

    answer(office, case_id, From="Préfecture <prefet@ailleurs.example>")

    _, author, text = notes(office, case_id)[-1]
    assert (author, text) == ("adil", f"Nous étudions.\n\n{replies.ELSEWHERE}")


def test_an_answer_without_words_says_so(office: Office) -> None:
    case_id, _ = office.referred()

    answer(office, case_id, "> cité\n")

    assert notes(office, case_id)[-1][2] == replies.NOTHING


def test_two_answers_about_one_request_are_one_item(office: Office) -> None:
    case_id, _ = office.referred()
    answer(office, case_id)
    answer(office, case_id, "Une précision.", Message_ID="<second@adil.example>")

    with office.database.read() as unit:
        _, found = replies.to_read(unit, BO.actor, item(office, case_id))
    assert {each.text for each in found} == {"Nous étudions.", "Une précision."}


@pytest.mark.parametrize(
    "forged",
    [
        "<01999999-0000-7000-8000-000000000001.0a1b2c3d@relais>",
        "<valdorne.2025-00001.thread@relais>",
        "<@relais>",
        "",
    ],
    ids=["unknown", "thread", "empty", "none"],
)
def test_a_forged_id_finds_no_case(office: Office, forged: str) -> None:
    case_id, _ = office.referred()
    before = office.events(case_id)

    arrive(office, reply(forged, "Je suis l’ADIL", From=ADIL, References=forged))

    assert (office.events(case_id), waiting(office)) == (before, ["Je suis l’ADIL"])


def test_an_id_with_a_wrong_mark_finds_no_case(office: Office) -> None:
    case_id, _ = office.referred()
    uuid, _, rest = our_id(office, case_id).partition(".")

    arrive(office, reply(f"{uuid}.00000000{rest[8:]}", "Ouvrez-moi", From=ADIL, References=""))

    assert waiting(office) == ["Ouvrez-moi"]


def test_a_household_answers_too(office: Office) -> None:
    case_id = office.qualified(email="martin@example.org")
    office.plan(case_id, "2025-10-20T10:00")
    office.drain()

    arrive(office, reply(our_id(office, case_id, "visit_confirmation"), "Je serai là.", From="martin@example.org"))

    assert notes(office, case_id)[-1] == ("team", "Le ménage", "Je serai là.")
    assert "read_reply" in office.due(case_id)


# --- The item ends


def test_read_and_nothing_to_do(office: Office) -> None:
    case_id, _ = office.referred()
    answer(office, case_id)
    task_id = item(office, case_id)

    office.do(replies.read, BO, task_id)
    office.drain()

    assert "read_reply" not in office.due(case_id)
    with pytest.raises(GuardRefused, match="déjà lue"):
        office.do(replies.read, ADA, task_id)


@pytest.mark.parametrize("stranger", [CY, DI])
def test_a_stranger_reads_nothing(office: Office, stranger: Hand) -> None:
    case_id, _ = office.referred()
    answer(office, case_id)
    task_id = item(office, case_id)

    with pytest.raises(NotFound):
        office.do(replies.read, stranger, task_id)
    with office.database.read() as unit, pytest.raises(NotFound):
        replies.to_read(unit, stranger.actor, task_id)


def test_recording_the_answer_for_the_partner_ends_the_item(office: Office) -> None:
    case_id, referral_id = office.referred()
    answer(office, case_id, "ACCEPTE")

    office.do(referrals.accept, BO, referral_id, Answer(on_behalf=BY_PHONE))
    office.drain()

    assert "read_reply" not in office.due(case_id)


def test_an_answer_that_nobody_read_outlives_what_the_partner_clicks(office: Office, runtime: Runtime) -> None:
    from services.rules.links import open_task_link, task_url

    case_id, referral_id = office.referred()
    answer(office, case_id, "Attention, le chien mord.")
    (task,) = (each for each in office.tasks(case_id) if each.kind == "answer_referral")
    with office.database.write("test") as unit:
        partner, _ = open_task_link(unit, runtime, task_url(runtime, task).rpartition("/")[2])
        referrals.accept(unit, Hand(partner), referral_id, Answer())
    office.drain()

    assert "read_reply" in office.due(case_id)


# --- Machines


@pytest.mark.parametrize("content", [mails.EXCHANGE_ABSENCE, mails.GMAIL_ABSENCE, mails.OLD_ABSENCE])
def test_an_absence_is_noted_and_asks_nothing_of_anybody(office: Office, content: bytes) -> None:
    case_id, referral_id = office.referred()
    before = (office.events(case_id), office.due(case_id), office.referral(referral_id).state)

    arrive(office, content.replace(mails.OURS.encode(), our_id(office, case_id).encode()))

    assert (office.events(case_id), office.due(case_id), office.referral(referral_id).state) == before
    assert notes(office, case_id)[-1][2].startswith("Réponse automatique : « ")
    assert waiting(office) == []


def bounced(office: Office, case_id: UUID, text: str = "referral_request", **given: str) -> IncomingMail | None:
    return arrive(office, mails.postfix_bounce(our_id(office, case_id, text), **({"recipient": ADIL} | given)))


def test_a_bounce_refuses_the_message_after_the_fact_and_opens_the_address_the_same_day(office: Office) -> None:
    case_id, _ = office.referred()

    bounced(office, case_id)

    (message,) = office.sent(case_id, "referral_request")
    assert (message.state, message.error) == (MessageState.REFUSED, "bounced 5.1.1")
    assert office.due(case_id)["mend_address"] == "2025-10-09 18:00"
    with office.database.read() as unit:
        assert problems(unit) == []


def test_silence_behind_a_dead_address_never_expires(office: Office) -> None:
    case_id, referral_id = office.referred()
    bounced(office, case_id)

    office.at("2026-03-02T10:00")

    assert office.referral(referral_id).state == "sent"
    assert office.referral(referral_id).delivered_at is None
    assert {"answer_referral", "mend_address"} <= set(office.due(case_id))
    assert "referral.expired" not in office.events(case_id)


def test_once_the_address_is_mended_the_delay_counts_from_the_new_mail(office: Office) -> None:
    from services.cases import addresses
    from services.forms import AddressForm

    case_id, referral_id = office.referred()
    bounced(office, case_id)
    office.at("2025-10-20T10:00")
    office.do(addresses.mend_address, ADA, referral_id, AddressForm(email="accueil@example.org"))
    office.drain()
    office.at("2025-10-21T10:00")
    office.deliver("referral_request")
    office.drain()

    (task,) = (each for each in office.tasks(case_id) if each.kind == "answer_referral")
    assert (shown(task.due_at), task.provisional) == ("2025-11-12 18:00", False)


def test_a_reminder_that_comes_back_stops_the_clock_as_well(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.at("2025-10-16T09:30")
    office.deliver("referral_soft_reminder")
    bounced(office, case_id, "referral_soft_reminder")

    office.at("2026-03-02T10:00")

    assert office.referral(referral_id).state == "sent"


def test_a_second_report_of_the_same_bounce_changes_nothing(office: Office) -> None:
    case_id, _ = office.referred()
    bounced(office, case_id)
    before = office.events(case_id)

    bounced(office, case_id, status="5.4.4")

    assert office.events(case_id) == before


def test_a_bounce_ends_the_doubt_about_a_message(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.drain()
    office.bounce("referral_request", unknown=True)
    office.drain()
    assert "check_message" in office.due(case_id)

    bounced(office, case_id)

    assert "check_message" not in office.due(case_id)
    assert "mend_address" in office.due(case_id)


def test_a_delay_is_written_down_and_nothing_more(office: Office) -> None:
    case_id, _ = office.referred()
    before = (office.events(case_id), office.due(case_id), notes(office, case_id))
    content = mails.POSTFIX_DELAY.replace(mails.OURS.encode(), our_id(office, case_id).encode())

    row = arrive(office, content)

    assert row is not None
    assert (row.kind, row.status, row.case_id) == (IncomingKind.DELAY, "4.4.1", case_id)
    assert (office.events(case_id), office.due(case_id), notes(office, case_id)) == before


def test_a_bounce_of_an_address_behind_the_partners_is_read_by_somebody(office: Office) -> None:
    case_id, _ = office.referred()

    bounced(office, case_id, recipient="ancien.agent@gmail.example")

    assert office.sent(case_id, "referral_request")[0].state == MessageState.ACCEPTED
    assert notes(office, case_id)[-1][2] == replies.OTHER_ADDRESS
    assert "read_reply" in office.due(case_id)


def test_a_forged_bounce_refuses_nothing_and_is_shown(office: Office) -> None:
    case_id, _ = office.referred()

    row = arrive(office, mails.postfix_bounce())

    assert office.sent(case_id, "referral_request")[0].state == MessageState.ACCEPTED
    assert row is not None
    assert row.waits


def test_our_own_mail_come_back_is_a_loop(office: Office) -> None:
    case_id, _ = office.referred()
    before = office.events(case_id)

    row = answer(office, case_id, Message_ID=our_id(office, case_id))

    assert row is not None
    assert (row.kind, row.waits, office.events(case_id)) == (IncomingKind.LOOP, False, before)


# --- Without a case


def test_a_mail_that_answers_nothing_waits_for_the_coordinator(office: Office) -> None:
    arrive(office, reply("", "Bonjour, je voudrais de l’aide.", From=ADIL, References=""))

    assert waiting(office) == ["Bonjour, je voudrais de l’aide."]
    assert waiting(office, DI) == []
    assert waiting(office, ADMIN) == []
    with office.database.read() as unit, pytest.raises(Denied):
        replies.waiting(unit, BO.actor)


def test_a_mail_of_which_nobody_knows_the_programme_waits_for_the_administrator(office: Office) -> None:
    arrive(office, reply("", "Bonjour", From="x@ailleurs.example", References=""))

    assert (waiting(office, ADMIN), waiting(office), waiting(office, DI)) == (["Bonjour"], [], [])


def test_the_coordinator_files_it_on_a_case(office: Office) -> None:
    case_id = office.accepted()
    arrive(office, reply("", "Au sujet de M. Martin", From=ADIL, References=""))
    (row,) = mails_of(office)

    with pytest.raises(InvalidInput):
        office.do(replies.file_on_case, ADA, row.id, "2025-99999")
    office.do(replies.file_on_case, ADA, row.id, f" {office.case(case_id).number} ")

    assert notes(office, case_id)[-1] == ("team", "adil", "Au sujet de M. Martin")
    assert waiting(office) == []
    (row,) = mails_of(office)
    assert (row.text, row.case_id, row.handled_at is not None) == ("", case_id, True)
    with pytest.raises(GuardRefused):
        office.do(replies.set_aside, ADA, row.id)


def test_a_foreign_coordinator_neither_files_nor_sets_aside(office: Office) -> None:
    case_id = office.accepted()
    arrive(office, reply("", "Bonjour", From=ADIL, References=""))
    (row,) = mails_of(office)

    with pytest.raises(NotFound):
        office.do(replies.set_aside, DI, row.id)
    with pytest.raises(NotFound):
        office.do(replies.file_on_case, DI, row.id, office.case(case_id).number)


def test_what_was_set_aside_is_forgotten_after_ninety_days_and_what_waits_is_not(office: Office) -> None:
    for number in ("un", "deux"):
        arrive(office, reply("", number, From=ADIL, References="", Message_ID=f"<{number}@adil.example>"))
    office.do(replies.set_aside, ADA, mails_of(office)[0].id)
    office.sleep_to("2026-01-30T10:00")

    with office.database.write("test") as unit:
        replies.forget_old(unit)

    assert [(row.sender, row.text) for row in mails_of(office)] == [("", ""), (ADIL, "deux")]


# --- Cases that changed meanwhile


def test_an_answer_on_a_closed_case_is_filed_and_waits_for_the_coordinator(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.do(referrals.withdraw, ADA, referral_id)
    office.drain()
    office.do(closing.close_case, ADA, case_id, ClosureForm.model_validate({"outcome": "solved"}))
    office.drain()

    row = answer(office, case_id, "Trop tard ?")

    assert row is not None
    assert row.waits
    assert notes(office, case_id)[-1][2] == "Trop tard ?"
    office.do(replies.set_aside, ADA, row.id)
    assert waiting(office) == []


def test_an_answer_that_nobody_has_read_when_its_case_ends_waits_for_the_coordinator(office: Office) -> None:
    case_id, referral_id = office.referred()
    answer(office, case_id, "Lu.")
    office.drain()
    office.do(replies.read, BO, item(office, case_id))
    office.at("2025-10-09T10:00")
    unread = answer(office, case_id, "Pas lu.", **{"Message-ID": "<second@adil.test>"})
    office.drain()
    office.do(referrals.withdraw, ADA, referral_id)
    office.do(closing.close_case, ADA, case_id, ClosureForm.model_validate({"outcome": "solved"}))

    assert unread is not None
    with office.database.read() as unit:
        assert [each.id for each in replies.waiting(unit, ADA.actor)] == [unread.id]


def test_an_answer_that_an_older_pathway_gives_no_item_waits_for_the_coordinator(
    database: Database, clock: SetClock
) -> None:
    known = default_pathway()
    events = {name: rule for name, rule in known.events.items() if name != "reply.received"}
    office = found_office(database, clock, known.model_copy(update={"events": events}))
    case_id, _ = office.referred()

    row = answer(office, case_id)

    assert row is not None
    assert (row.waits, row.case_id) == (True, case_id)


def test_an_answer_to_a_merged_case_goes_to_the_one_that_goes_on(office: Office) -> None:
    case_id, kept = office.accepted(), office.accepted(surname="Martin-Petit", phone="0639980155")
    with office.database.write("test") as unit:
        case = unit.session.get_one(Case, case_id)
        case.merged_into_id = kept
    text = next(each.text for each in office.sent(case_id) if each.channel == "email")

    arrive(office, reply(our_id(office, case_id, text), "Bonjour"))

    assert notes(office, kept)[-1][2].startswith("Bonjour")
    assert "read_reply" in office.due(kept)


def test_an_erased_household_gets_no_new_words(office: Office, runtime: Runtime) -> None:
    case_id, _ = office.referred()
    ours = our_id(office, case_id)
    answer(office, case_id)
    with office.database.write("test") as unit:
        erasure.erase(unit, runtime, unit.session.get_one(Case, case_id))

    arrive(office, reply(ours, "Madame Martin va bien", Message_ID="<later@adil.example>", From=ADIL))

    assert notes(office, case_id) == []
    assert mails_of(office)[0].sender == ""
    assert mails_of(office)[1].case_id is None
    assert mails_of(office)[1].waits


def test_an_answer_to_a_mail_about_several_cases_is_read_by_the_coordination_alone(office: Office) -> None:
    case_id, _ = office.referred()
    other, _ = office.referred(surname="Benali", phone="0639980155")
    with office.database.write("test") as unit:
        lead, carried = (
            unit.session.scalars(
                select(Message).where(Message.case_id == each, Message.text == "referral_request")
            ).one()
            for each in (case_id, other)
        )
        carried.bundle_id = lead.id

    answer(office, case_id, "Oui pour les deux")

    assert waiting(office) == ["Oui pour les deux"]
    bounced(office, case_id)
    assert {"mend_address"} <= set(office.due(case_id)) & set(office.due(other))


def test_a_partner_whose_answer_waits_to_be_read_is_not_chased(office: Office) -> None:
    case_id, _ = office.referred()
    answer(office, case_id)

    office.at("2025-10-23T10:00")

    held = [(0, "suppressed", "reply_unread"), (1, "suppressed", "reply_unread")]
    assert office.occurrences(case_id, "answer_referral") == held
    assert office.told(case_id, "referral_soft_reminder") == []


def test_a_partner_whose_answer_waits_to_be_read_is_not_said_to_be_silent(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.at("2025-10-27T10:00")
    answer(office, case_id)

    office.at("2025-10-30T10:00")

    assert office.referral(referral_id).state == ReferralState.SENT
    assert office.due(case_id)["answer_referral"] == "2025-11-21 18:00"


def test_a_partner_whose_answer_was_read_is_chased_again_and_expires_in_the_end(office: Office) -> None:
    case_id, referral_id = office.referred()
    answer(office, case_id)
    office.at("2025-10-30T10:00")
    office.do(replies.read, BO, item(office, case_id))

    office.at("2025-11-24T10:00")

    assert [told[0] for told in office.told(case_id, "referral_firm_reminder")] == ["2025-11-14 09:00"]
    assert office.referral(referral_id).state == ReferralState.EXPIRED
