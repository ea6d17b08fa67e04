"""Lists: a count, its groups, its pages and its file are one query, narrowed by the policy."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from models.cases import Case
from models.engine import Task
from models.vocabulary import Party, Stage
from services import listing
from services.listing import Filters
from tests.services.rules.situations import ADA, BO, CY, DI, OPERATOR, PARTNER, Office

ASKED = (
    Filters(),
    Filters(stage=Stage.DETECTION),
    Filters(stage=Stage.ORIENTATION, late=True),
    Filters(operator_id=OPERATOR, open_only=True),
    Filters(party=Party.PARTNER, organisation_id=PARTNER),
    Filters(party=Party.COORDINATOR, late=True),
    Filters(kind="triage", danger=True),
    Filters(commune="69123"),
)


def test_a_count_is_its_list_its_groups_and_its_file_for_every_question(office: Office) -> None:
    office.triaged()
    office.referred()
    office.at("2025-12-20 10:00")  # weeks later: late things, expired requests

    with office.database.read() as unit:
        for asked in ASKED:
            for question in (listing.cases(unit, ADA.actor, asked), listing.owed(unit, ADA.actor, asked)):
                rows = question.page(unit).rows
                assert question.count(unit) == len(rows) == len(list(question.all(unit)))
            by_stage = listing.cases(unit, ADA.actor, asked).by(unit, Case.stage)
            assert sum(by_stage.values()) == listing.cases(unit, ADA.actor, asked).count(unit)
            for stage, number in by_stage.items():
                assert listing.cases(unit, ADA.actor, asked.but(stage=stage)).count(unit) == number
            by_party = listing.owed(unit, ADA.actor, asked).by(unit, Task.party)
            assert sum(by_party.values()) == listing.owed(unit, ADA.actor, asked).count(unit)
        assert listing.cases(unit, ADA.actor).count(unit) == 2


def test_a_list_holds_what_its_reader_may_see_and_nothing_else(office: Office) -> None:
    office.triaged()
    office.referred()

    with office.database.read() as unit:
        seen = {
            hand.actor.name: (
                listing.cases(unit, hand.actor).count(unit),
                listing.owed(unit, hand.actor).count(unit) > 0,
            )
            for hand in (ADA, BO, CY, DI)
        }

    assert seen == {"Ada": (2, True), "Bo": (1, True), "Cy": (0, False), "Di": (0, False)}


def test_an_address_says_what_narrows_a_list_and_is_read_back() -> None:
    asked = Filters(stage=Stage.VISIT, late=True, operator_id=UUID(int=11))

    assert Filters().address("/situations") == "/situations"
    assert asked.address("/situations") == (
        "/situations?etape=visit&operateur=00000000-0000-0000-0000-00000000000b&retard=1"
    )
    assert (
        Filters.model_validate({"etape": "visit", "retard": "1", "operateur": str(UUID(int=11)), "tache": ""}) == asked
    )


@given(total=st.integers(0, 500), number=st.integers(1, 12))
def test_a_page_knows_where_it_is(total: int, number: int) -> None:
    rows: list[Case] = [Case()] * max(0, min(listing.PAGE, total - (number - 1) * listing.PAGE))
    page = listing.Page(rows, number, total)

    assert page.last - page.first + 1 == len(rows) or not rows
    assert page.has_next == (bool(rows) and number * listing.PAGE < total) or not rows
