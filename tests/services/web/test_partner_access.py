"""A partner who took a request reads whom to call: by a link to his address, in one browser, once, for a while."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from models.cases import Case, Permission, Referral, Report, SurveyLine
from models.engine import Event, Message
from models.programmes import AccessEntry, Organisation, PartnerSession, Programme, SignInLink
from models.vocabulary import CaseState, MessageState, OrganisationKind, PermissionKind, ReferralOutcome
from services.cases import permissions, referrals, reminding
from services.forms import Answer, Completion, OnBehalf, PermissionForm, Question
from services.rules.casework import Hand
from services.rules.links import task_url
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from tests.factories import PDF, Office, act, deliver_mail, drain, make_case, referral_id_of, task_of
from tests.services.web.browser import browser, send

BY_PHONE = OnBehalf(said_by="Mme Riou", how="téléphone")
NAME, STREET, BRIEF = "Le Goff", "3 rue de Siam", "au sujet des fenêtres"


def accepted(office: Office) -> UUID:
    """A request that the ADIL took."""
    case_id = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, case_id)
    act(office, lambda unit: referrals.accept(unit, Hand(office.karim), referral_id_of(office, case_id), yes()))
    return case_id


def yes() -> Answer:
    return Answer(on_behalf=BY_PHONE)


def news_link(office: Office, case_id: UUID) -> str:
    return task_url(office.runtime, task_of(office, case_id, "report_outcome"))


def mailed(office: Office, case_id: UUID) -> list[str]:
    """The sign-in links that leave, as the ledger writes them; the latest last."""
    with office.runtime.database.read() as unit:
        used = select(SignInLink.id).where(SignInLink.used_at.is_not(None))
        gone = [str(link_id) for link_id in unit.session.scalars(used)]
        query = select(Message).where(Message.case_id == case_id, Message.text == "sign_in").order_by(Message.id)
        found = []
        for message in unit.session.scalars(query):
            assert (message.address, message.urgent) == ("adil@brest.test", True)
            if unit.session.get_one(Event, message.event_id).payload["link_id"] in gone:
                continue
            body = render_message(unit, message).body
            found += [word for word in body.split() if "/acces/" in word]
        return found


def asked(office: Office, case_id: UUID, client: TestClient, once: str = "a") -> str:
    """The link that arrives after the button was pressed."""
    answer = send(client, f"{news_link(office, case_id)}/acces", once=once)
    assert answer.headers["location"] == "/d/brest/lien-envoye"
    drain(office)
    return mailed(office, case_id)[-1]


def entered(office: Office, case_id: UUID, client: TestClient) -> None:
    assert send(client, asked(office, case_id, client)).headers["location"] == "/acces"


def test_the_page_of_an_accepted_request_offers_the_link_and_names_nobody(office: Office) -> None:
    case_id = accepted(office)

    page = browser(office).get(news_link(office, case_id)).text

    assert "Recevoir un lien pour voir les coordonnées" in page
    assert not any(word in page for word in (NAME, STREET, BRIEF))


def test_the_browser_that_asked_opens_the_link_and_reads_whom_to_call(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)

    entered(office, case_id, client)

    page = client.get("/acces").text
    assert all(word in page for word in (NAME, STREET, BRIEF, "tel:+336"))
    assert client.get("/a-faire").status_code == 303
    assert client.get(f"/situations/{case_id}").status_code == 303


def test_looking_at_the_link_uses_nothing_up(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    link = asked(office, case_id, client)

    pages = [reader.get(link).text for reader in (browser(office), client, client)]

    assert "Recevoir un nouveau lien" in pages[0]
    assert "Ouvrir" in pages[1]
    assert not any(NAME in page for page in pages)
    with office.runtime.database.read() as unit:
        assert unit.session.scalars(select(SignInLink.used_at)).all() == [None]
    assert send(client, link).status_code == 303


def test_another_browser_is_refused_and_may_ask_for_its_own(office: Office) -> None:
    case_id = accepted(office)
    link = asked(office, case_id, browser(office))
    other = browser(office)

    refused = send(other, link)
    send(other, f"{link}/nouveau", once="b")
    drain(office)

    assert (refused.status_code, "dans le navigateur où il a été demandé" in refused.text) == (410, True)
    assert NAME not in refused.text
    assert send(other, mailed(office, case_id)[-1]).headers["location"] == "/acces"


def test_a_link_serves_once(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    link = asked(office, case_id, client)
    send(client, link)
    client.post("/acces/quitter")

    again = send(client, link)

    assert (again.status_code, "déjà servi" in again.text) == (410, True)
    assert client.get("/acces").status_code == 410


def test_whoever_shuts_his_access_is_thanked_in_the_name_of_the_service(office: Office) -> None:
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Programme, office.programme_id).public_name = "Mon logement"
    case_id = accepted(office)
    client = browser(office)
    send(client, asked(office, case_id, client))

    first, second = (client.post("/acces/quitter").headers["location"] for _ in range(2))

    assert (first, second) == ("/d/brest/merci/leave", "/acces")
    assert all("<strong>Mon logement</strong>" in client.get(page).text for page in (first, "/d/brest/lien-envoye"))
    assert client.get("/d/ailleurs/merci/leave").status_code == 404


def test_a_second_press_in_the_browser_that_is_in_leads_there_too(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    link = asked(office, case_id, client)

    assert [send(client, link).headers["location"] for _ in range(2)] == ["/acces"] * 2


def test_a_link_lasts_ten_minutes(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    link = asked(office, case_id, client)
    office.clock.at += timedelta(minutes=10)

    answer = send(client, link)

    assert (answer.status_code, "dix minutes" in answer.text) == (410, True)


def test_a_mail_whose_link_ran_out_does_not_leave(office: Office) -> None:
    case_id = accepted(office)
    asked(office, case_id, browser(office))
    office.clock.at += timedelta(minutes=10)

    with pytest.raises(Suppressed, match="link_past"):
        mailed(office, case_id)


def test_a_forged_link_opens_nothing(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    link = asked(office, case_id, client)

    assert [client.get(f"{link}x").status_code, send(client, f"{link}x").status_code] == [410, 410]


def test_one_press_sends_one_mail_and_three_links_at_most_are_on_their_way(office: Office) -> None:
    case_id = accepted(office)
    client, address = browser(office), f"{news_link(office, case_id)}/acces"

    answers = [send(client, address, once=once) for once in ("a", "a", "b", "c", "d")]

    drain(office)
    assert [answer.status_code for answer in answers] == [303, 303, 303, 303, 409]
    assert "attendez dix minutes" in answers[-1].text
    assert len(mailed(office, case_id)) == 3


def test_the_access_ends_after_eight_hours(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    entered(office, case_id, client)
    office.clock.at += timedelta(hours=8)

    assert client.get("/acces").status_code == 410


def let_read(office: Office, case_id: UUID, partner_id: UUID | None = None) -> UUID:
    """The household lets a partner read the report: the ADIL, unless another is named."""
    form = PermissionForm(kind=PermissionKind.REPORT_TO_PARTNER, organisation_id=partner_id or office.adil_id)
    with office.runtime.database.write("test") as unit:
        return permissions.give(unit, Hand(office.karim), case_id, form).id


def report_id_of(office: Office, case_id: UUID) -> UUID:
    with office.runtime.database.read() as unit:
        return unit.session.scalars(select(Report.id).where(Report.case_id == case_id)).one()


def test_a_partner_reads_the_report_and_its_file_where_the_household_agreed(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    entered(office, case_id, client)
    let_read(office, case_id)

    page = client.get("/acces/rapport")
    file = client.get(f"/acces/rapport/{report_id_of(office, case_id)}")

    assert "/acces/rapport" in client.get("/acces").text
    assert "Logement froid, fenêtres à reprendre." in page.text
    assert f"/acces/rapport/{report_id_of(office, case_id)}" in page.text
    assert (file.content, file.headers["content-disposition"]) == (PDF, "attachment; filename*=UTF-8''rapport.pdf")


def test_the_report_shows_neither_income_nor_health_nor_the_survey(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    entered(office, case_id, client)
    let_read(office, case_id)
    with office.runtime.database.write("test") as unit:
        household = unit.session.get_one(Case, case_id).household
        household.reference_income, household.breathing = 12345, True
        unit.session.add(
            SurveyLine(case_id=case_id, section="dwelling", field="manager", about="", value="Foncia", at=unit.now)
        )

    page = client.get("/acces/rapport").text

    assert not any(
        word in page for word in ("12345", "12\u202f345", "12\xa0345", "respiratoires", "Foncia", NAME, STREET)
    )


@pytest.mark.parametrize("whose", ["nobody", "another"])
def test_without_that_agreement_the_household_is_known_and_the_report_is_not(office: Office, whose: str) -> None:
    case_id = accepted(office)
    client = browser(office)
    entered(office, case_id, client)
    if whose == "another":
        let_read(office, case_id, another_partner(office))

    household, report = client.get("/acces"), client.get("/acces/rapport")
    file = client.get(f"/acces/rapport/{report_id_of(office, case_id)}")

    assert (household.status_code, report.status_code, file.status_code) == (200, 410, 410)
    assert "/acces/rapport" not in household.text
    assert "Logement froid" not in household.text + report.text


def another_partner(office: Office) -> UUID:
    with office.runtime.database.write("test") as unit:
        partner = Organisation(
            programme_id=office.programme_id, slug="clcv", kind=OrganisationKind.PARTNER.value, name="CLCV"
        )
        unit.session.add(partner)
        unit.session.flush()
        return partner.id


def test_the_report_of_another_household_is_not_found(office: Office) -> None:
    other = make_case(office, CaseState.ORIENTING, surname="Bihan")
    case_id = accepted(office)
    client = browser(office)
    entered(office, case_id, client)
    let_read(office, case_id)
    let_read(office, other)

    assert client.get(f"/acces/rapport/{report_id_of(office, other)}").status_code == 404


def test_a_report_is_closed_at_once_when_its_agreement_is_taken_back(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    entered(office, case_id, client)
    agreement, address = let_read(office, case_id), f"/acces/rapport/{report_id_of(office, case_id)}"
    before = [client.get(page).status_code for page in ("/acces/rapport", address)]

    with office.runtime.database.write("test") as unit:
        permissions.revoke(unit, Hand(office.karim), agreement)

    after = [client.get(page).status_code for page in ("/acces/rapport", address, "/acces")]
    assert (before, after) == ([200, 200], [410, 410, 200])


def test_nobody_reads_a_report_before_he_took_the_request_and_signed_in(office: Office) -> None:
    case_id = accepted(office)
    let_read(office, case_id)
    holder = browser(office)

    link = holder.get(news_link(office, case_id)).text
    pages = [holder.get(page) for page in ("/acces/rapport", f"/acces/rapport/{report_id_of(office, case_id)}")]

    assert ("lisiez le rapport de la visite" in link, "Logement froid" in link) == (True, False)
    assert [page.status_code for page in pages] == [410, 410]


def test_each_reading_of_a_report_and_of_its_file_is_written_down(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    entered(office, case_id, client)
    let_read(office, case_id)

    client.get("/acces/rapport")
    client.get(f"/acces/rapport/{report_id_of(office, case_id)}")

    readers = browser(office, "claire").get(f"/situations/{case_id}/lecteurs").text
    assert all(words in readers for words in ("A lu le rapport de la visite", "A téléchargé un document"))


@pytest.mark.parametrize("end", ["withdraw", "complete", "revoke"])
def test_the_right_ends_with_the_request_and_with_the_permission(office: Office, end: str) -> None:
    case_id = accepted(office)
    client = browser(office)
    entered(office, case_id, client)
    link = asked(office, case_id, client, once="b")
    referral_id = referral_id_of(office, case_id)

    if end == "revoke":
        with office.runtime.database.write("test") as unit:
            unit.session.execute(update(Permission).where(Permission.case_id == case_id).values(revoked_at=unit.now))
    elif end == "withdraw":
        act(office, lambda unit: referrals.withdraw(unit, Hand(office.karim), referral_id))
    else:
        done = Completion.model_validate({"outcome": "helped_fully", "on_behalf": BY_PHONE})
        act(office, lambda unit: referrals.complete(unit, Hand(office.karim), referral_id, done))

    answers = [client.get("/acces"), send(client, link), send(client, f"{link}/nouveau", once="c")]
    assert [answer.status_code for answer in answers] == [410, 410, 409]
    assert not any(NAME in answer.text for answer in answers)


def test_without_the_households_permission_the_page_offers_no_link(office: Office) -> None:
    case_id = accepted(office)
    with office.runtime.database.write("test") as unit:
        unit.session.execute(update(Permission).where(Permission.case_id == case_id).values(revoked_at=unit.now))
    client = browser(office)

    page = client.get(news_link(office, case_id)).text
    answer = send(client, f"{news_link(office, case_id)}/acces")

    assert "Recevoir un lien" not in page
    assert answer.status_code == 409


def test_a_request_not_yet_accepted_shows_nobody(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    link = task_url(office.runtime, task_of(office, case_id, "answer_referral"))

    assert send(browser(office), f"{link}/acces").status_code == 409


def test_each_reading_and_each_refusal_is_written_down_as_the_partners(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    link = asked(office, case_id, client)
    send(browser(office), link)
    send(client, link)
    client.get("/acces")

    with office.runtime.database.read() as unit:
        query = select(AccessEntry).where(AccessEntry.case_id == case_id).order_by(AccessEntry.id)
        found = [(each.actor, each.action, each.allowed) for each in unit.session.scalars(query)]
    who = f"link:{referral_id_of(office, case_id)}"
    assert found == [(who, "sign_in", False), (who, "sign_in", True), (who, "read", True)]
    assert "ADIL du Finistère (partenaire)" in browser(office, "claire").get(f"/situations/{case_id}/lecteurs").text


def test_nothing_secret_is_stored(office: Office) -> None:
    case_id = accepted(office)
    client = browser(office)
    link = asked(office, case_id, client)
    send(client, link)

    with office.runtime.database.read() as unit:
        rows = [
            *unit.session.execute(select(SignInLink.__table__)),
            *unit.session.execute(select(PartnerSession.__table__)),
        ]
    secrets = [link.rpartition(".")[2], *client.cookies.values()]
    assert not any(secret in repr(row) for secret in secrets for row in rows)


def test_the_first_button_says_that_the_partner_opened_the_request(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    link = task_url(office.runtime, task_of(office, case_id, "answer_referral"))
    client = browser(office)

    def opened() -> object:
        with office.runtime.database.read() as unit:
            return unit.session.scalar(select(Referral.opened_at).where(Referral.case_id == case_id))

    client.get(link)
    assert opened() is None
    send(client, link, answer="accept")
    assert opened() == office.clock.at


def test_a_refused_sign_in_mail_is_an_address_to_mend(office: Office) -> None:
    from services.rules.aftermath import message_failed

    case_id = accepted(office)
    asked(office, case_id, browser(office))

    def refuse(unit: object) -> None:
        message = unit.session.scalars(select(Message).where(Message.text == "sign_in")).one()  # type: ignore[attr-defined]
        message.state, message.done_at = MessageState.REFUSED.value, unit.now  # type: ignore[attr-defined]
        message_failed(unit, message, unknown=False)  # type: ignore[arg-type]

    act(office, refuse)

    assert task_of(office, case_id, "mend_address").referral_id == referral_id_of(office, case_id)


def test_the_partner_reads_his_question_and_its_answer_and_nothing_of_the_team(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, case_id)
    link = task_url(office.runtime, task_of(office, case_id, "answer_referral"))
    client = browser(office)
    send(client, link, answer="ask", note_ask="Le bail est-il <écrit> ?")
    answer = Question(note="Oui, depuis 2019.")
    act(
        office,
        lambda unit: referrals.answer_question(unit, Hand(office.karim), referral_id_of(office, case_id), answer),
    )
    send(browser(office, "claire"), f"/situations/{case_id}/notes", text="Note de l’équipe")

    page = client.get(link).text

    assert page.index("Le bail est-il &lt;écrit&gt; ?") < page.index("Oui, depuis 2019.")
    assert "Note de l’équipe" not in page
    assert "Visite faite" in page


def test_the_coordination_mends_an_address_from_the_days_list(office: Office) -> None:
    from services.rules.aftermath import message_failed

    case_id = make_case(office, CaseState.ORIENTING)
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Organisation, office.adil_id).email = "adil@example.org"
        message = unit.session.scalars(select(Message).where(Message.text == "referral_request")).one()
        message.state, message.done_at = MessageState.REFUSED.value, unit.now
        message_failed(unit, message, unknown=False)
    drain(office)
    claire = browser(office, "claire")
    address = f"/situations/{case_id}/orientations/{referral_id_of(office, case_id)}/adresse"
    assert all(address in claire.get(page).text for page in ("/a-faire", f"/situations/{case_id}"))
    assert "adil@example.org" in claire.get(address).text

    wrong = send(claire, address, email="adil@")
    accented = send(claire, address, email="médiation@example.org")
    right = send(claire, address, once="b", email="contact@example.org")
    drain(office)

    assert accented.status_code == 422
    assert (wrong.status_code, right.headers["location"]) == (422, f"/situations/{case_id}?fait=adresse")
    assert browser(office, "karim").get(address).status_code == 403
    with office.runtime.database.read() as unit:
        sent = select(func.count()).where(Message.address == "contact@example.org", Message.state == "queued")
        assert unit.session.scalar(sent) == 1
        assert unit.session.get_one(Case, case_id).state == CaseState.ORIENTING


def test_a_partner_whose_link_is_too_old_has_a_new_one_by_mail_in_one_press(office: Office) -> None:
    case_id = accepted(office)
    old, client = news_link(office, case_id), browser(office)
    office.clock.at = task_of(office, case_id, "report_outcome").due_at + timedelta(days=30)

    page = client.get(old)
    pressed = send(client, f"{old}/nouveau")
    drain(office)

    assert (page.status_code, f'action="{urlsplit(old).path}/nouveau"' in page.text) == (410, True)
    assert pressed.headers["location"] == "/d/brest/merci/link"
    with office.runtime.database.read() as unit:
        mail = unit.session.scalars(select(Message).where(Message.text == "new_link")).one()
        (link,) = (word for word in render_message(unit, mail).body.split() if "/l/" in word)
    assert (mail.address, mail.urgent) == ("adil@brest.test", True)
    assert "Où en est cette aide" in client.get(link).text
    assert client.get(old).status_code == 410
    assert send(client, old, answer="report_progress", once="b").status_code == 410


def test_a_new_link_is_sent_once_an_hour_and_for_what_is_still_asked_only(office: Office) -> None:
    case_id = accepted(office)
    old, client = news_link(office, case_id), browser(office)
    office.clock.at = task_of(office, case_id, "report_outcome").due_at + timedelta(days=30)
    assert send(client, f"{old}/nouveau").status_code == 303

    again = send(client, f"{old}/nouveau", once="b")
    helped = Completion(outcome=ReferralOutcome.HELPED_FULLY, on_behalf=BY_PHONE)
    act(office, lambda unit: referrals.complete(unit, Hand(office.karim), referral_id_of(office, case_id), helped))
    over = client.get(old)

    assert (again.status_code, "vient de partir" in again.text) == (409, True)
    assert (over.status_code, "est terminée" in over.text, "/nouveau" in over.text) == (410, True, False)


def test_a_reminder_opens_its_link_for_ten_working_days_more(office: Office) -> None:
    case_id = accepted(office)
    task, client = task_of(office, case_id, "report_outcome"), browser(office)
    office.clock.at = task.due_at + timedelta(days=30)
    assert client.get(news_link(office, case_id)).status_code == 410
    act(office, lambda unit: reminding.remind(unit, Hand(office.claire), task.id))

    assert client.get(news_link(office, case_id)).status_code == 200
    office.clock.at += timedelta(days=21)
    assert client.get(news_link(office, case_id)).status_code == 410
