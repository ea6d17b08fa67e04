"""Requests to partners beyond yes and no: prepared, under study, on hold, given to another, contested, struck out."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Note, Referral
from models.engine import Event, Task
from models.events import ReferralSent
from models.programmes import Organisation, Service
from models.vocabulary import CaseState, OrganisationKind, ReferralOutcome, ReferralState, Theme
from services.cases import partner_work, referrals
from services.forms import Answer, Completion, OnBehalf
from services.network import directory
from services.rules.casework import Hand
from services.rules.links import task_url
from tests.factories import Office, act, deliver_mail, drain, make_case, referral_id_of, task_of
from tests.services.web.browser import browser, send

SAID = Answer(on_behalf=OnBehalf(said_by="Mme Riou", how="téléphone"))
PHONED = {"said_by": "Mme Riou", "how": "téléphone"}


@pytest.fixture
def clcv(office: Office) -> UUID:
    """A second partner for the same theme."""
    with office.runtime.database.write("partner") as unit:
        partner = Organisation(
            programme_id=office.programme_id, slug="clcv", kind=OrganisationKind.PARTNER.value,
            name="CLCV du Finistère", email="clcv@brest.test",
            services=[Service(name="Litiges locatifs", themes=[Theme.LANDLORD_MEDIATION.value])],
        )  # fmt: skip
        unit.session.add(partner)
        return partner.id


def request_of(office: Office, case_id: UUID, act_name: str) -> str:
    return f"/situations/{case_id}/orientations/{referral_id_of(office, case_id)}/{act_name}"


def state_of_request(office: Office, referral_id: UUID) -> str:
    with office.runtime.database.read() as unit:
        return unit.session.get_one(Referral, referral_id).state


def page_of(office: Office, case_id: UUID, who: str = "karim") -> str:
    return browser(office, who).get(f"/situations/{case_id}").text.replace("\N{NO-BREAK SPACE}", " ")


def asked(office: Office, **typed: str) -> dict[str, str]:
    usual = {"partner_id": str(office.adil_id), "theme": "landlord_mediation", "brief": "Fenêtres.", "kind": "mail"}
    return {**usual, "permission_mode": "oral", **typed}


def accepted(office: Office) -> UUID:
    case_id = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, case_id)
    found = referral_id_of(office, case_id)
    act(office, lambda unit: referrals.accept(unit, Hand(office.karim), found, SAID))
    return case_id


def completed(office: Office) -> UUID:
    case_id = accepted(office)
    form = Completion(outcome=ReferralOutcome.HELPED_FULLY, on_behalf=SAID.on_behalf)
    found = referral_id_of(office, case_id)
    act(office, lambda unit: referrals.complete(unit, Hand(office.karim), found, form))
    return case_id


# -- Prepared, several at once, by a portal


def test_a_request_kept_for_later_leaves_when_it_is_sent(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    karim = browser(office, "karim")

    kept = send(karim, f"/situations/{case_id}/orienter", then="prepare", **asked(office))
    drain(office)
    assert kept.headers["location"].endswith("fait=preparer")
    page = page_of(office, case_id)
    assert "Terminer et envoyer la demande préparée" in page
    assert "Fenêtres." in karim.get(request_of(office, case_id, "envoyer")).text

    form = asked(office, permission="yes")
    del form["theme"]
    send(karim, request_of(office, case_id, "envoyer"), once="b", **form)
    assert state_of_request(office, referral_id_of(office, case_id)) == ReferralState.SENT


def test_a_draft_given_up_tells_its_partner_nothing(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    karim = browser(office, "karim")
    send(karim, f"/situations/{case_id}/orienter", then="prepare", **asked(office))

    send(karim, request_of(office, case_id, "retirer"), once="b", reason="need_gone")
    drain(office)

    page = page_of(office, case_id)
    assert "Retirée : le besoin n’existe plus" in page
    assert "Au partenaire" not in page


def test_several_partners_are_asked_at_once(office: Office, clcv: UUID) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)

    send(
        browser(office, "karim"), f"/situations/{case_id}/orienter",
        **asked(office, permission="yes", also_ids=str(clcv)),
    )  # fmt: skip
    drain(office)

    page = page_of(office, case_id)
    assert page.count("En attente de réponse</span>") == 2


def test_a_request_by_the_partners_portal_names_the_day_to_look(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    karim, address = browser(office, "karim"), f"/situations/{case_id}/orienter"
    form = asked(office, permission="yes", kind="outside_portal", file_number="A-1")

    without = send(karim, address, **form)
    dated = send(karim, address, once="b", check_on="2025-11-03", **form)
    drain(office)

    assert (without.status_code, dated.status_code) == (422, 303)
    assert 'class="fold" open' in without.text
    assert "Chercher la réponse du partenaire" in page_of(office, case_id)


# -- What the partner says, by his link or on his behalf


def test_a_partner_who_studies_it_keeps_his_link_and_says_so_once(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, case_id)
    link, client = task_url(office.runtime, task_of(office, case_id, "answer_referral")), browser(office)

    send(client, link, answer="acknowledge")
    drain(office)

    page = client.get(link)
    assert page.status_code == 200
    assert 'value="acknowledge"' not in page.text
    assert "À l’étude" in page_of(office, case_id)


def test_a_partner_holds_and_resumes_by_one_link(office: Office) -> None:
    case_id = accepted(office)
    link, client = task_url(office.runtime, task_of(office, case_id, "report_outcome")), browser(office)
    until = (office.clock.at + timedelta(days=14)).date().isoformat()

    started = send(client, link, answer="start")
    without = send(client, link, once="b", answer="hold", until=until)
    held = send(client, link, once="c", answer="hold", hold_reason="third_party", until=until)
    drain(office)
    waiting = page_of(office, case_id)
    resumed = send(client, link, once="d", answer="resume")

    assert [each.status_code for each in (started, without, held, resumed)] == [303, 422, 303, 303]
    assert "hold_reason-error" in without.text
    assert "En pause jusqu’au" in waiting
    assert state_of_request(office, referral_id_of(office, case_id)) == ReferralState.IN_PROGRESS


def test_a_link_does_not_grow_old_while_its_task_waits(office: Office) -> None:
    case_id = accepted(office)
    task = task_of(office, case_id, "report_outcome")
    with office.runtime.database.write("pause") as unit:
        found = unit.session.get_one(Task, task.id)
        found.paused_at, found.due_at = unit.now, unit.now - timedelta(days=60)

    assert browser(office).get(task_url(office.runtime, task)).status_code == 200


def test_news_are_noted_for_a_partner_who_waits(office: Office) -> None:
    case_id = accepted(office)
    until = (office.clock.at + timedelta(days=7)).date().isoformat()

    answer = send(
        browser(office, "karim"), request_of(office, case_id, "nouvelles"),
        answer="hold", hold_reason="household", until=until, **PHONED,
    )  # fmt: skip

    assert answer.status_code == 303
    assert "Donner des nouvelles" not in browser(office, "claire").get("/a-faire").text


# -- Elsewhere, again, never


def test_another_partner_takes_the_place_of_the_first(office: Office, clcv: UUID) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    first = referral_id_of(office, case_id)
    form = asked(office, permission="yes", partner_id=str(clcv))

    karim = browser(office, "karim")
    send(karim, request_of(office, case_id, "transferer"), **form)
    drain(office)
    assert "annulable encore" in karim.get("/a-faire").text.replace("\N{NO-BREAK SPACE}", " ")
    assert state_of_request(office, first) == ReferralState.SENT  # until it can no longer be taken back
    office.clock.at += timedelta(minutes=1)
    act(office, referrals.take_over_due)

    assert state_of_request(office, first) == ReferralState.SUPERSEDED
    assert state_of_request(office, referral_id_of(office, case_id)) == ReferralState.SENT


def test_what_the_household_contests_is_verified_and_may_be_asked_again(office: Office) -> None:
    case_id = completed(office)
    karim = browser(office, "karim")

    send(karim, request_of(office, case_id, "contester"), text="Personne n’est venu.")
    drain(office)
    assert "Vérifier une aide contestée" in browser(office, "claire").get("/a-faire").text
    send(karim, request_of(office, case_id, "redemander"), once="b", note="Rien n’a été fait.")
    drain(office)

    assert state_of_request(office, referral_id_of(office, case_id)) == ReferralState.DRAFT
    assert "Vérifier une aide contestée" not in browser(office, "claire").get("/a-faire").text


def test_the_household_confirms_a_help_during_the_follow_up_call(office: Office) -> None:
    case_id = completed(office)
    karim, address, found = browser(office, "karim"), f"/situations/{case_id}/suivi", referral_id_of(office, case_id)

    assert f'name="aide-{found}"' in karim.get(address).text
    send(karim, address, result="reached", **{f"aide-{found}": "confirmed"})

    assert "Confirmée par le ménage" in page_of(office, case_id)


def test_a_request_that_left_is_struck_out_by_somebody_else(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    address = request_of(office, case_id, "erreur")

    own = send(browser(office, "karim"), address, reason="wrong_household")
    other = send(browser(office, "claire"), address, reason="wrong_household")

    assert (own.status_code, other.status_code) == (409, 303)
    assert "une autre personne doit confirmer" in own.text


def test_a_help_that_started_keeps_its_task_and_counts_its_days_again(office: Office) -> None:
    case_id = accepted(office)
    before = task_of(office, case_id, "report_outcome")
    office.clock.at += timedelta(days=10)

    found = referral_id_of(office, case_id)
    act(office, lambda unit: partner_work.start(unit, Hand(office.karim), found, SAID))

    after = task_of(office, case_id, "report_outcome")
    assert (after.id, after.link_version) == (before.id, before.link_version)
    assert after.due_at > before.due_at + timedelta(days=7)


# -- Whom the directory proposes


def test_the_type_is_asked_first_then_the_partners_come_with_their_reasons(office: Office, clcv: UUID) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    karim, address = browser(office, "karim"), f"/situations/{case_id}/orienter"
    with office.runtime.database.write("full") as unit:
        directory.fill(unit, unit.session.get_one(Organisation, clcv), Theme.LANDLORD_MEDIATION, date(2025, 11, 30))
    form = asked(office, permission="yes", partner_id=str(clcv))

    types, partners = karim.get(address), karim.get(f"{address}?type=landlord_mediation")
    refused = send(karim, address, **form)
    taken = send(karim, address, once="b", **form, despite="Accord de la direction de la CLCV.")
    drain(office)

    assert "1 partenaire · 1 écarté" in types.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Personne dans l’annuaire pour" in types.text
    before, apart = partners.text.split("Écartés pour cette situation")
    assert "ADIL du Finistère" in before
    assert "CLCV du Finistère" in apart
    assert "Complet jusqu’au dimanche" in apart
    assert (refused.status_code, taken.status_code) == (422, 303)
    assert "dites pourquoi lui demander quand même" in refused.text
    assert "CLCV du Finistère : Accord de la direction" in page_of(office, case_id)
    with office.runtime.database.read() as unit:
        sent = unit.session.scalars(select(Event).where(Event.type == ReferralSent.type)).one()
        assert sent.payload["despite"] == ["full"]
        note = unit.session.scalars(select(Note).where(Note.text.contains("Accord de la direction"))).one()
        assert note.audience == "team"


def test_what_is_wrong_about_who_said_yes_is_told_beside_its_field(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    address = f"/situations/{case_id}/orientations/{referral_id_of(office, case_id)}/oui"

    answer = send(browser(office, "karim"), address, said_by="Riou " * 50)

    assert answer.status_code == 422
    assert "said_by-error" in answer.text
