"""All that waits at one partner: seen from any of his links, by reference, and answered in one go."""

import re
from uuid import UUID

from sqlalchemy import select, update

from models.cases import Referral
from models.programmes import Organisation, PartnerColleague
from models.vocabulary import CaseState, ReferralState
from services.rules.links import task_url
from tests.factories import Office, deliver_mail, drain, make_case, task_of
from tests.services.web.browser import browser, send


def asked(office: Office, **given: object) -> UUID:
    case_id = make_case(office, CaseState.ORIENTING, **given)
    deliver_mail(office, case_id)
    return case_id


def link(office: Office, case_id: UUID) -> str:
    address = task_url(office.runtime, task_of(office, case_id, "answer_referral"))
    return "/l/" + address.rpartition("/")[2]


def state(office: Office, case_id: UUID) -> str:
    with office.runtime.database.read() as unit:
        return unit.session.scalars(select(Referral.state).where(Referral.case_id == case_id)).one()


def ticks(office: Office, *cases: UUID) -> list[str]:
    return [str(task_of(office, case_id, "answer_referral").id) for case_id in cases]


def test_every_link_leads_to_all_that_waits_and_names_nobody(office: Office) -> None:
    one, two = asked(office), asked(office, surname="Kermarrec")
    client = browser(office)

    own, desk = client.get(link(office, one)).text, client.get(link(office, two) + "/toutes").text

    assert "Une autre demande vous attend" in own
    assert len(re.findall("20[0-9]{2}-0000[12] · Brest", desk)) == 2
    assert not re.search("Le Goff|Kermarrec|Siam|06 39", desk)


def test_a_brief_that_names_nobody_is_read_before_the_answer(office: Office) -> None:
    case_id = asked(office)
    assert "Le bailleur ne répond pas" not in browser(office).get(link(office, case_id)).text

    with office.runtime.database.write("test") as unit:
        unit.session.execute(update(Referral).where(Referral.case_id == case_id).values(brief_is_open=True))

    assert "Le bailleur ne répond pas" in browser(office).get(link(office, case_id)).text


def test_several_are_accepted_at_once_and_what_is_left_stays_on_the_page(office: Office) -> None:
    one, two, three = asked(office), asked(office), asked(office)
    client, desk = browser(office), link(office, one) + "/toutes"
    form = {"answer": "accept", "task": ticks(office, one, two)}

    after = client.post(desk, data={"once": "une", **form}).text.replace("\N{NO-BREAK SPACE}", " ")

    assert "2 réponses sont enregistrées." in after
    assert [state(office, each) for each in (one, two, three)] == ["accepted", "accepted", "sent"]
    assert f'action="{link(office, three)}/toutes"' in after


def test_when_nothing_is_left_the_page_says_thanks(office: Office) -> None:
    one, two = asked(office), asked(office)
    form = {"once": "une", "answer": "decline", "reason": "capacity", "task": ticks(office, one, two)}

    answer = browser(office).post(link(office, one) + "/toutes", data=form)

    assert answer.headers["location"] == "/d/brest/merci/all"
    assert {state(office, one), state(office, two)} == {ReferralState.DECLINED}


def test_a_reason_is_asked_and_the_ticks_are_kept(office: Office) -> None:
    one = asked(office)
    form = {"once": "une", "answer": "decline", "task": ticks(office, one)}

    answer = browser(office).post(link(office, one) + "/toutes", data=form)

    assert answer.status_code == 422
    assert f'value="{ticks(office, one)[0]}" checked' in answer.text
    assert state(office, one) == ReferralState.SENT


def test_a_foreign_request_is_not_answered_through_this_page(office: Office) -> None:
    one = asked(office)
    stranger = send(browser(office), link(office, one) + "/toutes", answer="accept", task=str(office.claire.id))

    assert stranger.status_code == 422
    assert state(office, one) == ReferralState.SENT


def test_a_partner_says_his_people_and_habits_without_an_account(office: Office) -> None:
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Organisation, office.adil_id).email = "contact@adil-brest.fr"
    one, two = asked(office), asked(office)
    client, desk = browser(office), link(office, one) + "/toutes"

    foreign = send(client, f"{desk}/collegue", name="Léa Roy", email="lea@ailleurs.fr")
    own = send(client, f"{desk}/collegue", name="Léa Roy", email="lea@adil-brest.fr")
    with office.runtime.database.read() as unit:
        lea = str(unit.session.scalars(select(PartnerColleague.id)).one())
    offered = client.get(desk).text
    away = send(client, f"{desk}/absence", first_on="2025-12-01", last_on="2025-12-05", delegate_id=lea)
    full = send(client, f"{desk}/complet", until="2025-12-31")
    mails = send(client, f"{desk}/emails", gathered="1", weekdays=["1", "3"])
    page = client.get(desk).text.replace("\N{NO-BREAK SPACE}", " ")
    passed = client.post(desk, data={"once": "une", "answer": f"pass_on:{lea}", "task": ticks(office, one, two)})

    assert "selected>Léa Roy" in offered.replace("\N{NO-BREAK SPACE}", " ")
    assert foreign.status_code == 422
    assert "Donnez une adresse de votre organisme" in foreign.text
    assert [each.headers["location"] for each in (own, away, full, mails)] == [
        f"{desk}?fait={each}" for each in ("collegue", "absence", "complet", "emails")
    ]
    assert "complet jusqu’au mercredi 31 décembre" in page
    assert "Votre adresse commune : absence du lundi 1er décembre au vendredi 5 décembre" in page
    assert "2 réponses sont enregistrées." in passed.text.replace("\N{NO-BREAK SPACE}", " ")
    assert passed.text.replace("\N{NO-BREAK SPACE}", " ").count("suivie par Léa Roy") == 2, passed.text
    assert send(client, f"{desk}/fin-collegue", id=lea).status_code == 303
    assert "Léa Roy" not in client.get(desk).text


def test_a_day_is_proposed_to_the_households_of_several_requests(office: Office) -> None:
    one, two = asked(office), asked(office)
    client, desk = browser(office), link(office, one) + "/toutes"
    given = {"answer": "propose", "task": ticks(office, one, two)}

    lacking = client.post(desk, data={"once": "un", **given})
    done = client.post(desk, data={"once": "deux", **given, "meets_at": "2026-01-08", "meets_hour": "09:30"})

    assert (lacking.status_code, "Une date et une heure sont attendues." in lacking.text) == (422, True)
    assert done.headers["location"] == "/d/brest/merci/all"
    assert {state(office, one), state(office, two)} == {ReferralState.ACCEPTED}
    drain(office)
    page = client.get(task_url(office.runtime, task_of(office, one, "report_outcome"))).text
    assert "jeudi 8 janvier 2026 à 9 h 30" in page.replace("\N{NO-BREAK SPACE}", " ")


def test_accepted_helps_are_finished_in_one_go(office: Office) -> None:
    one, two = asked(office), asked(office)
    client = browser(office)
    send(client, link(office, one) + "/toutes", answer="accept", task=ticks(office, one, two))
    drain(office)
    news = [task_of(office, case_id, "report_outcome") for case_id in (one, two)]
    desk = "/l/" + task_url(office.runtime, news[0]).rpartition("/")[2] + "/toutes"

    lacking = send(client, desk, answer="complete", task=[str(each.id) for each in news])
    done = send(client, desk, "deux", answer="complete", outcome="helped_fully", task=[str(each.id) for each in news])

    assert (lacking.status_code, done.headers["location"]) == (422, "/d/brest/merci/all")
    assert {state(office, one), state(office, two)} == {ReferralState.COMPLETED}
