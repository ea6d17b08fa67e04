"""The territory: communes come and go from a day on, what that means is said first, and nothing is moved by it."""

from datetime import date

import pytest
from sqlalchemy import select

from models.programmes import Commune, Territory
from services.foundation.errors import Denied, InvalidInput
from services.network import territory
from services.network.territory import TerritoryForm
from services.network.territory import communes_on as codes_on
from tests.services.rules.situations import ADA, BO, PROGRAMME, Office, paris

OULLINS, TARARE = "69149", "69243"
SOON, LATER = date(2025, 11, 3), date(2025, 12, 1)


@pytest.fixture
def office(office: Office) -> Office:
    """With a second commune, which is known and not of the territory."""
    with office.database.write("test") as unit:
        unit.session.add(Commune(code=TARARE, name="Tarare", search_key="tarare", postcodes=["69170"], department="69"))
    return office


def days(office: Office, code: str) -> list[tuple[date, date | None]]:
    query = select(Territory.from_on, Territory.to_on).where(
        Territory.programme_id == PROGRAMME, Territory.commune_code == code
    )
    with office.database.read() as unit:
        return [(row.from_on, row.to_on) for row in unit.session.execute(query.order_by(Territory.from_on))]


def change(office: Office, on: date, *, enter: tuple[str, ...] = (), leave: tuple[str, ...] = ()) -> None:
    office.do(territory.change, ADA, TerritoryForm(enter=list(enter), leave=list(leave), from_on=on))


def test_a_commune_enters_and_another_leaves_from_a_day_on(office: Office) -> None:
    change(office, SOON, enter=(TARARE,), leave=(OULLINS,))

    with office.database.read() as unit:
        for day, inside in ((date(2025, 11, 2), {OULLINS}), (SOON, {TARARE})):
            assert set(unit.session.scalars(codes_on(PROGRAMME, day))) == inside


def test_what_was_to_come_is_overtaken_and_what_was_stays(office: Office) -> None:
    change(office, LATER, leave=(OULLINS,))
    change(office, SOON, leave=(OULLINS,))
    assert days(office, OULLINS) == [(date(2020, 1, 1), date(2025, 11, 2))]

    change(office, SOON, enter=(OULLINS,))  # on the very day on which it would have left: it never did
    assert days(office, OULLINS) == [(date(2020, 1, 1), None)]

    change(office, LATER, enter=(TARARE,))
    change(office, SOON, enter=(TARARE,))
    assert days(office, TARARE) == [(SOON, None)]
    change(office, SOON, leave=(TARARE,))
    assert days(office, TARARE) == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_a_change_means_is_said_before_it_and_moves_nothing(office: Office) -> None:
    inside = office.accepted()
    outside = office.triaged(phone="06 39 98 12 35", commune_code=TARARE, postcode="69170")
    form = TerritoryForm(enter=[TARARE], leave=[OULLINS], from_on=SOON)

    with office.database.read() as unit:
        effect = territory.foresee(unit, ADA.actor, form)
        assert [each.id for each in effect.open_cases] == [inside]
        assert [each.id for each in effect.requests] == [outside]
    office.do(territory.change, ADA, form)

    assert office.case(outside).checks["in_territory"] is False
    assert office.case(inside).state == "to_contact"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"enter": [TARARE], "from_on": date(2025, 1, 1)}, "from_on"),
        ({"from_on": SOON}, "enter"),
        ({"enter": [OULLINS], "from_on": SOON}, "enter"),
        ({"leave": [TARARE], "from_on": SOON}, "leave"),
        ({"enter": ["99999"], "from_on": SOON}, "enter"),
        ({"enter": [TARARE], "leave": [TARARE], "from_on": SOON}, "leave"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(office: Office, said: dict[str, object], field: str) -> None:
    office.sleep_to("2025-10-20 10:00")
    assert paris("2025-10-20 10:00") == office.clock.at

    with pytest.raises(InvalidInput) as refused:
        office.do(territory.change, ADA, TerritoryForm.model_validate(said))
    assert refused.value.field == field
    with pytest.raises(Denied):
        office.do(territory.change, BO, TerritoryForm(enter=[TARARE], from_on=SOON))
