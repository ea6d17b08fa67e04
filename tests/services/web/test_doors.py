"""Who passes which door: every route, by every kind of person, against a table that a reviewer reads (`doors.txt`)."""

import re
from collections import Counter
from typing import Final

import pytest
from sqlalchemy import select

from models.base import Base
from models.cases import Case, Note
from models.programmes import Organisation
from models.vocabulary import Contract
from services.foundation import wording
from tests.factories import Office
from tests.services.web import town
from tests.services.web.doors import ACTORS, DENIED, PASSES, SAFE, SAME_SITE, UNKNOWN, World, doors, knocker, table

ON_SQLITE: Final = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
FOREIGN_THINGS: Final = re.compile(
    r"<(?:script|style)[ >](?![^>]*src=)|<[^>]* (?:on[a-z]+|style)="
    r"|<(?:link|img|script)[^>]*(?:src|href)=.(?:https?:)?//"
)
"""What the content security policy forbids: inline scripts and styles, and anything of another site."""
KNOWING: Final = frozenset({"operator", "coordinator"})
"""Who may read the name everywhere; the partner reads it at one door."""
EXAMPLES: Final = ("/api/openapi", "/api/docs")
READ_BY: Final = {"/d/{slug}/ma-situation": "household"}
ASKING: Final = {"/api/v1/territory/effect": "?enter=29011"}
NOT_A_PAGE: Final = {
    "/": 303,  # to the first page of whoever knocks
    "/envois-retenus": 303,  # a part of a page, for its script
    "/readyz": 503,  # the tables of tests come from the models: no migration is told
}
"""What answers something else than a page or a file, and what."""


@pytest.fixture
def world(office: Office) -> World:
    return town.build(office)


@pytest.mark.timeout(300)  # six thousand requests
@ON_SQLITE
def test_every_door_opens_for_whom_the_table_says_and_for_nobody_else(world: World) -> None:
    found: dict[tuple[str, str], str] = dict.fromkeys(doors(world.app), "")
    for actor in ACTORS:
        with knocker(world, actor) as client:
            for door in found:
                found[door] += world.knock(client, actor, *door)
    world.settle()

    lines = {f"{letters} {method:4} {path}" for (method, path), letters in found.items()}
    agreed = {f"{letters} {method:4} {path}" for (method, path), letters in table().items()}
    # A new door, or one that opens otherwise, wants a reviewer: what was found is a line for doors.txt.
    assert (sorted(lines - agreed), sorted(agreed - lines)) == ([], [])
    assert [line for line in sorted(lines) if PASSES not in line.split()[0]] == [], (
        "nobody passes: refusals prove nothing"
    )
    assert [(address, hit[0]) for _, address, text in world.told if (hit := FOREIGN_THINGS.search(text))] == []
    assert +world.denials == refused_on_the_case(world, found)
    assert who_reads(world, "Le Goff") == KNOWING | {"partner"}
    assert {address for actor, address, text in world.told if actor == "partner" and "Le Goff" in text} == {"/acces"}


def refused_on_the_case(world: World, found: dict[tuple[str, str], str]) -> Counter[str]:
    """How often each was refused something of the case; a reading of the API is no act and tells it otherwise."""
    counted: Counter[str] = Counter()
    labels = [world.holders[actor].label for actor in ACTORS]
    for (method, path), letters in found.items():
        if "{case_id}" in path and not (path.startswith("/api/") and method in SAFE):
            counted.update(who for who, letter in zip(labels, letters, strict=True) if letter in {DENIED, UNKNOWN})
    return counted


def who_reads(world: World, word: str) -> set[str]:
    return {actor for actor, address, text in world.told if word in text and not address.startswith(EXAMPLES)}


def test_reading_every_page_changes_nothing(world: World) -> None:
    clients = {actor: knocker(world, actor) for actor in ACTORS}
    before, read = rows(world.office), {}

    for (method, path), letters in table().items():
        if method in SAFE:
            actor = READ_BY.get(path, ACTORS[letters.rindex(PASSES)])
            read[path] = world.ask(clients[actor], actor, method, path, ASKING.get(path, "")).status_code

    assert {path: status for path, status in read.items() if status != 200} == NOT_A_PAGE
    assert len(read) == sum(method in SAFE for method, _ in doors(world.app))
    assert rows(world.office) == before


def rows(office: Office) -> dict[str, list[tuple[object, ...]]]:
    """All that is written, but for who read what."""
    with office.runtime.database.read() as unit:
        return {
            table.name: sorted(map(tuple, unit.session.execute(select(table)).all()), key=repr)
            for table in Base.metadata.sorted_tables
            if table.name != "access_log"
        }


@ON_SQLITE
def test_no_door_tells_the_coordination_whom_an_association_under_a_subsidy_helps(world: World) -> None:
    office = world.office
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Organisation, office.operator_id).contract = Contract.SUBSIDY.value
        case = unit.session.get_one(Case, world.things["case_id"])
        secrets = ["Le Goff", "fenêtres", "rue de Siam", case.household.phones[0].number, "rapport.pdf"]
        secrets.append(wording.phone(case.household.phones[0].number))
        unit.session.add(Note(case_id=case.id, audience="team", author="Karim", text="fenêtres", at=unit.now))

    with knocker(world, "coordinator") as client:
        for method, path in doors(world.app):
            if method in SAFE:
                world.knock(client, "coordinator", method, path)
        found = client.post("/recherche", data={"q": "Le Goff"}, headers=SAME_SITE).text
        own = client.post("/recherche", data={"q": case.number}, headers=SAME_SITE).text

        world.knock(client, "operator", "GET", "/situations/{case_id}")

    *told, (_, _, theirs) = world.told
    told = [each for each in told if not each[1].startswith(EXAMPLES)]
    assert "Le Goff" in theirs
    assert [(address, word) for _, address, text in told for word in secrets if word in text] == []
    assert (f"/situations/{case.id}" in found, f"/situations/{case.id}" in own) == (False, True)
