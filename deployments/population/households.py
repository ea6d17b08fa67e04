"""Invented households with their alert; and the register that tells which of them may be one household."""

from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from random import Random
from typing import Any, Final, NamedTuple

from deployments.population.acts import add_phone, permit
from deployments.population.figures import Giving, drawn, figures, names
from deployments.population.life import Life
from deployments.population.office import Giver, Hand, Office, Place, Row
from models.vocabulary import CaseState, Danger, PermissionKind, Stage, Tenure, Urgency
from services.foundation.phones import FICTION, MOBILE_FICTION
from services.rules.finding import search_key, words_of
from services.rules.likeness import Double, Likeness, Neighbours

BLOCK: Final = 10_000
STRIDE: Final = 7_919  # prime to the block: neighbours in time have no neighbouring numbers
LOOKED_AT: Final = 200
"""How many known cases the engine compares with a new one."""
FORM: Final = "form"
PHONE: Final = "phone"


class Household(NamedTuple):
    """Who lives where, and how they are reached."""

    civility: str
    first_name: str
    surname: str
    number: str
    email: str | None
    street: str
    complement: str
    place: Place
    tenure: Tenure


class Known(NamedTuple):
    """A case as the register remembers it."""

    case: Double
    likeness: Likeness
    household: Household


class Register:
    """The households so far. `taken`: numbers that are somebody's already."""

    def __init__(self, taken: frozenset[str]) -> None:
        """Nobody is known."""
        self._numbers = _numbers(taken)
        self._by_number: defaultdict[str, list[Double]] = defaultdict(list)
        self._by_commune: defaultdict[str, deque[Known]] = defaultdict(lambda: deque(maxlen=LOOKED_AT))

    def next_number(self) -> str:
        """A number of fiction; they come again when all were given."""
        return next(self._numbers)

    def somebody_of(self, place: Place, chance: Random) -> Household | None:
        """A household that is known there already."""
        known = self._by_commune[place.code]
        return chance.choice(known).household if known else None

    def meet(self, case: Row, household: Household) -> list[Double]:
        """The known cases that may be the same household, the latest first; this one is known from now on."""
        own = Likeness(
            frozenset({household.number}),
            search_key(household.surname, household.first_name),
            search_key(household.street),
            household.place.code,
        )
        same = self._by_number[household.number]
        there = self._by_commune[household.place.code]
        neighbours = Neighbours((known.case, known.likeness) for known in there).like(own)
        found = list(dict.fromkeys([*reversed(neighbours), *reversed(same)]))
        double = Double(case["id"], case["number"], case["opened_at"])
        same.append(double)
        there.append(Known(double, own, household))
        return found


def _numbers(taken: frozenset[str]) -> Iterator[str]:
    blocks = [MOBILE_FICTION, *(block for block in FICTION if block != MOBILE_FICTION)]
    while True:
        for block in blocks:
            for turn in range(BLOCK):
                number = f"{block}{turn * STRIDE % BLOCK:04d}"
                if number not in taken:
                    yield number


def invent(office: Office, register: Register, chance: Random, *, inside: bool) -> Household:
    """A household of the territory, or of next door."""
    words, said = names(), figures()
    place = chance.choice(office.inside if inside else office.outside)
    civility = drawn(chance, words.civil)
    first_name = chance.choice(words.women if civility == "Mme" else words.men)
    surname = chance.choice(words.surnames)
    email = None
    if chance.random() < said.household_email:
        email = f"{_plain(first_name)}.{_plain(surname)}{chance.randrange(100)}@menage.example"
    return Household(
        civility=civility,
        first_name=first_name,
        surname=surname,
        number=register.next_number(),
        email=email,
        street=f"{chance.randint(1, 120)} {chance.choice(words.streets)}",
        complement=chance.choice(words.complements),
        place=place,
        tenure=Tenure(drawn(chance, said.tenure)),
    )


@cache
def _plain(name: str) -> str:
    return search_key(name)


class Asked(NamedTuple):
    """An alert: who gives it for whom, and how pressing it is."""

    household: Household
    giver: Giver | None
    person: str
    urgency: Urgency


