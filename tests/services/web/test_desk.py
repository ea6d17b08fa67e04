"""The coordinator's day: a ranked list whose acts lead back to it, and a partner's yes in three presses."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from models.cases import Case, Referral, Visit
from models.engine import Message, Task
from models.programmes import AccessEntry
from models.vocabulary import CaseState, Energy, MessageState, Party, ReferralState, Urgency
from services import listing
from services.cases import supply_cuts
from services.foundation import wording
from services.listing import Filters
from services.overview import desk
from services.rules.casework import Hand
from services.web import returning
from services.web.pages import today
from tests.factories import Office, act, deliver_mail, drain, make_case, referral_id_of, state_of, task_of
from tests.services.web.browser import browser, send


def lines(text: str) -> list[str]:
    return re.findall(r'<li id="ligne-([0-9a-f-]+)"', text)


def test_the_day_is_in_order_says_why_and_counts_what_it_lists(office: Office) -> None:
    calm, cut = make_case(office), make_case(office, urgency=Urgency.CUT_ANNOUNCED)
    make_case(office, CaseState.QUALIFIED)  # the operator's to do, and not late

    page = browser(office, "claire").get("/a-faire").text

    assert lines(page) == [str(cut), str(calm)]
    assert "Passe devant : coupure annoncée" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "2 situations attendent une décision" in page
    assert '<a href="/situations?seules=1">une situation</a>' in page
    with office.runtime.database.read() as unit:
        found = desk.today(unit, office.claire)
        to_do, alone = (
            listing.cases(unit, office.claire, asked) for asked in (Filters(to_do=True), Filters(alone=True))
        )
        assert (found.lines.total, found.alone) == (to_do.count(unit), alone.count(unit)) == (2, 1)


def test_the_list_opens_on_what_is_under_way_and_counts_the_years_only_if_asked(office: Office) -> None:
    open_ones, ended = [make_case(office), make_case(office, CaseState.QUALIFIED)], make_case(office, CaseState.CLOSED)
    claire = browser(office, "claire")
    href = re.search(r'<a href="(/situations[^"]*)"[^>]*>Situations</a>', claire.get("/a-faire").text)
    assert href is not None

    under_way = claire.get(href[1]).text
    assert all(f"/situations/{each}" in under_way for each in open_ones)
    assert f"/situations/{ended}" not in under_way
    assert tabs(under_way) == {
        "En cours": 2, "Repérage": 1, "Visite": 1, "Rapport à rendre": 0, "Orientation": 0, "Suivi": 0,
        "Terminées": None, "Toutes": None,
    }  # fmt: skip
    every = claire.get("/situations").text
    assert f"/situations/{ended}" in every
    assert (tabs(every)["En cours"], tabs(every)["Terminées"], tabs(every)["Toutes"]) == (2, 1, 3)


def tabs(text: str) -> dict[str, int | None]:
    row = text[text.index('class="tabs"') :]
    found = re.findall(r'<li><a href="/situations[^>]*>([^<]+?)(?: <span class="count">(\d+)</span>)?</a>', row)
    return {words: int(count) if count else None for words, count in found}


def test_each_case_stands_once_on_the_pages_of_the_day(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        deliver_mail(office, make_case(office, CaseState.ORIENTING))
    make_case(office)
    office.clock.at += timedelta(days=30)
    with office.runtime.database.write("test") as unit:  # much more is late with one of them than a page reads at once
        first = listing.owed(unit, office.claire).where(Task.kind == "answer_referral").rows(unit)[0]
        for number in range(6):
            unit.session.add(
                Task(
                    programme_id=first.programme_id, case_id=first.case_id, kind=first.kind, party=first.party,
                    stage=first.stage, opened_at=first.opened_at, due_at=first.due_at, effect_key=f"more:{number}",
                )
            )  # fmt: skip
        unit.session.flush()
        whole = [line.case.id for line in desk.today(unit, office.claire).lines.rows]
        for module in (desk, listing):
            monkeypatch.setattr(module, "PAGE", 2)
        pages = [desk.today(unit, office.claire, number=number).lines for number in (1, 2, 3)]

    assert [line.case.id for page in pages for line in page.rows] == whole
    assert len(set(whole)) == len(whole) == pages[0].total == 6


def test_what_was_put_off_is_not_of_this_day(office: Office) -> None:
    case_id = make_case(office)
    client = browser(office, "claire")
    put_off = re.search(r'href="(/situations/[^"]+/reporter)\?', client.get("/a-faire").text)
    assert put_off is not None

    until = (office.clock.now() + timedelta(days=3)).date().isoformat()
    send(client, put_off.group(1), reason="waiting_household", until=until)

    assert lines(client.get("/a-faire").text) == []
    office.clock.at += timedelta(days=3)
    assert lines(browser(office, "claire").get("/a-faire").text) == [str(case_id)]


def test_an_act_of_the_list_leads_back_to_the_list(office: Office) -> None:
    case_id = make_case(office)
    client = browser(office, "claire")
    address = f"/situations/{case_id}/accepter?retour=%2Fa-faire%3Fetape%3Ddetection"

    shown, wrong = client.get(address).text, send(client, address)
    done = send(client, address, once="deux", operator_id=str(office.operator_id))

    for text in (shown, wrong.text):
        assert f'action="{address}"' in text
        assert 'href="/a-faire?etape=detection">Revenir sans rien changer' in text
    assert done.headers["location"] == "/a-faire?etape=detection&fait=accepter"


def test_htmx_gets_the_form_alone_for_the_line_of_its_case(office: Office) -> None:
    case_id = make_case(office)
    client = browser(office, "claire")
    client.headers["hx-request"] = "true"
    address = f"/situations/{case_id}/accepter?retour=%2Fa-faire"

    for answer in (client.get(address), send(client, address)):
        assert answer.headers["hx-retarget"] == f"#acte-{case_id}"
        assert "<html" not in answer.text
        assert f'hx-post="{address}"' in answer.text


def test_two_things_owed_for_one_situation_open_each_in_a_line_of_its_own(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    form = supply_cuts.CutForm(energy=Energy.GAS, cut_on=office.clock.now().date() + timedelta(days=40))
    act(office, lambda unit: supply_cuts.announce(unit, Hand(office.karim), case_id, form))
    client = browser(office, "claire")
    places = re.findall(r'class="in-line" id="(acte-[0-9a-f-]{36})"', client.get("/qui-doit-quoi").text)
    assert len(places) == len(set(places)) == 4
    address = f"/situations/{case_id}/coupure/jour?retour=%2Fqui-doit-quoi"

    for place in places:
        client.headers.update({"hx-request": "true", "hx-target": f"div#{place}"})
        shown = client.get(address)
        client.headers["hx-target"] = "div#content"
        wrong = send(client, address, place=place)
        for answer in (shown, wrong):
            assert answer.headers["hx-retarget"] == f"#{place}"
            assert f'name="place" value="{place}"' in answer.text


@pytest.mark.parametrize("back", ["https://ailleurs.example/a-faire", "//ailleurs.example/a-faire", "/deconnexion", ""])
def test_one_is_led_back_to_our_own_lists_only(back: str) -> None:
    assert returning.leading_back("/situations/1/appel", back) == "/situations/1/appel"


def test_a_third_act_of_a_line_is_folded_with_the_others(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    make_case(office)
    three = [{"label": words, "href": "/"} for words in ("Premier", "Deuxième", "Troisième")]
    monkeypatch.setattr(today, "acts_of", lambda *_, **__: three)

    line = browser(office, "claire").get("/a-faire").text.split('class="side-acts"')[1].split('class="in-line"')[0]

    beside, _, folded = line.partition("<details")
    assert ("Deuxième" in beside, "Troisième" in beside, "Troisième" in folded) == (True, False, True)


def test_a_partners_yes_by_phone_takes_three_presses(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, case_id)
    client = browser(office, "karim")
    link = re.search(r'href="([^"]+/oui)"', client.get(f"/situations/{case_id}").text)  # one: open; two: "Oui…"
    assert link is not None
    said = re.search(r'name="said_by"[^>]*value="([^"]+)"', client.get(link.group(1)).text)
    assert said is not None

    answer = send(client, link.group(1), said_by=said.group(1))  # three: confirm, nothing to type

    assert answer.headers["location"] == f"/situations/{case_id}?fait=reponse"
    assert state_of(office, case_id) == CaseState.ORIENTING
    with office.runtime.database.read() as unit:
        referral = desk.referral_of(unit, office.karim, referral_id_of(office, case_id), case_id=case_id)
        assert referral.state == ReferralState.ACCEPTED


def test_what_a_page_sends_can_be_taken_back_for_a_minute(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, case_id)
    client = browser(office, "claire")
    link = re.search(r'action="([^"]+/relancer[^"]*)"', client.get(f"/situations/{case_id}").text)
    assert link is not None
    send(client, link.group(1))
    drain(office)

    page = client.get("/a-faire").text
    event = re.search(r'name="event" value="([^"]+)"', page)

    assert event is not None
    assert "annulable encore 60 secondes" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert event.group(1) not in browser(office, "karim").get("/a-faire").text
    taken_back = send(client, "/envois-retenus/annuler", event=event.group(1))
    assert taken_back.headers["location"] == f"/situations/{case_id}?fait=rappel"
    assert event.group(1) not in client.get("/a-faire").text
    again = send(client, "/envois-retenus/annuler", once="deux", event=event.group(1))
    assert again.headers["location"] == taken_back.headers["location"]


def test_in_place_the_page_where_an_undo_was_pressed_comes_back(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    client = browser(office, "claire")
    asked = task_of(office, case_id, "first_call").id
    send(client, f"/situations/{case_id}/taches/{asked}/relancer")
    event = re.search(r'name="event" value="([^"]+)"', client.get("/a-faire").text)
    assert event is not None
    client.headers.update({"hx-request": "true", "hx-current-url": "http://127.0.0.1:8000/courriers?x=1"})

    answer = send(client, "/envois-retenus/annuler", event=event.group(1))

    assert answer.headers["location"] == "/courriers?fait=rappel"


def test_several_lines_are_reminded_at_once_and_each_refusal_is_said(office: Office) -> None:
    late, asked = make_case(office, CaseState.TO_CONTACT), make_case(office, CaseState.TO_CONTACT)
    ours = make_case(office)
    chosen = [str(task_of(office, each, "first_call").id) for each in (late, asked)]
    chosen.append(str(task_of(office, ours, "triage").id))
    client = browser(office, "claire")
    assert chosen[2] in client.get("/a-faire").text

    typed: dict[str, Any] = {"act": "relancer", "tache": chosen, "retour": "/qui-doit-quoi"}
    page = send(client, "/en-lot", **typed).text
    again = send(client, "/en-lot", once="deux", **typed).text

    assert page.count("Appeler le ménage une première fois") == 2
    assert "Une ligne n’a pas pu l’être" in page
    assert "Personne ne peut être relancé pour cette tâche" in page
    assert 'href="/qui-doit-quoi">Revenir à la liste' in page
    assert "3 lignes n’ont pas pu l’être" in again.replace("\N{NO-BREAK SPACE}", " ")
    assert send(client, "/en-lot", once="quatre", act="relancer").status_code == 422


def test_what_lacks_to_an_act_on_several_lines_is_asked_with_the_lines_still_chosen(office: Office) -> None:
    chosen = str(task_of(office, make_case(office), "triage").id)
    client = browser(office, "claire")

    answer = send(client, "/en-lot", act="reporter", tache=chosen, reason="workload", until="", retour="/qui-doit-quoi")

    assert answer.status_code == 422
    assert "Une date est attendue" in answer.text
    assert f'value="{chosen}" checked' in answer.text
    assert '<option value="workload" selected>' in answer.text
    assert 'name="retour" value="/qui-doit-quoi"' in answer.text


def in_bulk(
    client: TestClient, office: Office, act: str, *chosen: tuple[UUID, str], once: str = "une", **typed: str
) -> Any:
    """Press one of the buttons that ask something first, or, with what was typed, the one of its page."""
    tasks = [str(task_of(office, case_id, kind).id) for case_id, kind in chosen]
    filled = {"rempli": "1"} if typed else {}
    return send(client, "/en-lot", once=once, act=act, tache=tasks, retour="/qui-doit-quoi", **filled, **typed)


def test_calls_that_nobody_answered_are_noted_at_once(office: Office) -> None:
    calls = [(make_case(office, CaseState.TO_CONTACT), "first_call") for _ in range(2)]
    triaged = (make_case(office), "triage")
    client = browser(office, "claire")

    page = in_bulk(client, office, "appeler", *calls, triaged).text
    assert page.count('checked aria-label="Choisir') == 2
    assert "Une ligne cochée n’est pas concernée" in page
    assert in_bulk(client, office, "appeler", *calls, result="reached").status_code == 422
    done = in_bulk(client, office, "appeler", *calls, triaged, result="voicemail", note="").text

    assert "Appels notés" in done
    assert [state_of(office, case_id) for case_id, _ in calls] == [CaseState.CONTACTING] * 2
    assert 'href="/qui-doit-quoi">Revenir à la liste' in done


def test_a_partners_answer_for_several_requests_is_noted_once(office: Office) -> None:
    asked = [(make_case(office, CaseState.ORIENTING), "answer_referral") for _ in range(2)]
    for case_id, _ in asked:
        deliver_mail(office, case_id)
    client = browser(office, "claire")

    page = in_bulk(client, office, "repondre", *asked).text
    assert "Ce que dit ADIL" in page
    missing = in_bulk(client, office, "repondre", *asked, answer="accept", said_by="", how="téléphone")
    assert missing.status_code == 422
    assert "Dites qui a donné cette réponse" in missing.text
    in_bulk(client, office, "repondre", *asked, answer="accept", said_by="Mme Riou", how="téléphone")
    drain(office)
    news = [(case_id, "report_outcome") for case_id, _ in asked]
    in_bulk(
        client,
        office,
        "nouvelles",
        *news,
        once="deux",
        answer="complete",
        outcome="helped_fully",
        said_by="Mme Riou",
        how="téléphone",
    )

    with office.runtime.database.read() as unit:
        found = unit.session.scalars(select(Referral).where(Referral.case_id.in_([each for each, _ in asked]))).all()
        assert [(each.state, each.outcome) for each in found] == [(ReferralState.COMPLETED, "helped_fully")] * 2


def test_requests_of_two_partners_are_not_answered_together(office: Office) -> None:
    asked = [(make_case(office, CaseState.ORIENTING), "answer_referral") for _ in range(2)]
    with office.runtime.database.write("test") as unit:
        theirs = unit.session.get_one(Referral, referral_id_of(office, asked[0][0]))
        theirs.partner_id = office.other_operator_id

    answer = in_bulk(browser(office, "claire"), office, "repondre", *asked, answer="accept", said_by="X", how="e-mail")

    assert answer.status_code == 422
    assert "de plusieurs partenaires" in answer.text
    assert task_of(office, asked[1][0], "answer_referral").state == "open"


def test_several_requests_are_accepted_or_refused_at_once(office: Office) -> None:
    asked = [(make_case(office), "triage") for _ in range(2)]
    client = browser(office, "claire")

    unsaid = in_bulk(client, office, "decider", *asked, answer="accept", operator_id="")
    assert unsaid.status_code == 422
    in_bulk(client, office, "decider", *asked, answer="accept", operator_id=str(office.operator_id))

    assert [state_of(office, case_id) for case_id, _ in asked] == [CaseState.TO_CONTACT] * 2
    other = (make_case(office), "triage")
    in_bulk(client, office, "decider", other, once="deux", answer="reject", reason="out_of_territory")
    assert state_of(office, other[0]) == CaseState.REJECTED


def test_several_cases_go_to_another_operator_at_once_by_the_coordination_alone(office: Office) -> None:
    asked = [(make_case(office, CaseState.TO_CONTACT), "first_call") for _ in range(2)]
    to = str(office.other_operator_id)

    assert in_bulk(browser(office, "karim"), office, "confier", *asked, operator_id=to).status_code == 403
    assert "Changer d’opérateur" not in browser(office, "karim").get("/a-faire").text
    again = in_bulk(browser(office, "claire"), office, "confier", *asked, asked[0], operator_id=to).text

    assert "Une ligne n’a pas pu" not in again  # one case twice is one
    with office.runtime.database.read() as unit:
        operators = {unit.session.get_one(Case, case_id).operator_id for case_id, _ in asked}
        assert operators == {office.other_operator_id}


def test_a_foreign_line_stops_nothing_of_another_and_is_not_found(office: Office) -> None:
    mine = make_case(office, CaseState.TO_CONTACT)
    taken = task_of(office, mine, "first_call").id

    answer = send(browser(office, "nadia"), "/en-lot", act="prendre", tache=str(taken))

    assert answer.status_code == 404
    assert task_of(office, mine, "first_call").person_id is None


def test_a_search_finds_ones_own_whatever_the_writing_and_is_noted(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT, surname="Quéméner", phone="06 39 98 12 34")

    for words in ("QUEMENER", "quémener", "+33 6 39 98 12 34", "06.39.98.12.34"):
        assert str(case_id) in browser(office, "karim").post("/recherche", data={"q": words}).text, words
        assert str(case_id) not in browser(office, "nadia").post("/recherche", data={"q": words}).text, words

    with office.runtime.database.read() as unit:
        noted = unit.session.scalars(select(AccessEntry).where(AccessEntry.action == "search")).all()
        assert len(noted) == 8
        told = {(entry.actor, entry.reason) for entry in noted}
        assert told == {(office.karim.label, None), (office.nadia.label, "aucun résultat")}


def test_a_search_says_how_many_it_found_and_shows_them_page_by_page(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    cases = [make_case(office, CaseState.TO_CONTACT, surname="Quéméner") for _ in range(3)]
    karim = browser(office, "karim")

    first = karim.post("/recherche", data={"q": "quemener"}).text
    assert "3 situations" in first
    assert "1 à 2 sur 3" in first
    assert str(cases[0]) not in first
    second = karim.post("/recherche", data={"q": "quemener", "page": "2"}).text
    assert "3 à 3 sur 3" in second
    assert str(cases[0]) in second
    assert "situations, de" not in karim.post("/recherche", data={"q": "introuvable", "page": "x"}).text


def test_a_visit_to_make_says_its_hour_on_the_day_and_on_its_case(office: Office) -> None:
    case_id = make_case(office, CaseState.VISIT_PLANNED)
    with office.runtime.database.read() as unit:
        visit = unit.session.scalars(select(Visit).where(Visit.case_id == case_id)).one()
        visit_at = visit.starts_at
        told = wording.moment(visit_at, ZoneInfo("Europe/Paris"), today=visit_at.date())
        told = told.replace("\N{NO-BREAK SPACE}", " ")

    office.clock.at = visit_at
    karim = browser(office, "karim")

    for page in (karim.get("/a-faire").text, karim.get(f"/situations/{case_id}").text):
        assert f"Faire la visite et dire ce qu’il en est, {told}" in page.replace("\N{NO-BREAK SPACE}", " ")


def test_a_visit_is_said_to_be_held_from_its_hour_on_and_moved_before(office: Office) -> None:
    case_id = make_case(office, CaseState.VISIT_PLANNED)
    with office.runtime.database.read() as unit:
        starts_at = unit.session.scalars(select(Visit.starts_at).where(Visit.case_id == case_id)).one()
    address = f"/situations/{case_id}"

    def offered() -> list[bool]:
        page = browser(office, "karim").get(address).text
        return [f'"{address}/visite/{act}"' in page for act in ("faite", "deplacer", "perdue")]

    assert offered() == [False, True, True]
    office.clock.at = starts_at
    assert offered() == [True, True, True]


def test_a_note_that_is_refused_is_said_at_the_top_of_its_case(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    answer = send(browser(office, "karim"), f"/situations/{case_id}/notes", text="")

    assert answer.status_code == 422
    assert 'href="#text"' in answer.text.split('role="alert"')[1].split("</section>")[0]


def test_nobody_rings_at_a_door_in_the_night(office: Office) -> None:
    case_id = make_case(office, CaseState.QUALIFIED)

    answer = send(browser(office, "karim"), f"/situations/{case_id}/visite", starts_at="2025-12-01", hour="03:00")

    assert answer.status_code == 422
    assert "hour-error" in answer.text


def test_whoever_notes_a_call_has_the_number_beside_it(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT, phone="06 39 98 00 77")

    page = browser(office, "karim").get(f"/situations/{case_id}").text

    assert 'href="tel:+33639980077"' in page.split('id="appel"')[1].split("</form>")[0]


def test_the_coordination_reads_on_its_day_that_a_mail_to_an_operator_came_back(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    with office.runtime.database.write("test") as unit:
        query = select(Message).where(Message.case_id == case_id, Message.party == Party.OPERATOR)
        message = unit.session.scalars(query).first()
        assert message is not None
        message.state, message.done_at, message.address = MessageState.REFUSED.value, unit.now, "nobody@operator.test"
        message_id, number = message.id, unit.session.get_one(Case, case_id).number

    day = browser(office, "claire").get("/a-faire").text
    assert f'/situations/{case_id}?voir=messages#histoire">' in day
    assert number in day.split("E-mails revenus")[1].split("</p>")[0]
    assert "E-mails revenus" not in browser(office, "karim").get("/a-faire").text

    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Message, message_id).state = MessageState.ACCEPTED.value
    assert "E-mails revenus" not in browser(office, "claire").get("/a-faire").text
