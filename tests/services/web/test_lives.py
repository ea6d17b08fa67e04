"""The other lives of a case on its page: it waits, ends early, is a double, goes elsewhere; loans and agreements."""

import re
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Permission
from models.vocabulary import CaseState, PermissionKind
from tests.factories import Office, drain, make_case, number_of, state_of
from tests.services.web.browser import browser, send


def page_of(office: Office, who: str, case_id: UUID) -> str:
    return browser(office, who).get(f"/situations/{case_id}").text.replace("\N{NO-BREAK SPACE}", " ")


def permission_of(office: Office, case_id: UUID, kind: PermissionKind) -> UUID:
    with office.runtime.database.read() as unit:
        query = select(Permission.id).where(Permission.case_id == case_id, Permission.kind == kind)
        return unit.session.scalars(query).one()


def suspend(office: Office, case_id: UUID, until: str = "2025-11-03") -> None:
    send(browser(office, "karim"), f"/situations/{case_id}/suspendre", reason="hospital", until=until)
    drain(office)


# -- A case that waits


def test_a_suspended_case_says_until_when_and_how_to_go_on(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    suspend(office, case_id)

    page = page_of(office, "karim", case_id)
    assert "En pause jusqu’au lundi 3 novembre" in page
    assert "Hospitalisation. À la reprise : appeler le ménage une première fois." in page
    assert page.count(f'href="/situations/{case_id}/reprendre"') == 1


def test_nobody_is_asked_for_what_waits(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    suspend(office, case_id)

    assert "Appeler le ménage" not in browser(office, "karim").get("/a-faire").text


def test_a_suspended_case_comes_back_to_the_coordination_on_its_day(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    suspend(office, case_id, until="2025-10-08")

    assert "Revoir la situation en pause" in browser(office, "claire").get("/a-faire").text


def test_a_danger_waits_for_nothing(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT, urgency="danger")

    suspend(office, case_id)

    assert "Danger" in browser(office, "claire").get("/a-faire").text


def test_a_case_resumes_where_it_was(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    suspend(office, case_id)

    answer = send(browser(office, "karim"), f"/situations/{case_id}/reprendre", once="b")

    assert answer.headers["location"] == f"/situations/{case_id}?fait=reprendre"
    assert state_of(office, case_id) == CaseState.TO_CONTACT


def test_a_case_with_a_planned_visit_does_not_wait_and_the_page_says_why(office: Office) -> None:
    case_id = make_case(office, CaseState.VISIT_PLANNED)

    address = f"/situations/{case_id}/suspendre"
    answer = send(browser(office, "karim"), address, reason="hospital", until="2025-11-03")

    assert answer.status_code == 409
    assert "Une visite est prévue" in answer.text


# -- Ends


@pytest.mark.parametrize("act", ["reunir", "separer", "transmettre", "reaffecter"])
def test_an_operator_decides_nothing_beyond_his_own_case(office: Office, act: str) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim = browser(office, "karim")
    address, typed = f"/situations/{case_id}/{act}", {"operator_id": str(office.other_operator_id)}

    answers = [
        karim.get(address),
        send(karim, address, into_number="2025-00002", to_name="x", agreement="yes", **typed),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert f'href="{address}"' not in page_of(office, "karim", case_id)


def test_a_household_that_does_not_meet_the_conditions_ends_with_the_reason(office: Office) -> None:
    case_id = make_case(office, CaseState.QUALIFIED)

    send(browser(office, "karim"), f"/situations/{case_id}/non-eligible", reason="over_income")
    drain(office)

    assert "Conditions non réunies : au-dessus des plafonds" in page_of(office, "karim", case_id)


def test_a_household_that_stops_has_no_agreement_left(office: Office) -> None:
    case_id = make_case(office, CaseState.QUALIFIED)

    karim = browser(office, "karim")
    left = send(karim, f"/situations/{case_id}/retrait", said_by="Mme Le Goff, au téléphone")
    drain(office)

    assert left.headers["location"].startswith("/a-faire?")  # an operator sees it no more
    assert karim.get(f"/situations/{case_id}").status_code == 404
    page = page_of(office, "claire", case_id)
    assert "Arrêtée à la demande du ménage" in page
    assert "Retirer</a>" not in page
    assert "Retiré le" in page


def test_a_transfer_without_agreement_is_refused_beside_its_field(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    answer = send(browser(office, "claire"), f"/situations/{case_id}/transmettre", to_name="Slime de Quimper")

    assert answer.status_code == 422
    assert "agreement-error" in answer.text
    assert "Sans l’accord du ménage" in answer.text


def test_a_wrong_number_of_another_slime_is_told_beside_its_field(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    answer = send(browser(office, "claire"), f"/situations/{case_id}/transmettre", to_phone="zéro six", agreement="1")

    assert answer.status_code == 422
    assert "to_phone-error" in answer.text


def test_a_case_given_to_another_operator_is_seen_by_him_alone(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    send(
        browser(office, "claire"), f"/situations/{case_id}/reaffecter", operator_id=str(office.other_operator_id)
    )  # fmt: skip

    seen = [browser(office, who).get(f"/situations/{case_id}").status_code for who in ("karim", "nadia")]
    assert seen == [404, 200]


def test_before_the_report_a_case_closes_only_with_what_makes_it_stop(office: Office) -> None:
    case_id = make_case(office, CaseState.QUALIFIED)

    page = browser(office, "karim").get(f"/situations/{case_id}/cloturer").text

    assert "Déménagement" in page
    assert "Problème résolu" not in page


# -- Doubles


def test_a_possible_double_is_one_click_from_being_merged(office: Office) -> None:
    kept = make_case(office, phone="06 39 98 77 77")
    double = make_case(office, phone="06 39 98 77 77")
    number, claire = number_of(office, kept), browser(office, "claire")

    address = f"/situations/{double}/reunir?into_number={number}"
    assert f'href="{address}"' in page_of(office, "claire", double)
    assert f'value="{number}"' in claire.get(address).text
    send(claire, f"/situations/{double}/reunir", into_number=number)
    drain(office)

    page = page_of(office, "claire", double)
    assert f'Réunie à une autre situation : <a href="/situations/{kept}">{number}</a>' in page
    assert f'href="/situations/{double}"' in page_of(office, "claire", kept)


def test_a_merge_is_undone_from_the_page_of_the_double(office: Office) -> None:
    kept, double = make_case(office), make_case(office)
    claire = browser(office, "claire")
    send(claire, f"/situations/{double}/reunir", into_number=number_of(office, kept))
    drain(office)

    send(claire, f"/situations/{double}/separer", once="b")

    assert state_of(office, double) == CaseState.TRIAGE


@pytest.mark.parametrize(
    ("reached", "stage"), [(CaseState.TRIAGE, "Repérage"), (CaseState.VISIT_PLANNED, "Visite"),
                           (CaseState.ORIENTING, "Orientation")],
)  # fmt: skip
def test_a_merged_case_shows_the_stage_that_it_had_reached(office: Office, reached: CaseState, stage: str) -> None:
    kept, double = make_case(office), make_case(office, reached)

    send(browser(office, "claire"), f"/situations/{double}/reunir", into_number=number_of(office, kept))
    drain(office)

    page = page_of(office, "claire", double)
    assert f'<li class="stop" aria-current="step"><span>{stage}</span><span class="how">réunie à une autre' in page
    assert f"<strong>{stage}</strong>, réunie à une autre" in page
    assert page.count('class="done"') == ["Repérage", "Visite", "Rapport", "Orientation"].index(stage)


def test_a_case_that_went_all_the_way_has_every_stage_behind_it(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    send(browser(office, "claire"), f"/situations/{case_id}/passer-au-suivi")
    drain(office)

    send(browser(office, "claire"), f"/situations/{case_id}/cloturer", once="b", outcome="moved")

    page = page_of(office, "claire", case_id)
    assert page.count('class="done"') == len(("detection", "visit", "diagnostic", "orientation", "follow_up"))
    assert "Situation close" in page


def test_the_likely_doubles_are_proposed_with_whom_they_are_about(office: Office) -> None:
    kept = make_case(office, phone="06 39 98 77 77", surname="Kerdoncuff", street="4 rue de Siam")
    double = make_case(office, phone="06 39 98 77 77")

    page = browser(office, "claire").get(f"/situations/{double}/reunir").text

    assert f'name="into_number" value="{number_of(office, kept)}"' in page
    assert "Kerdoncuff, 4 rue de Siam, Brest" in page


def test_the_end_of_a_reference_is_enough_to_merge(office: Office) -> None:
    kept, double = make_case(office), make_case(office)
    ending = number_of(office, kept).partition("-")[2].lstrip("0")

    answer = send(browser(office, "claire"), f"/situations/{double}/reunir", words=ending)

    assert answer.status_code == 303
    assert state_of(office, double) == CaseState.MERGED


def test_a_name_proposes_and_merges_nothing_before_it_is_chosen(office: Office) -> None:
    kept, double = make_case(office, surname="Kerdoncuff"), make_case(office)
    claire, address, number = browser(office, "claire"), f"/situations/{double}/reunir", number_of(office, kept)

    found = send(claire, address, words="kerdon")
    assert (found.status_code, state_of(office, double)) == (422, CaseState.TRIAGE)
    assert "into_number-error" in found.text
    assert f'value="{number}"' in found.text

    send(claire, address, once="b", words="kerdon", into_number=number)
    assert state_of(office, double) == CaseState.MERGED


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"words": "2019-00001"}, "Aucune autre situation ouverte ne répond à"),
        ({"words": "Nulle-Part"}, "Aucune autre situation ouverte ne répond à"),
        ({}, "Dites quelle situation continue."),
        ({"words": "Nulle-Part", "into_number": "2025-00001"}, "gardez l’un ou l’autre"),
    ],
)
def test_what_names_no_open_case_is_refused_beside_its_field(
    office: Office, typed: dict[str, str], sentence: str
) -> None:
    make_case(office)
    double = make_case(office)

    answer = send(browser(office, "claire"), f"/situations/{double}/reunir", **typed)

    assert answer.status_code == 422
    assert "words-error" in answer.text
    assert sentence in answer.text
    assert state_of(office, double) == CaseState.TRIAGE


def test_a_case_that_is_over_is_not_proposed_and_the_refusal_says_so(office: Office) -> None:
    over, double = make_case(office, CaseState.CLOSED), make_case(office)

    answer = send(browser(office, "claire"), f"/situations/{double}/reunir", words=number_of(office, over))

    assert "Cette situation est terminée" in answer.text


# -- Loans and agreements


def test_a_device_is_lent_and_comes_back_by_one_press(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim = browser(office, "karim")
    send(karim, f"/situations/{case_id}/prets", item="Wattmètre n° 12", due_on="2025-10-20")
    drain(office)
    page = page_of(office, "karim", case_id)
    back = re.findall(rf'action="(/situations/{case_id}/prets/[^"]+/rendu)"', page)

    assert "À rendre le lundi 20 octobre" in page
    assert len(set(back)) == 1
    send(karim, back[0], once="b")
    assert "Rendu le lundi 6 octobre" in page_of(office, "karim", case_id)


def test_a_case_does_not_close_while_a_device_is_out_and_the_page_says_which(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim = browser(office, "karim")
    send(karim, f"/situations/{case_id}/prets", item="Caméra", due_on="2025-10-20")

    answer = send(karim, f"/situations/{case_id}/cloturer", once="b", outcome="moved")

    assert answer.status_code == 409
    assert "Caméra" in answer.text


def test_the_page_of_an_agreement_says_what_stops_and_stops_it(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    karim = browser(office, "karim")
    shared = permission_of(office, case_id, PermissionKind.SHARE_WITH_PARTNER)
    address = f"/situations/{case_id}/accords/{shared}/retirer"

    assert "Une demande en cours chez ce partenaire est retirée" in karim.get(address).text
    send(karim, address)
    drain(office)

    page = page_of(office, "karim", case_id)
    assert "Retirée : accord retiré par le ménage" in page
    assert address not in page


def test_without_the_agreement_to_be_called_the_case_ends(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    contact = permission_of(office, case_id, PermissionKind.CONTACT)

    send(browser(office, "karim"), f"/situations/{case_id}/accords/{contact}/retirer")

    assert state_of(office, case_id) == CaseState.WITHDRAWN


def test_an_agreement_of_another_case_is_not_found(office: Office) -> None:
    mine, other = make_case(office, CaseState.TO_CONTACT), make_case(office, CaseState.TO_CONTACT)
    contact = permission_of(office, other, PermissionKind.CONTACT)

    answer = send(browser(office, "karim"), f"/situations/{mine}/accords/{contact}/retirer")

    assert answer.status_code == 404


def test_all_that_an_agreement_lacks_is_said_at_once(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim, address = browser(office, "karim"), f"/situations/{case_id}/accords"

    shared = send(karim, address, kind="share_with_partner", mode="", given_on="2025-10-07")
    empty = send(karim, address, kind="", mode="", given_on="2025-10-07")

    assert "3 points sont à corriger" in shared.text
    for name in ("organisation_id", "mode", "given_on"):
        assert f"{name}-error" in shared.text
    assert "3 points sont à corriger" in empty.text


def test_an_agreement_with_a_partner_names_him(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim, address = browser(office, "karim"), f"/situations/{case_id}/accords"
    typed = {"kind": "share_with_partner", "mode": "oral", "given_on": "2025-10-06"}

    without = send(karim, address, **typed)
    named = send(karim, address, once="b", organisation_id=str(office.adil_id), **typed)

    assert (without.status_code, named.status_code) == (422, 303)
    assert "Informations transmises à un partenaire : ADIL du Finistère" in page_of(office, "karim", case_id)
