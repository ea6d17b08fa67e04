"""What is asked and seen at a visit, field by field: the latest answer holds, and who may read it."""

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select

from models.cases import Case, Permission, SurveyLine
from models.engine import Event
from models.vocabulary import PermissionKind
from services.cases import circumstances, permissions, surveys
from services.cases.circumstances import CircumstancesForm
from services.cases.surveys import SurveyForm
from services.forms import PermissionForm
from services.foundation.errors import InvalidInput, NotFound
from services.rules import survey
from tests.services.rules.situations import BO, CY, Office


def form(**said: object) -> SurveyForm:
    return SurveyForm.model_validate(said)


def test_the_latest_answer_of_each_field_holds_and_no_event_tells_it(office: Office) -> None:
    case_id = office.visited()
    office.do(surveys.record, BO, case_id, form(dwelling={"area": "45", "damp": ["condensation", "infiltration"]}))
    office.do(surveys.record, BO, case_id, form(dwelling={"area": 47}, rooms={"kitchen": {"temperature": "16,5"}}))
    with pytest.raises(NotFound):
        office.do(surveys.record, CY, case_id, form(dwelling={"area": 1}))

    with office.database.read() as unit:
        known = {"-".join(each.place): each.words for each in surveys.of_case(unit, office.case(case_id))}
        kept = unit.session.scalar(select(func.count()).where(SurveyLine.case_id == case_id))
        told = unit.session.scalars(select(Event.payload).where(Event.type == "survey.recorded")).all()
    assert {place: words.replace("\N{NO-BREAK SPACE}", " ") for place, words in known.items()} == {
        "dwelling-area-": "47 m²",
        "dwelling-damp-": "Condensation, Infiltrations",
        "rooms-temperature-kitchen": "16,5 °C",
    }
    assert kept == 4
    assert list(told) == [{"answers": 2}, {"answers": 2}]


def test_a_survey_that_says_nothing_is_refused(office: Office) -> None:
    case_id = office.visited()

    with pytest.raises(InvalidInput, match="Rien n’est noté"):
        office.do(surveys.record, BO, case_id, form(dwelling={"area": ""}, rooms={"kitchen": {}}))


@pytest.mark.parametrize(
    "said",
    [
        {"dwelling": {"aera": 45}},
        {"dwelling": {"glazing": "triple"}},
        {"dwelling": {"area": 0}},
        {"rooms": {"attic": {"temperature": 12}}},
        {"rooms": {"kitchen": {"temperature": 16.55}}},
        {"before": {"electricity_point": "123"}},
        {"next_visit": {"cost_since": "beaucoup"}},
    ],
)
def test_what_the_catalogue_does_not_know_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        form(**said)


def test_answers_of_health_go_with_the_agreement(office: Office) -> None:
    case_id = office.visited()
    agreed = office.do(permissions.give, BO, case_id, PermissionForm(kind=PermissionKind.HEALTH))
    office.do(surveys.record, BO, case_id, form(comfort={"felt_cold": "often", "low_mood": "yes"}))
    office.do(permissions.revoke, BO, agreed.id)

    with office.database.read() as unit:
        assert [each.place.field for each in surveys.of_case(unit, office.case(case_id))] == ["felt_cold"]


@pytest.mark.parametrize("answer", ["yes", "no", "unknown"])
def test_no_answer_of_health_is_kept_without_the_households_agreement(office: Office, answer: str) -> None:
    case_id = office.visited()
    with pytest.raises(InvalidInput, match="sans l’accord du ménage") as refused:
        office.do(surveys.record, BO, case_id, form(dwelling={"area": 45}, comfort={"low_mood": answer}))

    with office.database.read() as unit:
        assert surveys.of_case(unit, office.case(case_id)) == []
    assert refused.value.field == "health_agreed"
    assert office.events(case_id).count("permission.given") == 0


def test_the_agreement_is_given_with_the_first_answer_of_health_and_stands_for_the_next(office: Office) -> None:
    case_id = office.visited()
    office.do(surveys.record, BO, case_id, form(comfort={"low_mood": "yes"}, health_agreed=True))
    office.do(surveys.record, BO, case_id, form(comfort={"low_mood": "no"}))

    with office.database.read() as unit:
        assert [each.value for each in surveys.of_case(unit, office.case(case_id))] == ["no"]
        health = Permission.case_id == case_id, Permission.kind == PermissionKind.HEALTH
        assert [(each.revoked_at, each.mode) for each in unit.session.scalars(select(Permission).where(*health))] == [
            (None, "oral")
        ]


def test_after_it_is_taken_back_health_is_asked_anew(office: Office) -> None:
    case_id = office.visited()
    agreed = office.do(permissions.give, BO, case_id, PermissionForm(kind=PermissionKind.HEALTH))
    office.do(permissions.revoke, BO, agreed.id)

    with pytest.raises(InvalidInput, match="sans l’accord du ménage"):
        office.do(surveys.record, BO, case_id, form(comfort={"low_mood": "yes"}))


def test_breathing_troubles_need_the_same_agreement(office: Office) -> None:
    case_id = office.visited()
    with pytest.raises(InvalidInput, match="sans l’accord du ménage"):
        office.do(circumstances.record, BO, case_id, CircumstancesForm(people=2, breathing=False))
    office.do(circumstances.record, BO, case_id, CircumstancesForm(people=2, breathing=True, health_agreed=True))

    with office.database.read() as unit:
        assert unit.session.get_one(Case, case_id).household.breathing is True


def test_an_agreement_ticked_beside_nothing_of_health_is_not_noted(office: Office) -> None:
    case_id = office.visited()
    office.do(surveys.record, BO, case_id, form(dwelling={"area": 45}, health_agreed=True))

    assert office.events(case_id).count("permission.given") == 0


def test_every_field_asks_one_thing_and_every_code_is_a_word() -> None:
    for place, asked in survey.places():
        assert asked.label, place
        assert all(code.replace("_", "").isalnum() and code.islower() for code in asked.codes), place
        assert asked.most > asked.least if asked.number else not asked.most, place


@pytest.mark.parametrize(("agreed", "kept", "kinds"), [(False, ["over_75"], 0), (True, ["over_75", "pregnant"], 1)])
def test_an_alert_keeps_what_is_of_health_with_the_households_agreement_alone(
    office: Office, *, agreed: bool, kept: list[str], kinds: int
) -> None:
    case_id = office.triaged(vulnerabilities=["over_75", "pregnant"], health_agreed=agreed)

    with office.database.read() as unit:
        given = select(Permission.id).where(Permission.case_id == case_id, Permission.kind == PermissionKind.HEALTH)
        assert unit.session.get_one(Case, case_id).household.vulnerabilities == kept
        assert len(unit.session.scalars(given).all()) == kinds
