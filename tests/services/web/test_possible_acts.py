"""What cannot be done yet says what is missing before anything is typed, or is not offered."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from models.cases import Visit
from models.vocabulary import CallResult, CaseState, Danger
from services.cases import calls, endings, loans, visits
from services.forms import CallForm, DangerForm, HandedOver, LoanForm, Transfer
from services.rules.casework import Hand
from tests.factories import Office, drain, make_case, task_of
from tests.services.rules.situations import PARIS
from tests.services.web.browser import browser, send


def page(office: Office, who: str, case_id: UUID, act: str = "") -> str:
    return browser(office, who).get(f"/situations/{case_id}{act}").text.replace("\N{NO-BREAK SPACE}", " ")


def sought(office: Office) -> UUID:
    """A household that did not answer three calls."""
    case_id = make_case(office, CaseState.TO_CONTACT)
    for hours in (24, 30, 18):
        office.clock.at += timedelta(hours=hours)
        with office.runtime.database.write("call") as unit:
            calls.record_call(unit, Hand(office.karim), case_id, CallForm(result=CallResult.NO_ANSWER))
        drain(office)
    return case_id


def test_giving_up_before_enough_calls_says_what_is_missing_instead_of_asking(office: Office) -> None:
    case_id = make_case(office, CaseState.CONTACTING)
    shown = page(office, "karim", case_id, "/renoncer")

    assert "Avant de renoncer, il faut 3 appels" in shown
    assert ">Renoncer</button>" not in shown


def test_giving_up_is_not_offered_while_the_household_has_time_left_to_answer(office: Office) -> None:
    case_id = sought(office)
    before = page(office, "karim", case_id)
    assert "/renoncer" not in before  # among the other acts neither
    office.clock.at = task_of(office, case_id, "await_household").due_at + timedelta(minutes=1)
    drain(office)

    assert ">Renoncer<" not in before
    assert ">Renoncer<" in page(office, "karim", case_id)
    assert ">Renoncer</button>" in page(office, "karim", case_id, "/renoncer")


def test_giving_up_is_not_among_the_other_acts_before_enough_calls(office: Office) -> None:
    assert "/renoncer" not in page(office, "karim", make_case(office, CaseState.CONTACTING))


def test_all_the_dangers_that_nobody_took_in_hand_are_said_at_once(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    for danger in (Danger.ELECTRICAL, Danger.GAS, Danger.CARBON_MONOXIDE):
        with office.runtime.database.write("danger") as unit:
            visits.report_danger(unit, Hand(office.karim), case_id, DangerForm(danger=danger))
            if danger is Danger.ELECTRICAL:
                visits.acknowledge_danger(unit, Hand(office.claire), case_id)
        drain(office)

    assert "Danger :</strong> gaz et monoxyde de carbone, signalé" in page(office, "claire", case_id)


def test_closing_with_an_open_request_says_so_before_the_form_is_filled(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    shown = page(office, "claire", case_id, "/cloturer")

    assert "Une orientation est encore ouverte (ADIL du Finistère)" in shown
    assert 'name="outcome"' not in shown


def test_closing_with_a_device_lent_says_so_before_the_form_is_filled(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    with office.runtime.database.write("loan") as unit:
        form = LoanForm(item="Wattmètre", due_on=(office.clock.at + timedelta(days=9)).date())
        loans.lend(unit, Hand(office.karim), case_id, form)

    assert "Un appareil prêté n’est pas rendu (Wattmètre)" in page(office, "claire", case_id, "/cloturer")


def test_a_household_sent_elsewhere_comes_back_once_the_page_says_that_it_is_not_followed_there(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    with office.runtime.database.write("transfer") as unit:
        hand = Hand(office.claire)
        endings.transfer(unit, hand, case_id, Transfer(agreement=True, to_name="Slime voisin"))
        endings.confirm_transfer(unit, hand, case_id, HandedOver())
    address = f"/situations/{case_id}/rouvrir"

    assert "Slime voisin a dit qu’il ne suit pas ce ménage" in page(office, "claire", case_id, "/rouvrir")
    assert send(browser(office, "claire"), address).status_code == 422
    assert send(browser(office, "claire"), address, given_back="yes").status_code == 303


def test_a_visit_on_christmas_day_is_asked_about_on_the_page_and_kept_if_the_household_wants_it(office: Office) -> None:
    case_id = make_case(office, CaseState.QUALIFIED)
    address, typed = f"/situations/{case_id}/visite", {"starts_at": "2025-12-25", "hour": "14:00", "minutes": "60"}
    client = browser(office, "karim")
    asked = send(client, address, "première fois", **typed)

    assert asked.status_code == 422
    assert "Le jeudi 25 décembre (Noël) est un jour fermé" in asked.text.replace("\N{NO-BREAK SPACE}", " ")
    assert 'name="on_closed_day"' in asked.text
    assert 'name="on_closed_day"' not in client.get(address).text
    assert send(client, address, "deuxième fois", **typed, on_closed_day="yes").status_code == 303


def test_the_page_that_moves_a_visit_says_when_it_is(office: Office) -> None:
    case_id = make_case(office, CaseState.VISIT_PLANNED)
    with office.runtime.database.read() as unit:
        day = unit.session.scalars(select(Visit.starts_at)).one().astimezone(PARIS).date()

    assert f'value="{day.isoformat()}"' in page(office, "karim", case_id, "/visite/deplacer")
