"""The invented programme of a population: the demonstration's, with as many people as its size needs."""

from datetime import date
from random import Random
from typing import Final

from deployments.demonstration import FOLDER, communes
from deployments.play.story import Place, Setting, Staff, read_setting
from deployments.population.figures import Giving, Size, figures, names
from models.vocabulary import OrganisationKind, Role
from services.programme.programmes import OrganisationForm
from services.rules.finding import search_key

SLUG: Final = "vald-orne"
NEIGHBOURS: Final = (
    Place(code="69123", name="Lyon", postcodes=("69001",)),
    Place(code="69063", name="Collonges-au-Mont-d’Or", postcodes=("69660",)),
)


def setting_for(size: Size, *, years: int, today: date) -> Setting:
    """The programme, open since the first of those years."""
    base = read_setting(FOLDER / "stories" / "vald_orne.yaml")
    told = figures()
    team = told.team[size]
    organisations = [*base.organisations, *services(team.services)]
    operators = [each for each in organisations if each.kind is OrganisationKind.OPERATOR]
    for number in range(len(operators), team.operators):
        name = f"Habitat et énergie {number + 1}"
        email = f"accueil@operateur-{number + 1}.example"
        operators.append(
            OrganisationForm(slug=f"operateur-{number + 1}", kind=OrganisationKind.OPERATOR, name=name, email=email)
        )
    wanted = max(-(-told.visits_a_year[size] // told.visits_an_officer), len(operators))
    staff = {**base.staff, **_officers(operators, wanted), **_coordinators(team.coordinators)}
    known = {each.slug for each in organisations}
    return base.model_copy(
        update={
            "opened_on": min(base.opened_on, date(today.year - years - 1, 1, 1)),
            "organisations": (*organisations, *(each for each in operators if each.slug not in known)),
            "staff": staff,
            "communes": tuple(Place.model_validate(row) for row in communes()),
            "neighbours": (*base.neighbours, *NEIGHBOURS[:1]),
        }
    )


def services(of_a_kind: int) -> list[OrganisationForm]:
    """The services that give alerts, by kind of source."""
    return [form for source in figures().sources if source.slug for form in _services(source, of_a_kind)]


def _services(source: Giving, count: int) -> list[OrganisationForm]:
    if not source.many:
        return [_giver(source.slug, source.name)]
    places = [str(row["name"]) for row in communes()]
    chosen = Random(source.slug).sample(places, count)  # noqa: S311 - the same draw each time is what is wanted
    return [_giver(f"{source.slug}-{search_key(place)}", source.name.format(commune=_of(place))) for place in chosen]


def _of(place: str) -> str:
    return f"d’{place}" if place[0] in "AEIOUÉ" else f"de {place}"


def _giver(slug: str, name: str) -> OrganisationForm:
    return OrganisationForm(
        slug=slug,
        kind=OrganisationKind.ALERT_GIVER,
        name=name.replace("de L’", "de l’"),
        email=f"accueil@{slug}.example",
    )


def _officers(operators: list[OrganisationForm], wanted: int) -> dict[str, Staff]:
    return {
        f"officer-{number}": _person(f"officer-{number}", Role.OPERATOR, operators[number % len(operators)].slug)
        for number in range(wanted)
    }


def _coordinators(wanted: int) -> dict[str, Staff]:
    return {f"coordinator-{number}": _person(f"coordinator-{number}", Role.COORDINATOR) for number in range(1, wanted)}


def _person(key: str, role: Role, organisation: str | None = None) -> Staff:
    words, chance = names(), Random(key)  # noqa: S311 - the same draw each time is what is wanted
    name = f"{chance.choice(words.women + words.men)} {chance.choice(words.surnames)}"
    email = f"{key}@{organisation or SLUG}.example"
    return Staff(name=name, email=email, role=role, organisation=organisation)