def ask(office: Office, household: Household, chance: Random) -> Asked:
    """Who tells us of this household."""
    source = _source(chance)
    services = office.givers_of(source)
    giver = chance.choice(services) if services else None
    if giver is None:
        person = f"{household.civility} {household.first_name} {household.surname}"
    else:
        # A service has four people who write, always the same.
        whose = Random(f"{giver.slug}:{chance.randrange(4)}")  # noqa: S311 - the same draw each time is what is wanted
        words = names()
        person = f"{whose.choice(words.women + words.men)} {whose.choice(words.surnames)}"
    return Asked(household, giver, person, Urgency(drawn(chance, figures().urgency)))


def _source(chance: Random) -> Giving:
    sources = figures().sources
    return chance.choices(sources, [source.share for source in sources])[0]


def write(life: Life, asked: Asked, number: str) -> Hand:
    """The rows of a new case; who sends it."""
    office, household, chance, said = life.office, asked.household, life.chance, figures()
    person = life.add(
        "household",
        civility=household.civility,
        first_name=household.first_name,
        surname=household.surname,
        email=household.email,
        best_time=drawn(chance, said.best_time),
        birth_year=life.now.year - chance.randint(22, 88) if chance.random() < 0.6 else None,  # noqa: PLR2004 - A
        people=drawn(chance, said.people),
        search_key=search_key(household.surname, household.first_name),
    )
    dwelling = life.add(
        "dwelling",
        street=household.street,
        complement=household.complement,
        postcode=household.place.postcode,
        commune_code=household.place.code,
        tenure=household.tenure.value,
        landlord="",
        search_key=search_key(household.street),
    )
    life.case = life.add("case", **_case(office, life.now, number, asked.urgency))
    life.case["household_id"], life.case["dwelling_id"] = person["id"], dwelling["id"]
    add_phone(life, household.number, 1)
    life.rows["search_word"] = [
        {"programme_id": office.programme_id, "word": word, "case_id": life.case["id"]}
        for word in sorted(words_of(household.surname, household.first_name, household.street))
    ]
    _alert(life, asked)
    hand = Hand(f"form:{asked.giver.id}", asked.person) if asked.giver else office.coordinators[0].hand
    agreed = Hand("", asked.person)
    permit(life, agreed, PermissionKind.CONTACT)
    if chance.random() < said.sms_agreed:
        permit(life, agreed, PermissionKind.SMS)
    return hand


def _case(office: Office, opened_at: datetime, number: str, urgency: Urgency) -> dict[str, Any]:
    return {
        "programme_id": office.programme_id,
        "number": number,
        "state": CaseState.SUBMITTED.value,
        "stage": Stage.DETECTION.value,
        "version": 1,
        "last_seq": 0,
        "pathway_hash": office.pathway_hash,
        "operator_id": None,
        "urgency": urgency.value,
        "danger": Danger.UNSPECIFIED.value if urgency is Urgency.DANGER else None,
        "opened_at": opened_at,
        "closed_at": None,
        "outcome": None,
        "checks": {},
    }


def _alert(life: Life, asked: Asked) -> None:
    motives = {drawn(life.chance, figures().motives) for _ in range(life.chance.randint(1, 3))}
    giver = asked.giver
    slug = search_key(asked.person)
    life.add(
        "alert",
        case_id=life.case["id"],
        organisation_id=giver.id if giver else None,
        giver_name=asked.person,
        giver_email=f"{slug}@{giver.slug}.example" if giver else None,
        giver_phone=None,
        origin=FORM if giver else PHONE,
        motives=sorted(motives),
        free_text="",
        received_at=life.now,
    )


def examine(life: Life, register: Register, household: Household, inside: frozenset[str]) -> None:
    """What the engine will find when it looks at the alert."""
    doubles = register.meet(life.case, household)
    life.doubles = [double.id for double in doubles]
    life.case["checks"] = {
        "in_territory": household.place.code in inside,
        "possible_duplicates": [double.number for double in doubles],
    }
