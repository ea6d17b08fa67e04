"""Tasks in people's hands on the page of a case, those of a pathway's own among them."""

from typing import Any
from uuid import UUID

import pytest
import yaml

from deployments.publishing import DEFAULT
from models.pathway import Pathway
from models.programmes import Programme
from models.vocabulary import CaseState
from services.rules.published import problems, publish
from tests.factories import Office, drain, make_case, task_of
from tests.services.web.browser import browser, send

COMMITTEE: dict[str, Any] = {
    "party": "operator",
    "due": {"delay": "2wd"},
    "ladder": "late_operator",
    "outcomes": ["agreed", "put_off"],
    "outcome_titles": ["Le comité est d’accord", "Le comité veut en reparler"],
    "title": "Présenter la situation au comité",
    "what_to_do": "Envoyer la fiche trois jours avant.",
}


@pytest.fixture
def committee(office: Office) -> Office:
    """A programme whose cases go before a committee as soon as they are accepted."""
    body = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    body["tasks"]["committee"] = COMMITTEE
    body["events"]["case.accepted"]["then"] = [{"open": "committee"}]
    body["events"]["task.completed/committee/agreed"] = {"then": [{"open": "first_call"}]}
    pathway = Pathway.model_validate(body)
    assert problems(pathway, acts=frozenset(pathway.acts())) == []
    with office.runtime.database.write("pathway") as unit:
        unit.session.get_one(Programme, office.programme_id).pathway_hash = publish(unit, pathway)
    return office


def task_address(office: Office, case_id: UUID, kind: str, act: str) -> str:
    return f"/situations/{case_id}/taches/{task_of(office, case_id, kind).id}/{act}"


def text_of(office: Office, who: str, address: str) -> str:
    return browser(office, who).get(address).text.replace("\N{NO-BREAK SPACE}", " ")


def test_whoever_takes_a_task_is_named_to_the_others(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    send(browser(office, "karim"), task_address(office, case_id, "first_call", "prendre"))
    drain(office)

    assert '<p class="who">Karim Le Gall</p>' in text_of(office, "claire", f"/situations/{case_id}")
    assert task_address(office, case_id, "first_call", "prendre") not in text_of(
        office, "karim", f"/situations/{case_id}"
    )


def test_a_task_given_back_is_the_coordinations(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    send(browser(office, "karim"), task_address(office, case_id, "first_call", "rendre"), reason="no_capacity")
    drain(office)

    assert task_of(office, case_id, "first_call").party == "coordinator"
    assert "Appeler le ménage" in text_of(office, "claire", "/a-faire")


def test_reminders_are_put_off_for_a_few_days_and_the_page_refuses_more(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    karim, address = browser(office, "karim"), task_address(office, case_id, "first_call", "reporter")

    far = send(karim, address, reason="workload", until="2025-12-01")
    near = send(karim, address, once="b", reason="workload", until="2025-10-10")
    drain(office)

    assert (far.status_code, near.status_code) == (422, 303)
    assert "Au plus 10" in far.text
    assert "Pas de relance avant le vendredi 10 octobre." in text_of(office, "karim", f"/situations/{case_id}")


def test_a_task_is_handed_to_nobody_of_another_team(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    address = task_address(office, case_id, "first_call", "transmettre")
    answer = send(browser(office, "karim"), address, person_id=str(office.nadia.id))

    assert answer.status_code == 422
    assert "n’est pas de l’équipe" in answer.text


def test_an_operator_touches_no_task_of_the_coordination(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    address = task_address(office, case_id, "answer_referral", "prendre")

    answers = [browser(office, "karim").get(address), send(browser(office, "karim"), address)]

    assert [answer.status_code for answer in answers] == [403, 403]


def test_a_task_of_the_pathways_own_has_its_own_words_everywhere(committee: Office) -> None:
    case_id = make_case(committee, CaseState.TO_CONTACT)

    day, page = text_of(committee, "karim", "/a-faire"), text_of(committee, "karim", f"/situations/{case_id}")

    assert COMMITTEE["title"] in day
    assert all(words in page for words in (COMMITTEE["title"], COMMITTEE["what_to_do"], *COMMITTEE["outcome_titles"]))


def test_a_task_of_the_pathways_own_ends_with_its_outcome(committee: Office) -> None:
    case_id = make_case(committee, CaseState.TO_CONTACT)
    karim, address = browser(committee, "karim"), task_address(committee, case_id, "committee", "terminer")

    assert 'value="agreed" checked' in karim.get(f"{address}?outcome=agreed").text
    answer = send(karim, address, outcome="agreed")
    drain(committee)

    assert answer.status_code == 303
    assert task_of(committee, case_id, "first_call").party == "operator"
    told = text_of(committee, "karim", f"/situations/{case_id}")
    assert "Tâche faite : présenter la situation au comité (le comité est d’accord)" in told


def test_a_task_that_the_software_knows_ends_by_its_own_act(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    answer = send(browser(office, "karim"), task_address(office, case_id, "first_call", "terminer"))

    assert answer.status_code == 409
    assert "se termine par l’action qu’elle demande" in answer.text


def test_an_outcome_that_the_pathway_does_not_know_is_refused(committee: Office) -> None:
    case_id = make_case(committee, CaseState.TO_CONTACT)

    address = task_address(committee, case_id, "committee", "terminer")
    answer = send(browser(committee, "karim"), address, outcome="danced")

    assert answer.status_code == 422
    assert "outcome-error" in answer.text
